uniform vec3 u_sclera;
uniform vec3 u_iris;
uniform vec3 u_iris_inner;
uniform vec4 u_eye_shape;       // iris radius, pupil radius (both sine of the angle off the gaze), limbal ring, redness
uniform vec3 u_gaze;
uniform vec3 u_centre;
uniform float u_radius;
uniform float u_wet;            // strength of the highlights
uniform float u_lid_shadow;
uniform vec4 u_window;          // catch light: direction x, y, half width, half height
uniform vec2 u_noise_offset;
uniform sampler2D u_noise;
centroid in vec3 v_position; centroid in vec3 v_normal; centroid in vec2 v_uv; centroid in vec3 v_rest;
centroid in vec4 v_a; centroid in vec4 v_b; centroid in float v_ao;
flat in float v_layer;
out vec4 colour;

void main() {
    vec3 n = normalize(v_position - u_centre);
    vec3 v = normalize(u_eye - v_position);
    vec3 right = normalize(cross(vec3(0.0, 1.0, 0.0), u_gaze)), up = cross(u_gaze, right);
    vec3 local = vec3(dot(n, right), dot(n, up), dot(n, u_gaze));
    float off = local.z > 0.0 ? length(local.xy) : 2.0;
    float angle = atan(local.y, local.x) / 6.2831853;

    vec4 veins = texture(u_noise, local.xy * 0.35 + u_noise_offset);
    float vein = smoothstep(0.055, 0.0, abs(veins.b - 0.5)) * smoothstep(0.5, 0.95, off);
    float corner = smoothstep(0.50, 1.0, off);
    float blood = clamp(u_eye_shape.w * (vein + 0.7 * corner), 0.0, 1.0);
    vec3 white = u_sclera * mix(vec3(1.0), vec3(0.92, 0.70, 0.66), blood);

    float r = off / u_eye_shape.x;
    float spokes = texture(u_noise, vec2(angle * 1.0, 0.035 * r) + u_noise_offset).b;
    float fibres = texture(u_noise, vec2(angle * 3.0, 0.10 * r) + u_noise_offset.yx).b;
    vec3 iris = mix(u_iris_inner, u_iris, smoothstep(0.30, 0.75, r + 0.35 * (spokes - 0.5)));
    iris *= 0.60 + 0.55 * spokes + 0.45 * (fibres - 0.2);
    iris *= 1.0 - u_eye_shape.z * smoothstep(0.72, 0.98, r);
    float edge = 0.06;
    float pupil = smoothstep(u_eye_shape.y + 0.02, u_eye_shape.y - 0.02, off);
    vec3 albedo = mix(mix(iris, vec3(0.008), pupil), white, smoothstep(1.0 - edge, 1.0 + edge, r));

    // The cornea bulges: over the iris its normal leaves the eyeball's.
    vec3 bulge = normalize(n + (right * local.x + up * local.y) * 0.55 * smoothstep(1.15, 0.7, r));
    float height = (v_position.y - u_centre.y) / u_radius;
    float lid = mix(1.0, smoothstep(0.62, -0.02, height), u_lid_shadow);
    float shadow = lit(v_position, n);
    vec3 diffuse = ambient(n) * lid * 0.9;
    vec3 specular = ambient(reflect(-v, bulge)) * fresnel(dot(bulge, v)) * lid * 0.8;
    for (int i = 0; i < u_lights; ++i) {
        float arrives = i == 0 ? mix(shadow, 1.0, 0.15) : 0.8;
        diffuse += u_light_colour[i] * arrives * lid * max((dot(n, u_light[i]) + 0.2) / 1.2, 0.0);
        specular += u_light_colour[i] * arrives * u_wet
                  * (0.010 * lobe(bulge, u_light[i], v, 900.0) + 0.008 * lobe(n, u_light[i], v, 120.0));
    }
    // A window or soft box reflected in the cornea.
    vec3 mirrored = reflect(-v, bulge);
    vec2 seen = abs(mirrored.xy - u_window.xy) - u_window.zw;
    float pane = smoothstep(0.04, 0.0, max(seen.x, seen.y)) * step(0.0, mirrored.z);
    specular += pane * u_wet * 0.22 * (ambient(n) + u_light_colour[0]) * mix(0.5, 1.0, lid);
    colour = vec4(albedo * diffuse + specular, 1.0);
}
