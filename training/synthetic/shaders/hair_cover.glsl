// How much of a place of a hair card or a single hair is covered, and which samples of a pixel that makes.
uniform float u_strands;
uniform float u_samples;
uniform int u_salt;
uniform sampler2D u_noise;

float tone_of(vec2 uv, float along, float random) {
    if (u_strands == 0.0) return 0.5;
    return texture(u_noise, vec2(uv.x * u_strands * 0.05 + 3.1 * random, along * 0.03 + random)).b;
}

float opacity(vec2 uv, vec4 a) {
    float across = uv.x * 2.0 - 1.0;
    if (u_strands == 0.0) return a.w * smoothstep(1.0, 0.3, abs(across)) * smoothstep(1.0, 0.75, a.x);
    float strand = texture(u_noise, vec2(uv.x * u_strands * 0.035 + a.y, a.x * 0.04 + 0.37 * a.y)).b;
    float edge = smoothstep(1.0, 0.55, abs(across));
    float tip = smoothstep(1.02, 0.55, a.x + 0.35 * (strand - 0.5));
    float hairs = smoothstep(0.16, 0.34, strand * (0.35 + 0.85 * edge * tip));
    return a.w * hairs * smoothstep(0.0, 0.35, edge) * smoothstep(0.0, 0.3, tip);
}

// Integer hash of a place in the picture: the same bits on every driver.
float hashed(ivec2 p, int salt) {
    uint h = uint(p.x) * 0x8da6b343u ^ uint(p.y) * 0xd8163841u ^ uint(salt) * 0xcb1ab31fu;
    h ^= h >> 16; h *= 0x7feb352du; h ^= h >> 15; h *= 0x846ca68bu; h ^= h >> 16;
    return float(h >> 8) / 16777216.0;
}

// Bits of the samples that an opacity covers; different hairs take different ones.
int covered(float alpha, float random) {
    int samples = int(u_samples);
    int count = min(int(alpha * u_samples + hashed(ivec2(gl_FragCoord.xy), u_salt + int(random * 4096.0))), samples);
    int turn = int(random * 64.0) % samples;
    int mask = (1 << count) - 1;
    return ((mask << turn) | (mask >> (samples - turn))) & ((1 << samples) - 1);
}
