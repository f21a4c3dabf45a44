// The places that fur covers, before anything is shaded.
in vec3 v_position; in vec3 v_normal; in vec2 v_uv; in vec3 v_rest; in vec4 v_a; in vec4 v_b; in float v_ao;
flat in float v_layer;
void main() {
    float height = v_layer / u_layers;
    if (fur_ends(fur_hairs(fur_place(v_rest, normalize(v_normal), v_b, height)), v_a.w, height)) discard;
}
