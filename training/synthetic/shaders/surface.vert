uniform mat4 u_clip;
uniform float u_layer_step;   // fur: distance between two layers, cm
uniform float u_droop;        // fur: how far the tips sink, as a share of their length
in vec3 in_position;
in vec3 in_normal;
in vec2 in_uv;
in vec3 in_rest;
in vec4 in_a;
in vec4 in_b;
in float in_ao;
centroid out vec3 v_position;
centroid out vec3 v_normal;
centroid out vec2 v_uv;
centroid out vec3 v_rest;
centroid out vec4 v_a;
centroid out vec4 v_b;
centroid out float v_ao;
flat out float v_layer;
invariant gl_Position;  // the passes must agree to the bit
void main() {
    float height = u_layer_step * float(gl_InstanceID);
    vec3 grown = in_normal * height * in_b.w;
    grown.y -= u_droop * length(grown);
    v_position = in_position + grown;
    v_normal = in_normal;
    v_uv = in_uv;
    v_rest = in_rest;
    v_a = in_a;
    v_b = in_b;
    v_ao = in_ao;
    v_layer = float(gl_InstanceID);
    gl_Position = u_clip * vec4(v_position, 1.0);
}
