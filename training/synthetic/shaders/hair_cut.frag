// The samples that hair covers, before anything is shaded: most of a card lies behind others.
in vec3 v_position; in vec3 v_normal; in vec2 v_uv; in vec3 v_rest; in vec4 v_a; in vec4 v_b; in float v_ao;
flat in float v_layer;
void main() {
    int mask = covered(opacity(v_uv, v_a), v_a.y);
    if (mask == 0) discard;
    gl_SampleMask[0] = mask;
}
