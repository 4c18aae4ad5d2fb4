"""What layers cost on many machines: cycles and energy in one go, and which machines no other beats.

Included by closed_form.pxi, which has the design. Energy is linear in what is counted, so that each count has a price;
what no tile height changes comes as one sum.
"""

cdef struct Prices:  # in J
    double padding_j[BLOCK]  # of a multiplication that multiplies no weight
    double cycle_j[BLOCK]
    double bank_read_j[BLOCK]  # of a bank with something to multiply
    double vector_read_j[BLOCK]
    double sum_kept_j[BLOCK]
    double fixed_j[BLOCK]  # of the layer, whatever its tile height


cdef void fill_prices(Prices* prices, const double[::1] constants) noexcept nogil:
    """The prices that do not vary, in every row."""
    cdef int index
    cdef Py_ssize_t i
    for index in range(constants.shape[0]):
        for i in range(BLOCK):
            (<double*> prices)[index * BLOCK + i] = constants[index]


cdef void read_prices(
    Prices* prices, const double[:, ::1] varying, const int64_t[::1] places, Py_ssize_t first, Py_ssize_t rows
) noexcept nogil:
    """Copy the prices that vary."""
    cdef int index
    for index in range(places.shape[0]):
        if places[index] >= 0:
            memcpy(<double*> prices + index * BLOCK, &varying[places[index], first], rows * sizeof(double))


cdef void take_heights(
    Block* block, const Results* found, Py_ssize_t rows, const Settings* settings
) noexcept nogil:
    """The tile heights that were chosen, as inputs of what is counted; any height where there is none."""
    cdef Py_ssize_t i
    cdef double chosen
    for i in range(rows):
        chosen = found.chosen_tile_rows[i]
        block.inputs.tile_rows[i] = chosen if chosen > 0 else settings.heights[0]


cdef void add_block(
    const Block* block, const Results* found, const Prices* prices, Py_ssize_t rows, double times, double* cycles,
    double* energy_j
) noexcept nogil:
    """Add a layer, so many times, to what the rows of a block cost."""
    cdef Py_ssize_t i
    for i in range(rows):
        cycles[i] += times * found.total_cycles[i]
        energy_j[i] += times * (
            prices.fixed_j[i]
            + prices.padding_j[i] * (found.column_padding[i] + found.row_padding[i])
            + prices.cycle_j[i] * found.total_cycles[i]
            + prices.bank_read_j[i] * block.counts.used_bank_reads[i]
            + prices.vector_read_j[i] * block.counts.vector_reads[i]
            + prices.sum_kept_j[i] * block.counts.sums_kept[i]
        )


cdef Prices _PRICES

PRICES = tuple(<object> _PRICES)


def add_costs(
    const double[::1] constants,
    const double[:, ::1] varying,
    const int64_t[::1] places,
    const double[::1] heights,
    const double[::1] cell,
    int schedule,
    int shape,
    bint reconfiguration,
    bint streamed,
    bint best,
    double lanes_per_unit,
    const double[::1] price_constants,
    const double[:, ::1] price_varying,
    const int64_t[::1] price_places,
    double times,
    double[::1] cycles,
    double[::1] energy_j,
):
    """Add a layer, so many times, to cycles and energy of n machines: without the GIL.

    Parameters up to `lanes_per_unit` are those of `evaluate` and `count`; prices come as inputs do, by `PRICES`.
    """
    cdef Block block
    cdef Prices prices
    cdef Settings settings
    cdef Py_ssize_t start, first, rows, total = cycles.shape[0]
    cdef int index
    cdef const Results* found
    settle(&settings, heights, cell, schedule, reconfiguration)
    settings.num_tiles = <int> heights.shape[0] if best else 1
    with nogil:
        fill_block(&block, constants)
        fill_prices(&prices, price_constants)
        for start in range((total + BLOCK - 1) // BLOCK):
            first = start * BLOCK
            rows = min(<Py_ssize_t> BLOCK, total - first)
            if read_block(&block, varying, places, first, rows) or start == 0:
                for index in range(settings.num_tiles):
                    derive(&block, index, &settings, best)
            found = <const Results*> evaluate_block(&block, rows, &settings, schedule, shape, streamed)
            if best:
                take_heights(&block, found, rows, &settings)
                derive(&block, MAX_HEIGHTS, &settings, False)
            count_block(&block, MAX_HEIGHTS if best else 0, rows, &settings, schedule, shape, 1 / lanes_per_unit)
            read_prices(&prices, price_varying, price_places, first, rows)
            add_block(&block, found, &prices, rows, times, &cycles[first], &energy_j[first])
