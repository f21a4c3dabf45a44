// Surfaces with a sharp edge where their weight sinks below a half, before anything is shaded.
uniform float u_cut;
in vec3 v_position; in vec3 v_normal; in vec2 v_uv; in vec3 v_rest; in vec4 v_a; in vec4 v_b; in float v_ao;
flat in float v_layer;
void main() {
    if (u_cut > 0.5 && v_a.w < 0.5) discard;
}
