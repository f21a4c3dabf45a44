// The samples that hair covers, before anything is shaded: most of a card lies behind others.
centroid in vec3 v_position; centroid in vec3 v_normal; centroid in vec2 v_uv; centroid in vec3 v_rest;
centroid in vec4 v_a; centroid in vec4 v_b; centroid in float v_ao;
flat in float v_layer;
void main() {
    int mask = covered(opacity(v_uv, v_a), v_a.y);
    if (mask == 0) discard;
#ifdef MULTISAMPLED
    gl_SampleMask[0] = mask;
#endif
}
