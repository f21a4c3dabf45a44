// Teeth, tongue, cloth, frames of glasses and whatever else hides a face. v_a: colour, and the weight of the cut.
uniform vec3 u_tint;
uniform vec4 u_pattern;         // stripes across, stripes along, amount, grain
uniform vec3 u_second;
uniform vec2 u_shine;
uniform float u_mirror;         // lenses: how much of the surroundings they show
uniform float u_opacity;
uniform vec2 u_suit;            // whether a jacket with shirt and tie is drawn, height of its collar
uniform vec3 u_jacket;
uniform vec3 u_tie;
uniform sampler2D u_noise;
centroid in vec3 v_position; centroid in vec3 v_normal; centroid in vec2 v_uv; centroid in vec3 v_rest;
centroid in vec4 v_a; centroid in vec4 v_b; centroid in float v_ao;
flat in float v_layer;
out vec4 colour;

void main() {
    float openness = clamp(v_ao, 0.0, 1.0);  // samples beside a triangle's edge see it continued
    vec3 v = normalize(u_eye - v_position);
    vec3 n = normalize(v_normal);
    if (dot(n, v) < 0.0) n = -n;
    float wave = 0.5 + 0.5 * sin(v_uv.x * u_pattern.x + v_uv.y * u_pattern.y);
    vec4 noise = texture(u_noise, v_uv * 0.35);
    vec3 albedo = u_tint * v_a.rgb;
    albedo = mix(albedo, u_second * v_a.rgb, u_pattern.z * smoothstep(0.4, 0.6, wave));
    if (u_suit.x > 0.5) {
        float down = u_suit.y - 1.0 - v_rest.y, beside = abs(v_rest.x);
        bool front = v_rest.z > -7.0;
        float opening = 5.6 - 0.30 * max(down, 0.0);
        bool jacket = !front || beside > opening && down > 0.2 || (down > 3.0 && beside > opening - 0.1);
        if (jacket) albedo = u_jacket * (beside < opening + 0.25 ? 0.55 : 1.0);
        else if (beside < 0.8 + 0.10 * max(down - 2.0, 0.0) && down > 2.2) albedo = u_tie * (0.8 + 0.4 * wave);
    }
    albedo *= 1.0 + u_pattern.w * 2.0 * (noise.b - 0.5);
    n = normalize(n + u_pattern.w * 0.8 * vec3(noise.rg - 0.5, 0.0));
    float shadow = lit(v_position, n);
    vec3 diffuse = ambient(n) * openness;
    vec3 mirrored = reflect(-v, n);
    float f = fresnel(dot(n, v));
    vec3 specular = ambient(mirrored) * (f * u_shine.x + u_mirror) * openness;
    for (int i = 0; i < u_lights; ++i) {
        vec3 arrives = u_light_colour[i] * (i == 0 ? shadow : mix(openness, 1.0, 0.3));
        diffuse += arrives * max(dot(n, u_light[i]), 0.0);
        specular += arrives * (0.04 * u_shine.x + u_mirror * 0.5) * lobe(n, u_light[i], v, u_shine.y);
    }
    float alpha = clamp(u_opacity, 0.0, 1.0);
    colour = vec4((albedo * diffuse) * alpha + specular, alpha);
}
