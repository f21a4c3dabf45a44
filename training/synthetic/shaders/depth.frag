// Depth alone: shadows and the openness of the template.
uniform float u_strands;
uniform float u_cut;
uniform float u_layers; uniform float u_density;
centroid in vec3 v_position; centroid in vec3 v_normal; centroid in vec2 v_uv; centroid in vec3 v_rest;
centroid in vec4 v_a; centroid in vec4 v_b; centroid in float v_ao;
flat in float v_layer;
out float depth;
void main() {
    if (u_cut > 0.5 && v_a.w < 0.5) discard;
    float strands = v_a.w * smoothstep(1.0, 0.55, abs(v_uv.x * 2.0 - 1.0)) * smoothstep(1.02, 0.55, v_a.x);
    if (u_strands > 0.0 && strands < 0.45) discard;
    if (u_layers > 0.0 && smoothstep(0.46, 0.60, v_a.w) * u_density * (1.0 - 0.55 * v_layer / u_layers) < 0.5) discard;
    depth = gl_FragCoord.z;
}
