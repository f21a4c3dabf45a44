uniform vec3 u_albedo;
uniform vec3 u_lip;
uniform float u_lip_cover;      // 0: the skin's own redness, 1: opaque lipstick
uniform vec4 u_region;          // redness of cheeks, nose, ears; darkness about the eyes
uniform vec4 u_texture;         // pores, wrinkles, blotches, spots
uniform vec2 u_gloss;           // amount, exponent
uniform float u_lip_gloss;
uniform vec3 u_hair;
uniform vec2 u_cover;           // hair's colour on the scalp, below a beard
uniform vec3 u_eyeshadow;
uniform vec2 u_noise_offset;
uniform sampler2D u_noise;      // gradient x, y, height, slow noise
uniform sampler2D u_paint;      // gradient x, y of wrinkles, spots, redness; over the rest pose seen from the front
uniform float u_shade;          // amount of eyeshadow
centroid in vec3 v_position; centroid in vec3 v_normal; centroid in vec2 v_uv; centroid in vec3 v_rest;
centroid in vec4 v_a; centroid in vec4 v_b; centroid in float v_ao;
flat in float v_layer;
out vec4 colour;

void main() {
    float openness = clamp(v_ao, 0.0, 1.0);  // samples beside a triangle's edge see it continued
    vec3 n = normalize(v_normal);
    vec3 v = normalize(u_eye - v_position);
    float side = smoothstep(0.45, 0.85, abs(n.x));
    vec2 front = v_rest.xy, flank = vec2(v_rest.z, v_rest.y);
    vec2 place = mix(front, flank, step(0.5, side));
    vec4 fine = texture(u_noise, place * 0.22 + u_noise_offset);
    vec4 coarse = texture(u_noise, place * 0.041 + u_noise_offset.yx);
    vec2 map = vec2(v_rest.x / 20.0 + 0.5, (v_rest.y + 14.0) / 28.0);
    float facing = smoothstep(0.05, 0.45, n.z);
    vec4 paint = mix(vec4(0.5, 0.5, 0.0, 0.5), texture(u_paint, map), facing);
    vec2 lid = vec2((abs(v_rest.x) - 3.0) / 1.7, (v_rest.y - 0.55) / 0.65);
    float makeup = u_shade * facing * exp(-dot(lid, lid));

    float lips = v_a.x, lids = v_a.y, cheeks = v_b.x, nose = v_b.y, ears = v_b.z;
    vec2 g = (fine.rg - 0.5) * u_texture.x * (1.0 - 0.5 * lips) + (paint.rg - 0.5) * u_texture.y;
    vec3 gradient = side > 0.5 ? vec3(0.0, g.y, g.x) : vec3(g, 0.0);
    vec3 bumped = normalize(n - (gradient - n * dot(gradient, n)));

    // Colour: blood reddens, pigment darkens, each by its own absorption per channel.
    float red = u_region.x * cheeks + u_region.y * nose + u_region.z * ears + (paint.a - 0.5) * 1.2
              + u_texture.z * (coarse.a - 0.5) * 2.0;
    float dark = u_texture.w * paint.b + u_region.w * lids + 0.5 * u_texture.z * (coarse.b - 0.5);
    vec3 albedo = u_albedo * exp(-red * vec3(-0.04, 0.34, 0.30) - dark * vec3(0.55, 0.85, 1.05));
    albedo *= 1.0 + 0.10 * (fine.b - 0.5);
    vec3 own = mix(albedo, u_lip, 0.75) * (1.0 + 0.25 * (fine.b - 0.5));
    albedo = mix(albedo, mix(own, u_lip, u_lip_cover), lips);
    albedo = mix(albedo, u_eyeshadow, makeup);
    float scalp = u_cover.x * smoothstep(0.45, 0.56, v_a.w + 0.05 * (fine.b - 0.5));
    float beard = u_cover.y * smoothstep(0.44, 0.58, v_b.w);
    albedo = mix(albedo, u_hair * (0.35 + 0.6 * fine.b), scalp);
    if (beard > 0.01) {
        float grain = smoothstep(0.35, 0.75, texture(u_noise, place * 0.6).b);
        albedo = mix(albedo, mix(u_hair, albedo * vec3(0.62, 0.66, 0.74), 0.5), beard * (0.35 + 0.65 * grain));
    }

    // Light: red scatters furthest below the skin, so that its shading is the softest.
    vec3 wrap = vec3(0.34, 0.16, 0.10);
    float shadow = lit(v_position, n);
    vec3 tinted = vec3(pow(shadow, 0.75), shadow, shadow);
    vec3 soft = normalize(mix(n, bumped, 0.6));
    vec3 ao = pow(vec3(openness), vec3(0.75, 1.0, 1.05));
    vec3 diffuse = ambient(soft) * ao;
    float facing_eye = max(dot(bumped, v), 0.02);
    float shine = u_gloss.x * (0.55 + 0.9 * nose + 0.5 * coarse.a) * (0.6 + 0.8 * fine.a) + u_lip_gloss * lips;
    shine *= 1.0 - 0.8 * scalp;
    vec3 specular = ambient(reflect(-v, bumped)) * fresnel(facing_eye) * openness * openness * (0.15 + 0.6 * shine);
    for (int i = 0; i < u_lights; ++i) {
        vec3 l = u_light[i];
        vec3 cosine = max((vec3(dot(n, l), dot(soft, l), dot(bumped, l)) + wrap) / (1.0 + wrap), 0.0);
        vec3 arrives = u_light_colour[i] * (i == 0 ? tinted : vec3(mix(openness, 1.0, 0.4)));
        diffuse += arrives * cosine;
        float f = fresnel(dot(normalize(l + v), v));
        float exponent = mix(u_gloss.y, 90.0, lips * 0.8);
        specular += arrives * f * shine * max(dot(bumped, l), 0.0)
                  * (lobe(bumped, l, v, exponent) * 3.0 + lobe(n, l, v, 0.25 * exponent));
    }
    colour = vec4(albedo * diffuse + specular, 1.0);
}
