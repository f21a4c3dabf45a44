// Cards: quads of many hairs, cut out by an alpha pattern; single hairs where u_strands is 0. v_a: place along, random,
// share of light that reaches this depth of the hair, opacity. v_b: direction along the hair.
uniform vec3 u_hair;
uniform vec3 u_tip;
uniform float u_strands;
uniform vec2 u_gloss;
uniform float u_samples;
uniform int u_salt;
uniform sampler2D u_noise;
in vec3 v_position; in vec3 v_normal; in vec2 v_uv; in vec3 v_rest; in vec4 v_a; in vec4 v_b; in float v_ao;
flat in float v_layer;
out vec4 colour;

float opacity(out float tone) {
    float across = v_uv.x * 2.0 - 1.0;
    if (u_strands == 0.0) {
        tone = 0.5;
        return v_a.w * smoothstep(1.0, 0.3, abs(across)) * smoothstep(1.0, 0.75, v_a.x);
    }
    float strand = texture(u_noise, vec2(v_uv.x * u_strands * 0.035 + v_a.y, v_a.x * 0.04 + 0.37 * v_a.y)).b;
    tone = texture(u_noise, vec2(v_uv.x * u_strands * 0.05 + 3.1 * v_a.y, v_a.x * 0.03 + v_a.y)).b;
    float edge = smoothstep(1.0, 0.55, abs(across));
    float tip = smoothstep(1.02, 0.55, v_a.x + 0.35 * (strand - 0.5));
    return v_a.w * smoothstep(0.30, 0.55, strand * (0.55 + 0.75 * edge * tip)) * edge * smoothstep(0.0, 0.3, tip);
}

void main() {
    float tone;
    float alpha = opacity(tone);
    int covered = int(alpha * u_samples + hashed(ivec2(gl_FragCoord.xy), u_salt + int(v_a.y * 4096.0)));
    if (covered <= 0) discard;
    int all = (1 << int(u_samples)) - 1;
    int turn = int(v_a.y * 64.0) % int(u_samples);
    int mask = (1 << min(covered, int(u_samples))) - 1;
    gl_SampleMask[0] = ((mask << turn) | (mask >> (int(u_samples) - turn))) & all;

    vec3 t = normalize(v_b.xyz);
    vec3 v = normalize(u_eye - v_position);
    vec3 n = normalize(v_normal);
    if (dot(n, v) < 0.0) n = normalize(n - 1.6 * dot(n, v) * v);
    vec3 albedo = mix(u_hair, u_tip, v_a.x) * (0.45 + 1.1 * tone) * (0.75 + 0.5 * v_a.y);
    float depth = v_a.z * v_ao;
    float shadow = lit(v_position, n);
    vec3 diffuse = ambient(n) * depth;
    vec3 specular = vec3(0.0);
    float shift = 0.16 * (tone - 0.5);
    for (int i = 0; i < 3; ++i) {
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
