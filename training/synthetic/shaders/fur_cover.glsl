// Where a layer of fur still has hairs.
uniform float u_layers;
uniform float u_density;
uniform float u_scale;          // hairs per centimetre, of the noise
uniform vec2 u_noise_offset;
uniform sampler2D u_noise;

vec2 fur_place(vec3 rest, vec3 normal, vec4 b, float height) {
    vec3 w = abs(normal);
    vec2 place = w.x > max(w.y, w.z) ? rest.zy : (w.y > w.z ? rest.xz : rest.xy);
    return place + height * b.xy;
}

vec2 fur_hairs(vec2 place) {
    return vec2(texture(u_noise, place * 0.05 * u_scale + u_noise_offset).b,
                texture(u_noise, place * 0.016 * u_scale + u_noise_offset.yx).b);
}

bool fur_ends(vec2 hairs, float amount, float height) {
    return mix(hairs.x, hairs.y, 0.35) < 1.02 - smoothstep(0.46, 0.60, amount) * u_density * (1.0 - 0.55 * height);
}
