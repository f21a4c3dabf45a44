// The places that fur covers, before anything is shaded.
centroid in vec3 v_position; centroid in vec3 v_normal; centroid in vec2 v_uv; centroid in vec3 v_rest;
centroid in vec4 v_a; centroid in vec4 v_b; centroid in float v_ao;
flat in float v_layer;
void main() {
    float height = v_layer / u_layers;
    if (fur_ends(fur_hairs(fur_place(v_rest, normalize(v_normal), v_b, height)), v_a.w, height)) discard;
}
