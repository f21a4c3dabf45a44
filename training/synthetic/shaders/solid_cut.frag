// Surfaces with a sharp edge where their weight sinks below a half, before anything is shaded.
uniform float u_cut;
centroid in vec3 v_position; centroid in vec3 v_normal; centroid in vec2 v_uv; centroid in vec3 v_rest;
centroid in vec4 v_a; centroid in vec4 v_b; centroid in float v_ao;
flat in float v_layer;
void main() {
    if (u_cut > 0.5 && v_a.w < 0.5) discard;
}
