/* The parabola GAN's alternating step, written by hand for a compiler that vectorises.

   Features first, the batch innermost; one seed after another, threads over seeds. Draws are 16
   xoshiro128+ generators side by side (Blackman and Vigna 2021), made Gaussian by Box and Muller's
   transform with polynomials for the logarithm, the sine and the cosine, so that it vectorises too. */

#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#define LATENT 5
#define HIDDEN_G 15
#define HIDDEN_D 25
#define HALF 64
#define BATCH 128
#define LANES 16
#define INLINE static inline __attribute__((always_inline))
#define ALIGNED __attribute__((aligned(64)))

/* Places in a seed's weights; kernels are [out][in]. */
enum {
    G1 = 0,
    G1_BIAS = G1 + HIDDEN_G * LATENT,
    G2 = G1_BIAS + HIDDEN_G,
    G2_BIAS = G2 + 2 * HIDDEN_G,
    G_END = G2_BIAS + 2,
    D1 = G_END,
    D1_BIAS = D1 + HIDDEN_D * 2,
    D2 = D1_BIAS + HIDDEN_D,
    D2_BIAS = D2 + HIDDEN_D,
    D_END = D2_BIAS + 1,
};

INLINE float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

INLINE uint32_t to_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* log x, x > 0 and normal: 2 atanh((m - 1) / (m + 1)) of the mantissa, in sqrt(1/2) .. sqrt(2). */
INLINE float fast_log(float x) {
    uint32_t bits = to_bits(x) - 0x3f3504f3u;
    float exponent = (float)((int32_t)bits >> 23);
    float m = from_bits((bits & 0x007fffffu) + 0x3f3504f3u);
    float s = (m - 1) / (m + 1), q = s * s;
    float series = 1 + q * (1 / 3.f + q * (1 / 5.f + q * (1 / 7.f + q * (1 / 9.f))));
    return exponent * 0.69314718056f + 2 * s * series;
}

/* e^x by 2^n times the series of e^r, |r| <= log(2) / 2; x within -80 .. 80. */
INLINE float fast_exp(float x) {
    x = x < -80 ? -80 : x > 80 ? 80 : x;
    float t = x * 1.44269504089f;
    int32_t n = (int32_t)(t + (t < 0 ? -0.5f : 0.5f));
    float r = (t - (float)n) * 0.69314718056f;
    float series = 1 + r * (1 + r * (1 / 2.f + r * (1 / 6.f + r * (1 / 24.f + r * (1 / 120.f +
                   r * (1 / 720.f))))));
    return series * from_bits((uint32_t)(n + 127) << 23);
}

INLINE float sigmoid(float x) { return 1 / (1 + fast_exp(-x)); }

INLINE float softplus(float x) {
    return (x > 0 ? x : 0) + fast_log(1 + fast_exp(x > 0 ? -x : x));
}

/* Fill n random words, n a multiple of LANES. */
INLINE void words(uint32_t *restrict rng, uint32_t *restrict out, int n) {
    for (int i = 0; i < n; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            uint32_t a = rng[l], b = rng[LANES + l], c = rng[2 * LANES + l], d = rng[3 * LANES + l];
            out[i + l] = a + d;
            uint32_t shifted = b << 9;
            c ^= a;
            d ^= b;
            b ^= c;
            a ^= d;
            c ^= shifted;
            rng[l] = a;
            rng[LANES + l] = b;
            rng[2 * LANES + l] = c;
            rng[3 * LANES + l] = (d << 11) | (d >> 21);
        }
    }
}

/* n standard Gaussians: radius from one word, angle from another, two numbers from both. */
INLINE void gaussians(uint32_t *restrict rng, float *restrict out, int n) {
    uint32_t ALIGNED drawn[(HALF + BATCH) * LATENT];
    words(rng, drawn, n);
    int pairs = n / 2;
    for (int i = 0; i < pairs; i++) {
        float u = ((float)(int32_t)(drawn[i] >> 8) + 1) * 0x1p-24f;
        float radius = sqrtf(-2 * fast_log(u));
        /* A quarter of the turn from the two highest bits, the angle in it from the next 24. */
        uint32_t word = drawn[pairs + i], quarter = word >> 30;
        float angle = ((float)(int32_t)((word >> 6) & 0xffffffu) * 0x1p-24f - 0.5f) * 1.57079632679f;
        float q = angle * angle;
        float s = angle * (1 + q * (-1 / 6.f + q * (1 / 120.f + q * (-1 / 5040.f))));
        float c = 1 + q * (-1 / 2.f + q * (1 / 24.f + q * (-1 / 720.f + q * (1 / 40320.f))));
        float one = quarter & 1 ? s : c, other = quarter & 1 ? c : s;
        out[i] = radius * (quarter & 2 ? -one : one);
        out[pairs + i] = radius * (quarter & 2 ? -other : other);
    }
}

