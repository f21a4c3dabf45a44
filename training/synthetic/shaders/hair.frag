// Cards: quads of many hairs, cut out by an alpha pattern; single hairs where u_strands is 0. v_a: place along, random,
// share of light that reaches this depth of the hair, opacity. v_b: direction along the hair.
uniform vec3 u_hair;
uniform vec3 u_tip;
uniform vec2 u_gloss;
centroid in vec3 v_position; centroid in vec3 v_normal; centroid in vec2 v_uv; centroid in vec3 v_rest;
centroid in vec4 v_a; centroid in vec4 v_b; centroid in float v_ao;
flat in float v_layer;
out vec4 colour;

void main() {
    float openness = clamp(v_ao, 0.0, 1.0);  // samples beside a triangle's edge see it continued
    float tone = tone_of(v_uv, v_a.x, v_a.y);
    vec3 t = normalize(v_b.xyz);
    vec3 v = normalize(u_eye - v_position);
    vec3 n = normalize(v_normal);
    if (dot(n, v) < 0.0) n = normalize(n - 1.6 * dot(n, v) * v);
    vec3 albedo = mix(u_hair, u_tip, v_a.x) * (0.6 + 0.9 * tone) * (0.75 + 0.5 * v_a.y);
    float depth = v_a.z * openness;
    float shadow = lit(v_position, n);
    vec3 diffuse = ambient(n) * depth;
    vec3 specular = vec3(0.0);
    float shift = 0.16 * (tone - 0.5);
    for (int i = 0; i < u_lights; ++i) {
        vec3 l = u_light[i];
        float arrives = (i == 0 ? shadow : 0.9) * depth;
        float along = dot(t, l);
        float scattered = sqrt(max(1.0 - along * along, 0.0)) * clamp(dot(n, l) * 0.7 + 0.35, 0.0, 1.0);
        diffuse += u_light_colour[i] * arrives * scattered;
        vec3 h = normalize(l + v);
        float first = dot(normalize(t + (shift - 0.07) * n), h), second = dot(normalize(t + (shift + 0.12) * n), h);
        float gate = clamp(dot(n, l) + 0.3, 0.0, 1.0) * arrives;
        specular += u_light_colour[i] * gate * u_gloss.x
                  * (0.10 * pow(sqrt(max(1.0 - first * first, 0.0)), u_gloss.y)
                     + 0.30 * albedo * pow(sqrt(max(1.0 - second * second, 0.0)), 0.3 * u_gloss.y) * (0.5 + tone));
    }
    colour = vec4(albedo * diffuse + specular, 1.0);
}
