/* The closed form once more, in the plain C that one would write for this one case: a rival for bench_closed_form.py.

   LSTM layers, h behind a barrier, batch 1, weights on chip, padding reconfiguration on tile heights 32, 64, 128 and 256,
   the same multipliers for all. It follows the text of the rules and shares no line with sharp/kernels/closed_form.pxi.
   rival_c.py compiles it at run time, twice: on doubles with vector instructions, and with -DINTEGERS on int64_t, where
   the processor has no vector division and every row takes its turn. Restrict arrays and no branches: the compiler
   vectorises each loop by itself. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#ifdef INTEGERS
typedef int64_t number;
static inline number floor_div(number a, number b) { return a / b; }
static inline number ceil_div(number a, number b) { return (a + b - 1) / b; }
#else
typedef double number;
static inline number floor_div(number a, number b) { return floor(a / b); }
static inline number ceil_div(number a, number b) { return ceil(a / b); }
#endif

enum { GATES = 4 };

/* Latencies in cycles. */
typedef struct {
    number macs, activation_lanes, rows_per_update_lane, mvm_of_32, add, activation, update;
} machine;

/* Multiplier-cycles, then cycles. */
typedef struct {
    number useful, column_padding, row_padding, total, stall, fill;
} counts;

/* Equal segments: how many, and what one costs each unit. */
typedef struct {
    number count, array, activation, update, row_padding;
} segments;

static inline number larger(number a, number b) { return a > b ? a : b; }

/* The least height of the set that takes the rows, at most k. */
static inline number height_of(number rows, number k) {
    number height = 32 + 32 * (rows > 32) + 64 * (rows > 64) + 128 * (rows > 128);
    return height < k ? height : k;
}

/* Of the smallest tile in use, that of the last block where there is one; a level less with each doubling of it. */
static inline number mvm_of(const machine *m, number cells, number rest, number gates, number k) {
    number height = height_of(gates * (rest > 0 ? rest : cells), k);
    return m->mvm_of_32 - m->add * ((height > 32) + (height > 64) + (height > 128));
}

/* Segments of `gates` rows a cell over some columns; where there are none, they cost nothing and change no maximum. */
static inline segments make(const machine *m, number count, number cells, number gates, number columns, number k) {
    number rows = gates * cells, height = height_of(rows, k), width = m->macs / height;
    number lanes = larger(1, floor_div(k, m->rows_per_update_lane)), tiles = ceil_div(columns, width);
    segments s;
    s.count = count;
    s.array = count > 0 ? tiles : 0;
    s.activation = count > 0 ? ceil_div(rows, m->activation_lanes) : 0;
    s.update = count > 0 ? ceil_div(cells, lanes) : 0;
    s.row_padding = (height - rows) * width * tiles;
    return s;
}

/* All steps: a step issues `array` cycles that need h, until h is out in `step`, and `early` ones for the next step. */
static inline counts finish(const machine *m, number x, number h, number t, number array, number step, number early,
                            number row_padding) {
    counts c;
    c.total = early + (t - 1) * larger(step, array + early) + step;
    c.useful = t * GATES * h * (x + h);
    c.row_padding = t * row_padding;
    c.column_padding = t * m->macs * (array + early) - c.useful - c.row_padding;
    c.fill = step - array;
    c.stall = c.total - t * (array + early) - c.fill;
    return c;
}

static inline number paddings(segments full, segments last) {
    return full.count * full.row_padding + last.count * last.row_padding;
}

/* Gate after gate; all cells update after the last one. */
static inline counts sequential(const machine *m, number x, number h, number t, number k) {
    number blocks = floor_div(h, k), rest = h - blocks * k, array = 0, activation = 0, step;
    number mvm = mvm_of(m, k, rest, 1, k);
    segments full = make(m, blocks, k, 1, x + h, k), last = make(m, rest > 0, rest, 1, x + h, k);
    number slower = larger(full.array, full.activation);
    for (int gate = 0; gate < GATES; gate++) {
        activation = larger(activation + blocks * full.activation,
                            array + mvm + full.array + full.activation + (blocks - 1) * slower);
        array += blocks * full.array + last.array;
        activation = larger(activation, array + mvm) + last.activation;
    }
    step = activation + m->activation + ceil_div(h, larger(1, floor_div(k, m->rows_per_update_lane))) + m->update;
    return finish(m, x, h, t, array, step, 0, GATES * paddings(full, last));
}

