/* The same training in plain C: the limit that the other peers are compared with.
 *
 * Both networks end alike: every word has a row of a small table, the SimpleRNN adds up rows and
 * states, a Dense(1, sigmoid) reads the last state.
 *   one-hot    table = kernel + bias                 (words, units)
 *   embedding  table = embeddings @ kernel + bias    (words, units), once a batch
 * A tile is LANES reviews side by side: every inner loop below runs over lanes, which the compiler
 * turns into vector instructions. Threads share a batch tile by tile, each with gradients of its
 * own.
 *
 * All weights lie in one array, in this order: embeddings (words, size), if there are any; kernel
 * (inputs, units); recurrent kernel (units, units); bias (units); dense kernel (units, 1); dense
 * bias (1). Compile with -O3 -march=native -ffast-math -fopenmp -shared -fPIC.
 */
#include <math.h>
#include <omp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 300
#define TIME 100
#define UNITS 8
#define SIZE 16
#define BATCH 64
#define LANES 16
#define MAX_THREADS (BATCH / LANES)

static const float learning_rate = 1e-4f, rho = 0.9f, epsilon = 1e-7f, clip = 1e-7f;

typedef struct {
    float *embeddings; /* NULL: one-hot */
    float *kernel, *recurrent, *bias, *dense, *dense_bias;
} Weights;

static Weights weights_in(float *parameters, int embedded) {
    Weights w;
    w.embeddings = embedded ? parameters : NULL;
    w.kernel = parameters + (embedded ? WORDS * SIZE : 0);
    w.recurrent = w.kernel + (embedded ? SIZE : WORDS) * UNITS;
    w.bias = w.recurrent + UNITS * UNITS;
    w.dense = w.bias + UNITS;
    w.dense_bias = w.dense + UNITS;
    return w;
}

/* What one thread adds up over its tiles of a batch, and its room to work in. */
typedef struct {
    float table[WORDS][UNITS];
    float kernel[SIZE][UNITS];
    float recurrent[UNITS][UNITS];
    float bias[UNITS];
    float dense[UNITS];
    float dense_bias;
    double loss;
    int64_t right;
    _Alignas(64) int32_t words[TIME][LANES];
    _Alignas(64) float states[TIME + 1][UNITS][LANES]; /* states[0] = 0 */
    _Alignas(64) float d_sums[TIME][UNITS][LANES];     /* loss by what tanh is taken of */
} Scratch;

/* x P(x^2) / Q(x^2): within 1e-6 of tanh, and unlike tanhf a vector instruction wide. */
static inline float fast_tanh(float x) {
    x = x > 9.0f ? 9.0f : x;
    x = x < -9.0f ? -9.0f : x;
    float s = x * x;
    float p = -5.04762187603e-9f;
    p = p * s + 6.51484242553e-6f;
    p = p * s + 2.60671623982e-3f;
    p = p * s + 1.26228943467e-1f;
    p = p * s + 9.99999463558e-1f;
    float q = 1.85411379789e-4f;
    q = q * s + 2.24646199495e-2f;
    q = q * s + 4.59558129311e-1f;
    q = q * s + 1.0f;
    return x * p / q;
}

/* table[first..last) = (embeddings @) kernel + bias */
static void project(const Weights *w, float table[WORDS][UNITS], int first, int last) {
    for (int word = first; word < last; word++) {
        float row[UNITS];
        for (int j = 0; j < UNITS; j++) row[j] = w->bias[j];
        if (w->embeddings) {
            for (int i = 0; i < SIZE; i++)
                for (int j = 0; j < UNITS; j++)
                    row[j] += w->embeddings[word * SIZE + i] * w->kernel[i * UNITS + j];
        } else {
            for (int j = 0; j < UNITS; j++) row[j] += w->kernel[word * UNITS + j];
        }
        for (int j = 0; j < UNITS; j++) table[word][j] = row[j];
    }
}

/* words[time][lane] of the reviews rows[0..lanes); lanes without a review read word 0 */
static void read_tile(const int32_t *ids, const int64_t *rows, int lanes, Scratch *s) {
    for (int lane = 0; lane < LANES; lane++)
        for (int t = 0; t < TIME; t++)
            s->words[t][lane] = lane < lanes ? ids[rows[lane] * TIME + t] : 0;
}

/* h[t+1] = tanh(table[word] + h[t] @ recurrent), for all lanes */
static void forward(const float table[WORDS][UNITS], const float *recurrent, Scratch *s) {
    float h[UNITS][LANES] = {{0}}, w[UNITS][UNITS];
    memcpy(w, recurrent, sizeof w);
    memset(s->states[0], 0, sizeof s->states[0]);
    for (int t = 0; t < TIME; t++) {
        float sums[UNITS][LANES];
        for (int lane = 0; lane < LANES; lane++)
            for (int j = 0; j < UNITS; j++) sums[j][lane] = table[s->words[t][lane]][j];
        for (int j = 0; j < UNITS; j++) {
#pragma omp simd
            for (int lane = 0; lane < LANES; lane++) {
                float sum = sums[j][lane];
#pragma GCC unroll 8
                for (int k = 0; k < UNITS; k++) sum += h[k][lane] * w[k][j];
                sums[j][lane] = fast_tanh(sum);
            }
        }
        memcpy(h, sums, sizeof h);
        memcpy(s->states[t + 1], sums, sizeof h);
    }
}