/* The generator's samples x [2][n] of z [LATENT][n]; keeps its hidden outputs [HIDDEN_G][n]. */
INLINE void generate(const float *restrict w, const float *restrict z, float *restrict hidden,
                     float *restrict x, int n) {
    for (int j = 0; j < HIDDEN_G; j++) {
        const float *row = w + G1 + j * LATENT;
        for (int i = 0; i < n; i++) {
            float sum = w[G1_BIAS + j];
            for (int k = 0; k < LATENT; k++) sum += row[k] * z[k * n + i];
            hidden[j * n + i] = sum > 0 ? sum : 0;
        }
    }
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < n; i++) {
            float sum = w[G2_BIAS + k];
            for (int j = 0; j < HIDDEN_G; j++) sum += w[G2 + k * HIDDEN_G + j] * hidden[j * n + i];
            x[k * n + i] = sum;
        }
    }
}

/* The discriminator's logits of x [2][BATCH]; keeps its hidden outputs. */
INLINE void discriminate(const float *restrict w, const float *restrict x, float *restrict hidden,
                         float *restrict logits) {
    for (int i = 0; i < BATCH; i++) logits[i] = w[D2_BIAS];
    for (int j = 0; j < HIDDEN_D; j++) {
        float a = w[D1 + 2 * j], b = w[D1 + 2 * j + 1], bias = w[D1_BIAS + j], out = w[D2 + j];
        for (int i = 0; i < BATCH; i++) {
            float sum = a * x[i] + b * x[BATCH + i] + bias;
            float h = sum > 0 ? sum : 0;
            hidden[j * BATCH + i] = h;
            logits[i] += out * h;
        }
    }
}

/* Adam's update number t of the weights from first to end, t counting from 1. */
INLINE void adam(float *restrict w, float *restrict m, float *restrict v, const float *restrict g,
                 int first, int end, float of_m, float of_v) {
    for (int p = first; p < end; p++) {
        m[p] = 0.9f * m[p] + 0.1f * g[p];
        v[p] = 0.999f * v[p] + 0.001f * g[p] * g[p];
        w[p] -= 1e-3f * (m[p] * of_m) / (sqrtf(v[p] * of_v) + 1e-8f);
    }
}