/* Block after block of k cells, gate after gate, an update after each block. */
static inline counts batch(const machine *m, number x, number h, number t, number k) {
    number blocks = floor_div(h, k), rest = h - blocks * k, mvm = mvm_of(m, k, rest, 1, k);
    segments full = make(m, blocks, k, 1, x + h, k), last = make(m, rest > 0, rest, 1, x + h, k);
    number slower = larger(full.array, full.activation), first = mvm + full.array + full.activation;
    number array = GATES * blocks * full.array;
    number activation = first + (GATES * blocks - 1) * slower;
    number update = first + (GATES - 1) * slower + m->activation + full.update
                    + (blocks - 1) * larger(GATES * slower, full.update);
    activation = larger(activation + GATES * last.activation, array + mvm + last.array + last.activation
                                                                  + (GATES - 1) * larger(last.array, last.activation));
    number step = larger(update, activation + m->activation) + last.update + m->update;
    return finish(m, x, h, t, array + GATES * last.array, step, 0, GATES * paddings(full, last));
}

/* Fused gates, block after block, over columns; those `ahead` are issued one step early. */
static inline counts fused(const machine *m, number x, number h, number t, number k, number columns, number ahead) {
    number cells = floor_div(k, GATES), blocks = floor_div(h, cells), rest = h - blocks * cells;
    number mvm = mvm_of(m, cells, rest, GATES, k);
    segments full = make(m, blocks, cells, GATES, columns, k), last = make(m, rest > 0, rest, GATES, columns, k);
    segments full_x = make(m, blocks, cells, GATES, ahead, k), last_x = make(m, rest > 0, rest, GATES, ahead, k);
    number slower = larger(full.array, full.activation), first = mvm + full.array + full.activation;
    number array = blocks * full.array + last.array, early = blocks * full_x.array + last_x.array;
    number activation = larger(first + (blocks - 1) * slower, array + mvm) + last.activation;
    number update = first + m->activation + full.update + (blocks - 1) * larger(slower, full.update);
    number step = larger(update, activation + m->activation) + last.update + m->update;
    return finish(m, x, h, t, array, step, early, paddings(full, last) + paddings(full_x, last_x));
}

static inline counts intergate(const machine *m, number x, number h, number t, number k) {
    return fused(m, x, h, t, k, x + h, 0);
}

static inline counts unfolded(const machine *m, number x, number h, number t, number k) {
    return fused(m, x, h, t, k, h, x);
}

/* For each schedule a loop over layers on their own tile height, and one over layers on the best of four. */
#define ARRAYS                                                                                                         \
    number *restrict useful, number *restrict column_padding, number *restrict row_padding, number *restrict total,    \
        number *restrict stall, number *restrict fill, number *restrict chosen

#define STORE(i, c, k)                                                                                                 \
    useful[i] = (c).useful, column_padding[i] = (c).column_padding, row_padding[i] = (c).row_padding;                  \
    total[i] = (c).total, stall[i] = (c).stall, fill[i] = (c).fill, chosen[i] = (k)

#define TRY(schedule, height)                                                                                          \
    {                                                                                                                  \
        counts c = schedule(&m, x[i], h[i], t[i], height);                                                             \
        int better = c.total < best.total;                                                                             \
        best.useful = better ? c.useful : best.useful;                                                                 \
        best.column_padding = better ? c.column_padding : best.column_padding;                                         \
        best.row_padding = better ? c.row_padding : best.row_padding;                                                  \
        best.stall = better ? c.stall : best.stall;                                                                    \
        best.fill = better ? c.fill : best.fill;                                                                       \
        best_height = better ? height : best_height;                                                                   \
        best.total = better ? c.total : best.total;                                                                    \
    }

#define LOOPS(schedule)                                                                                                \
    void all_##schedule(size_t n, const machine *given, const number *restrict x, const number *restrict h,            \
                        const number *restrict t, const number *restrict k, ARRAYS) {                                  \
        const machine m = *given;                                                                                      \
        for (size_t i = 0; i < n; i++) {                                                                               \
            counts c = schedule(&m, x[i], h[i], t[i], k[i]);                                                           \
            STORE(i, c, k[i]);                                                                                         \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    void best_##schedule(size_t n, const machine *given, const number *restrict x, const number *restrict h,           \
                         const number *restrict t, ARRAYS) {                                                           \
        const machine m = *given;                                                                                      \
        for (size_t i = 0; i < n; i++) {                                                                               \
            counts best = schedule(&m, x[i], h[i], t[i], 32);                                                          \
            number best_height = 32;                                                                                   \
            TRY(schedule, 64)                                                                                          \
            TRY(schedule, 128)                                                                                         \
            TRY(schedule, 256)                                                                                         \
            STORE(i, best, best_height);                                                                               \
        }                                                                                                              \
    }

LOOPS(sequential)
LOOPS(batch)
LOOPS(intergate)
LOOPS(unfolded)
