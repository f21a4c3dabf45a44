// Short hair and beards: layers of the skin, each cut out where the hairs have ended. v_a.w: even weight of where it
// grows; v_b.xy: how its pattern is combed; v_b.w: share of the full length.
uniform vec3 u_hair;
uniform vec3 u_tip;
uniform vec2 u_gloss;
centroid in vec3 v_position; centroid in vec3 v_normal; centroid in vec2 v_uv; centroid in vec3 v_rest;
centroid in vec4 v_a; centroid in vec4 v_b; centroid in float v_ao;
flat in float v_layer;
out vec4 colour;

void main() {
    float openness = clamp(v_ao, 0.0, 1.0);  // samples beside a triangle's edge see it continued
    vec3 n = normalize(v_normal);
    float height = v_layer / u_layers;
    vec2 place = fur_place(v_rest, n, v_b, height);
    vec2 hairs = fur_hairs(place);
    float fine = hairs.x, coarse = hairs.y;
    vec3 v = normalize(u_eye - v_position);
    vec3 albedo = mix(u_hair, u_tip, height) * (0.5 + 0.9 * fine);
    float depth = mix(0.35, 1.0, height) * mix(0.5, 1.0, openness);
    vec3 lean = normalize(n + 0.9 * vec3(fine - 0.5, coarse - 0.5, texture(u_noise, place * 0.07).b - 0.5));
    vec3 diffuse = ambient(lean) * depth;
    vec3 specular = vec3(0.0);
    float shadow = lit(v_position, n);
    for (int i = 0; i < u_lights; ++i) {
        vec3 arrives = u_light_colour[i] * (i == 0 ? shadow : 0.9) * depth;
        diffuse += arrives * clamp(dot(lean, u_light[i]) * 0.8 + 0.2, 0.0, 1.0);
        specular += arrives * u_gloss.x * 0.03 * lobe(lean, u_light[i], v, 0.3 * u_gloss.y);
    }
    colour = vec4(albedo * diffuse + specular, 1.0);
}
