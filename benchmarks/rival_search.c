/* A search in plain C, as one would write it for one case: a rival for bench_search.py.

   An LSTM layer under `unfolded`, weights on chip, on every combination of activation lanes, activation latency, updater
   latency and hidden size: cycles on the best of four tile heights, energy from prices of what is counted, area, and a
   list of the designs that no other beats. The layer is that of rival.c. */

#include "rival.c"

/* Prices in J, of a number of lanes; area and leakage follow from the lanes, too. */
typedef struct {
    double padding, cycle, bank_read, vector_read, sum_kept, area;
} prices;

typedef struct {
    double latency, energy, area;
    int64_t number;
} design;

/* Units of `lanes_per_unit` rows that have something to multiply, of all blocks together. */
static inline double units(double h, double cells, double lanes_per_unit) {
    double blocks = floor(h / cells), rest = h - blocks * cells;
    return blocks * ceil(GATES * cells / lanes_per_unit) + ceil(GATES * rest / lanes_per_unit);
}

static inline int beats(const design *one, const design *other) {
    int no_worse = one->latency <= other->latency && one->energy <= other->energy && one->area <= other->area;
    return no_worse && (one->latency < other->latency || one->energy < other->energy || one->area < other->area
                        || one->number < other->number);
}

/* Take a design in; a list as people write it, the last one that helped tried first. */
static size_t take(design *front, size_t count, design one) {
    static _Thread_local size_t last = 0;
    if (last < count && beats(&front[last], &one))
        return count;
    for (size_t i = 0; i < count; i++)
        if (beats(&front[i], &one)) {
            last = i;
            return count;
        }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!beats(&one, &front[i]))
            front[kept++] = front[i];
    front[kept] = one;
    return kept + 1;
}

/* The front of all designs; `fixed` (lanes x hidden sizes) is energy that no tile height changes. */
size_t search(const machine *given, double clock_hz, double steps, double lanes_per_unit, size_t num_lanes,
              const double *lanes, const prices *price, size_t num_activations, const double *activations,
              size_t num_updates, const double *updates, size_t num_hidden, const double *hidden, const double *fixed,
              design *front) {
    size_t count = 0;
    int64_t number = 0;
    for (size_t a = 0; a < num_lanes; a++)
        for (size_t b = 0; b < num_activations; b++)
            for (size_t c = 0; c < num_updates; c++) {
                machine m = *given;
                m.activation_lanes = lanes[a], m.activation = activations[b], m.update = updates[c];
                for (size_t i = 0; i < num_hidden; i++, number++) {
                    double h = hidden[i], best_height = 32;
                    counts best = unfolded(&m, h, h, steps, 32);
                    for (double k = 64; k <= 256; k *= 2) {
                        counts other = unfolded(&m, h, h, steps, k);
                        if (other.total < best.total)
                            best = other, best_height = k;
                    }
                    double cells = floor(best_height / GATES), blocks = ceil(h / cells);
                    const prices *p = &price[a];
                    design one = {best.total / clock_hz, 0, p->area, number};
                    one.energy = fixed[a * num_hidden + i] + p->cycle * best.total
                                 + p->padding * (best.column_padding + best.row_padding)
                                 + p->bank_read * steps * units(h, cells, lanes_per_unit) * 2 * h
                                 + p->vector_read * steps * blocks * 2 * h + p->sum_kept * steps * GATES * h;
                    count = take(front, count, one);
                }
            }
    return count;
}
