// Shared by all materials. Head coordinates (centimetres) throughout; colours are linear.
uniform vec3 u_eye;              // camera's place
uniform vec3 u_irradiance[9];    // spherical harmonics of the ambient light, already convolved with the cosine
uniform vec3 u_light[3];         // unit vectors towards the lights
uniform vec3 u_light_colour[3];
uniform int u_lights;            // how many of them are on
uniform mat4 u_shadow_matrix;    // head coordinates to the key light's depth map, in [0, 1]
uniform sampler2D u_shadow;
uniform float u_shadow_softness; // radius in the depth map's own coordinates

vec3 ambient(vec3 n) {
    return max(vec3(0.0),
        u_irradiance[0] + u_irradiance[1] * n.y + u_irradiance[2] * n.z + u_irradiance[3] * n.x
        + u_irradiance[4] * n.x * n.y + u_irradiance[5] * n.y * n.z + u_irradiance[6] * (3.0 * n.z * n.z - 1.0)
        + u_irradiance[7] * n.x * n.z + u_irradiance[8] * (n.x * n.x - n.y * n.y));
}

const vec2 RING[8] = vec2[8](vec2(0.92, 0.38), vec2(-0.38, 0.92), vec2(-0.92, -0.38), vec2(0.38, -0.92),
                             vec2(0.35, 0.35), vec2(-0.35, 0.35), vec2(-0.35, -0.35), vec2(0.35, -0.35));

// Share of the key light that arrives, in [0, 1]; the normal moves the place off the surface against self-shadowing.
float lit(vec3 position, vec3 normal) {
    vec3 place = (u_shadow_matrix * vec4(position + 0.12 * normal + 0.10 * u_light[0], 1.0)).xyz;
    float sum = 0.0;
    for (int i = 0; i < 8; ++i)
        sum += step(place.z, texture(u_shadow, place.xy + u_shadow_softness * RING[i]).r);
    return sum / 8.0;
}

// Blinn-Phong lobe normalised so that the reflected energy does not depend on the exponent.
float lobe(vec3 n, vec3 l, vec3 v, float exponent) {
    return (exponent + 8.0) / 25.0 * pow(max(dot(n, normalize(l + v)), 0.0), exponent);
}

float fresnel(float cosine) {
    float x = 1.0 - clamp(cosine, 0.0, 1.0);  // rough surfaces never become mirrors
    return 0.028 + 0.22 * x * x * x * x * x;
}