/* Loss and accuracy of the tile; d_logits: gradient of the batch's mean loss (0: no review) */
static void judge(const Weights *w, const int32_t *labels, const int64_t *rows, int lanes,
                  int batch, Scratch *s, float d_logits[LANES]) {
    for (int lane = 0; lane < LANES; lane++) d_logits[lane] = 0;
    for (int lane = 0; lane < lanes; lane++) {
        float logit = w->dense_bias[0];
        for (int k = 0; k < UNITS; k++) logit += s->states[TIME][k][lane] * w->dense[k];
        float p = 1.0f / (1.0f + expf(-logit));
        int truth = labels[rows[lane]];
        s->right += (p > 0.5f) == truth;
        if (p < clip || p > 1.0f - clip) { /* a clipped probability passes no gradient */
            p = p < clip ? clip : 1.0f - clip;
        } else {
            d_logits[lane] = (p - truth) / batch;
        }
        s->loss -= logf(truth ? p : 1.0f - p);
    }
}

/* Adds the tile's gradients to the thread's own. */
static void backward(const Weights *w, const float d_logits[LANES], Scratch *s) {
    float d_h[UNITS][LANES], r[UNITS][UNITS];
    memcpy(r, w->recurrent, sizeof r);
    for (int lane = 0; lane < LANES; lane++) s->dense_bias += d_logits[lane];
    for (int k = 0; k < UNITS; k++)
        for (int lane = 0; lane < LANES; lane++) {
            s->dense[k] += s->states[TIME][k][lane] * d_logits[lane];
            d_h[k][lane] = w->dense[k] * d_logits[lane];
        }
    for (int t = TIME - 1; t >= 0; t--) {
        float d_sum[UNITS][LANES];
        for (int k = 0; k < UNITS; k++)
            for (int lane = 0; lane < LANES; lane++) {
                float h = s->states[t + 1][k][lane];
                d_sum[k][lane] = d_h[k][lane] * (1.0f - h * h);
            }
        for (int k = 0; k < UNITS; k++) {
#pragma omp simd
            for (int lane = 0; lane < LANES; lane++) {
                float sum = 0;
#pragma GCC unroll 8
                for (int j = 0; j < UNITS; j++) sum += d_sum[j][lane] * r[k][j];
                d_h[k][lane] = sum;
            }
        }
        memcpy(s->d_sums[t], d_sum, sizeof d_sum);
        for (int lane = 0; lane < LANES; lane++)
            for (int j = 0; j < UNITS; j++) s->table[s->words[t][lane]][j] += d_sum[j][lane];
    }
    /* d_recurrent[k][j]: a dot product over time and lanes; 8 sums at a time stay in registers */
    for (int k = 0; k < UNITS; k++) {
        float sums[UNITS][LANES] = {{0}};
        for (int t = 1; t < TIME; t++)
            for (int j = 0; j < UNITS; j++)
                for (int lane = 0; lane < LANES; lane++)
                    sums[j][lane] += s->states[t][k][lane] * s->d_sums[t][j][lane];
        for (int j = 0; j < UNITS; j++)
            for (int lane = 0; lane < LANES; lane++) s->recurrent[k][j] += sums[j][lane];
    }
}

/* Keras' RMSprop: epsilon inside the square root */
static inline void update(float *parameter, float *velocity, float gradient) {
    *velocity = rho * *velocity + (1.0f - rho) * gradient * gradient;
    *parameter -= learning_rate * gradient / sqrtf(*velocity + epsilon);
}

/* Words first..last: sum the threads' table gradients, update the rows that they belong to. */
static void update_words(const Weights *w, const Weights *v, Scratch *scratch, int threads,
                         int first, int last, Scratch *own) {
    for (int word = first; word < last; word++) {
        float d_row[UNITS] = {0};
        for (int i = 0; i < threads; i++)
            for (int j = 0; j < UNITS; j++) d_row[j] += scratch[i].table[word][j];
        for (int j = 0; j < UNITS; j++) own->bias[j] += d_row[j];
        if (!w->embeddings) {
            for (int j = 0; j < UNITS; j++)
                update(&w->kernel[word * UNITS + j], &v->kernel[word * UNITS + j], d_row[j]);
            continue;
        }
        float *row = w->embeddings + word * SIZE, *velocity = v->embeddings + word * SIZE;
        float d_embedding[SIZE];
        for (int i = 0; i < SIZE; i++) {
            float sum = 0;
            for (int j = 0; j < UNITS; j++) {
                sum += d_row[j] * w->kernel[i * UNITS + j];
                own->kernel[i][j] += d_row[j] * row[i];
            }
            d_embedding[i] = sum;
        }
        for (int i = 0; i < SIZE; i++) update(&row[i], &velocity[i], d_embedding[i]);
    }
}