/* One step; losses[2] are the discriminator's and the generator's, filled where it is not NULL. */
INLINE void step(float *restrict w, float *restrict m, float *restrict v, long t,
                 const float *restrict z_d, const float *restrict x_real,
                 const float *restrict z_g, float *losses) {
    float ALIGNED g[D_END], ALIGNED x[2 * BATCH], ALIGNED fake[2 * HALF], ALIGNED logits[BATCH];
    float ALIGNED hidden_g[HIDDEN_G * BATCH], ALIGNED hidden_d[HIDDEN_D * BATCH];
    float ALIGNED slope[BATCH], ALIGNED back[2 * BATCH];
    float of_m = 1 / (1 - powf(0.9f, t)), of_v = 1 / (1 - powf(0.999f, t));

    generate(w, z_d, hidden_g, fake, HALF);
    for (int k = 0; k < 2; k++) {
        memcpy(x + k * BATCH, x_real + k * HALF, HALF * sizeof(float));
        memcpy(x + k * BATCH + HALF, fake + k * HALF, HALF * sizeof(float));
    }
    discriminate(w, x, hidden_d, logits);
    for (int i = 0; i < HALF; i++) slope[i] = (sigmoid(logits[i]) - 1) / HALF;
    for (int i = HALF; i < BATCH; i++) slope[i] = sigmoid(logits[i]) / HALF;
    if (losses) {
        float loss = 0;
        for (int i = 0; i < HALF; i++) loss += softplus(-logits[i]) + softplus(logits[HALF + i]);
        losses[0] = loss / HALF;
    }
    float total = 0;
    for (int i = 0; i < BATCH; i++) total += slope[i];
    g[D2_BIAS] = total;
    for (int j = 0; j < HIDDEN_D; j++) {
        float of_out = 0, of_bias = 0, of_x = 0, of_y = 0, out = w[D2 + j];
        for (int i = 0; i < BATCH; i++) {
            float h = hidden_d[j * BATCH + i], into = h > 0 ? out * slope[i] : 0;
            of_out += slope[i] * h;
            of_bias += into;
            of_x += into * x[i];
            of_y += into * x[BATCH + i];
        }
        g[D2 + j] = of_out;
        g[D1_BIAS + j] = of_bias;
        g[D1 + 2 * j] = of_x;
        g[D1 + 2 * j + 1] = of_y;
    }
    adam(w, m, v, g, D1, D_END, of_m, of_v);

    generate(w, z_g, hidden_g, x, BATCH);
    discriminate(w, x, hidden_d, logits);
    for (int i = 0; i < BATCH; i++) slope[i] = (sigmoid(logits[i]) - 1) / BATCH;
    if (losses) {
        float loss = 0;
        for (int i = 0; i < BATCH; i++) loss += softplus(-logits[i]);
        losses[1] = loss / BATCH;
    }
    memset(back, 0, sizeof back);
    for (int j = 0; j < HIDDEN_D; j++) {
        float a = w[D1 + 2 * j] * w[D2 + j], b = w[D1 + 2 * j + 1] * w[D2 + j];
        for (int i = 0; i < BATCH; i++) {
            float on = hidden_d[j * BATCH + i] > 0 ? slope[i] : 0;
            back[i] += a * on;
            back[BATCH + i] += b * on;
        }
    }
    for (int k = 0; k < 2; k++) {
        float of_bias = 0;
        for (int i = 0; i < BATCH; i++) of_bias += back[k * BATCH + i];
        g[G2_BIAS + k] = of_bias;
    }
    for (int j = 0; j < HIDDEN_G; j++) {
        float of_x = 0, of_y = 0, of_bias = 0, of_z[LATENT] = {0};
        float a = w[G2 + j], b = w[G2 + HIDDEN_G + j];
        for (int i = 0; i < BATCH; i++) {
            float h = hidden_g[j * BATCH + i];
            float into = h > 0 ? a * back[i] + b * back[BATCH + i] : 0;
            of_x += h * back[i];
            of_y += h * back[BATCH + i];
            of_bias += into;
            for (int k = 0; k < LATENT; k++) of_z[k] += into * z_g[k * BATCH + i];
        }
        g[G2 + j] = of_x;
        g[G2 + HIDDEN_G + j] = of_y;
        g[G1_BIAS + j] = of_bias;
        for (int k = 0; k < LATENT; k++) g[G1 + j * LATENT + k] = of_z[k];
    }
    adam(w, m, v, g, 0, G_END, of_m, of_v);
}

/* Take one step of one seed on batches that are given, features first. */
void step_on(float *w, float *m, float *v, long t, const float *z_d, const float *x_real,
             const float *z_g, float *losses) {
    step(w, m, v, t, z_d, x_real, z_g, losses);
}

/* n standard Gaussians, n a multiple of 32, at most (HALF + BATCH) LATENT: to test the draws. */
void draw_gaussians(uint32_t *rng, float *out, int n) { gaussians(rng, out, n); }

/* Flush subnormal numbers to zero, as XLA does too while it computes; return what was set. */
INLINE unsigned flush_subnormals(void) {
#ifdef __SSE__
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* FTZ and DAZ */
    return before;
#else
    return 0;
#endif
}

INLINE void restore(unsigned before) {
#ifdef __SSE__
    _mm_setcsr(before);
#endif
}

/* Train every seed for so many steps after `taken`; losses [seed][2] are the last step's. */
void train(int seeds, long steps, long taken, float *weights, float *means, float *squares,
           uint32_t *states, float *losses) {
#pragma omp parallel for schedule(static)
    for (int seed = 0; seed < seeds; seed++) {
        unsigned before = flush_subnormals();
        float *w = weights + seed * D_END, *m = means + seed * D_END, *v = squares + seed * D_END;
        uint32_t *rng = states + seed * 4 * LANES;
        float ALIGNED z[(HALF + BATCH) * LATENT], ALIGNED x[2 * HALF];
        uint32_t ALIGNED drawn[HALF];
        for (long t = taken + 1; t <= taken + steps; t++) {
            gaussians(rng, z, (HALF + BATCH) * LATENT);
            words(rng, drawn, HALF);
            for (int i = 0; i < HALF; i++) {
                x[i] = (float)(int32_t)(drawn[i] >> 8) * 0x1p-24f - 0.5f;
                x[HALF + i] = x[i] * x[i];
            }
            step(w, m, v, t, z, x, z + HALF * LATENT, t == taken + steps ? losses + 2 * seed : 0);
        }
        restore(before);
    }
}