/* The few weights that every thread has a gradient of. */
static void update_shared(const Weights *w, const Weights *v, const Scratch *s, int threads) {
    for (int j = 0; j < UNITS; j++) {
        float bias = 0, dense = 0;
        for (int i = 0; i < threads; i++) bias += s[i].bias[j], dense += s[i].dense[j];
        update(&w->bias[j], &v->bias[j], bias);
        update(&w->dense[j], &v->dense[j], dense);
    }
    for (int n = 0; n < UNITS * UNITS; n++) {
        float sum = 0;
        for (int i = 0; i < threads; i++) sum += s[i].recurrent[0][n];
        update(&w->recurrent[n], &v->recurrent[n], sum);
    }
    for (int n = 0; w->embeddings && n < SIZE * UNITS; n++) {
        float sum = 0;
        for (int i = 0; i < threads; i++) sum += s[i].kernel[0][n];
        update(&w->kernel[n], &v->kernel[n], sum);
    }
    float sum = 0;
    for (int i = 0; i < threads; i++) sum += s[i].dense_bias;
    update(w->dense_bias, v->dense_bias, sum);
}

static Scratch *make_scratch(int threads) {
    Scratch *scratch = aligned_alloc(64, threads * sizeof(Scratch));
    if (scratch) memset(scratch, 0, threads * sizeof(Scratch));
    return scratch;
}

/* One pass over ids (rows, TIME) in the given order. Returns the mean loss, -1 without memory. */
double train_epoch(float *parameters, float *velocities, int embedded, const int32_t *ids,
                   const int32_t *labels, const int64_t *order, int64_t count, int threads) {
    const Weights w = weights_in(parameters, embedded), v = weights_in(velocities, embedded);
    static float table[WORDS][UNITS];
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    Scratch *scratch = make_scratch(threads);
    if (!scratch) return -1;
#pragma omp parallel num_threads(threads)
    {
        const int me = omp_get_thread_num();
        const int first = WORDS * me / threads, last = WORDS * (me + 1) / threads;
        Scratch *own = &scratch[me];
        for (int64_t start = 0; start < count; start += BATCH) {
            const int batch = count - start < BATCH ? (int)(count - start) : BATCH;
            memset(own, 0, offsetof(Scratch, loss));
            project(&w, table, first, last);
#pragma omp barrier
            for (int tile = me * LANES; tile < batch; tile += threads * LANES) {
                const int64_t *rows = order + start + tile;
                const int lanes = batch - tile < LANES ? batch - tile : LANES;
                float d_logits[LANES];
                read_tile(ids, rows, lanes, own);
                forward(table, w.recurrent, own);
                judge(&w, labels, rows, lanes, batch, own, d_logits);
                backward(&w, d_logits, own);
            }
#pragma omp barrier
            update_words(&w, &v, scratch, threads, first, last, own);
#pragma omp barrier
#pragma omp master
            update_shared(&w, &v, scratch, threads);
#pragma omp barrier
        }
    }
    double loss = 0;
    for (int i = 0; i < threads; i++) loss += scratch[i].loss;
    free(scratch);
    return loss / count;
}

/* Mean loss of ids (count, TIME), and the share that is right. */
double evaluate(float *parameters, int embedded, const int32_t *ids, const int32_t *labels,
                int64_t count, int threads, double *accuracy) {
    const Weights w = weights_in(parameters, embedded);
    static float table[WORDS][UNITS];
    project(&w, table, 0, WORDS);
    Scratch *scratch = make_scratch(threads);
    if (!scratch) return -1;
#pragma omp parallel num_threads(threads)
    {
        Scratch *own = &scratch[omp_get_thread_num()];
#pragma omp for schedule(static)
        for (int64_t tile = 0; tile < (count + LANES - 1) / LANES; tile++) {
            int64_t rows[LANES];
            const int64_t left = count - tile * LANES;
            const int lanes = left < LANES ? (int)left : LANES;
            float d_logits[LANES];
            for (int lane = 0; lane < LANES; lane++) rows[lane] = tile * LANES + lane;
            read_tile(ids, rows, lanes, own);
            forward(table, w.recurrent, own);
            judge(&w, labels, rows, lanes, 1, own, d_logits);
        }
    }
    double loss = 0, right = 0;
    for (int i = 0; i < threads; i++) loss += scratch[i].loss, right += scratch[i].right;
    free(scratch);
    *accuracy = right / count;
    return loss / count;
}
