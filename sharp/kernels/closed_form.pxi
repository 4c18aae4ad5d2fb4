"""Closed form: the cycles of a layer from its sizes, at a cost that grows neither with the steps nor with the sizes.

The design, so that nobody has to find it out from the code:

- Under a barrier the activation unit and the updater are empty when a step begins, so every step is the same flow
  shop of three units, started empty. `serve` adds a run of equal segments to one: three maxima, whatever its length.
- Everything is in doubles; the caller refuses what may not be exact. Arithmetic has no branches, so that the compiler
  turns the loop over rows into vector instructions; what is the same for all rows of a call (schedule, shape of the
  cell, streaming) is a constant of a specialised loop (`dispatch`).
- A division takes as long as some twenty other operations: quotients of integers are products with an inverse, moved
  away from where rounding could go wrong (`ceil_by`), and what follows from machine and tile alone is kept (`derive`).
- Where there is no segment, costs of zero change no maximum: nothing has to be left out.
- Rows are taken a block at a time, copied into `Block`, so that an input which is the same for all rows costs no
  memory, and the compiler sees that inputs and results do not overlap.
- This file is included by modules that differ only in the instruction set that they are compiled for (setup.py).
"""

include "closed_tables.pxi"
include "closed_flow.pxi"
include "closed_layer.pxi"
include "closed_activity.pxi"

cdef inline void loop(
    Block* block, int tile, Py_ssize_t rows, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    """All rows of a block; schedule, shape and streaming are constants where this is called."""
    cdef Py_ssize_t i
    cdef Settings local = settings[0]  # so that nothing is read under a condition, which no vector instruction does
    for i in range(rows):
        evaluate_row(block, tile, i, &local, schedule, shape, streamed)


cdef inline void dispatch_shape(
    Block* block, int tile, Py_ssize_t rows, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    if shape == PLAIN:
        loop(block, tile, rows, settings, schedule, PLAIN, streamed)
    elif shape == SEPARATE:
        loop(block, tile, rows, settings, schedule, SEPARATE, streamed)
    elif shape == PROJECTED:
        loop(block, tile, rows, settings, schedule, PROJECTED, streamed)
    elif schedule >= INTERGATE:
        loop(block, tile, rows, settings, schedule, TWO_PHASE, streamed)


cdef inline void dispatch_schedule(
    Block* block, int tile, Py_ssize_t rows, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    if schedule == SEQUENTIAL:
        dispatch_shape(block, tile, rows, settings, SEQUENTIAL, shape, streamed)
    elif schedule == BATCH:
        dispatch_shape(block, tile, rows, settings, BATCH, shape, streamed)
    elif schedule == INTERGATE:
        dispatch_shape(block, tile, rows, settings, INTERGATE, shape, streamed)
    elif holds_all(block, tile, rows, settings):
        dispatch_shape(block, tile, rows, settings, UNFOLDED_WHOLE, shape, streamed)
    else:
        dispatch_shape(block, tile, rows, settings, UNFOLDED, shape, streamed)


cdef void dispatch(
    Block* block, int tile, Py_ssize_t rows, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    """Choose the loop made for a schedule, a shape of cell and a place of the weights."""
    if streamed:
        dispatch_schedule(block, tile, rows, settings, schedule, shape, True)
    else:
        dispatch_schedule(block, tile, rows, settings, schedule, shape, False)


cdef bint holds_all(const Block* block, int tile, Py_ssize_t rows, const Settings* settings) noexcept nogil:
    """Whether the intermediate buffer holds the early sums of every cell of every row, at whatever tile height."""
    cdef Py_ssize_t i
    cdef double words, short = 0
    for i in range(rows):
        words = block.inputs.hidden_size[i] + block.tiles[tile][HEIGHT][i]
        words *= settings.sums_per_cell * block.inputs.batch_size[i]
        short += 1.0 if words > block.inputs.intermediate_words[i] else 0.0
    return short == 0


cdef inline void keep(double* best, double result, bint better) noexcept nogil:
    best[0] = result if better else best[0]


cdef void keep_best(Block* block, Py_ssize_t rows) noexcept nogil:
    """Keep the results of the tile height just evaluated where it computes in fewer cycles than the best so far.

    What stays on chip loads before, while other layers of a network compute: it has no part in the choice.
    """
    cdef Py_ssize_t i
    cdef double computed
    cdef bint better
    for i in range(rows):
        computed = block.best.total_cycles[i] - block.best.first_load[i]
        better = block.results.total_cycles[i] - block.results.first_load[i] < computed
        keep(&block.best.column_padding[i], block.results.column_padding[i], better)
        keep(&block.best.row_padding[i], block.results.row_padding[i], better)
        keep(&block.best.dependency_stall[i], block.results.dependency_stall[i], better)
        keep(&block.best.weight_load[i], block.results.weight_load[i], better)
        keep(&block.best.fill_drain[i], block.results.fill_drain[i], better)
        keep(&block.best.chosen_tile_rows[i], block.results.chosen_tile_rows[i], better)
        keep(&block.best.streamed_share[i], block.results.streamed_share[i], better)
        keep(&block.best.first_load[i], block.results.first_load[i], better)
        keep(&block.best.total_cycles[i], block.results.total_cycles[i], better)


cdef const double* evaluate_block(
    Block* block, Py_ssize_t rows, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    """All rows of a block, on their own tile height or on each of the set; returns where the results are."""
    cdef int tile
    dispatch(block, 0, rows, settings, schedule, shape, streamed)
    if settings.num_tiles == 1:
        return <const double*> &block.results
    block.best = block.results
    for tile in range(1, settings.num_tiles):
        dispatch(block, tile, rows, settings, schedule, shape, streamed)
        keep_best(block, rows)
    return <const double*> &block.best


cdef inline double* input_of(Block* block, int index) noexcept nogil:
    """The array of an input, by its place."""
    return <double*> &block.inputs + index * BLOCK


cdef void invert(Block* block, const double* numbers) noexcept nogil:
    """Keep the inverse of an input, if it is one that is divided by."""
    cdef Py_ssize_t i
    cdef double* inverse = (
        block.inverses[PER_MAC] if numbers == block.inputs.num_macs else
        block.inverses[PER_LANE] if numbers == block.inputs.activation_lanes else
        block.inverses[PER_ROW_OF_LANE] if numbers == block.inputs.rows_per_update_lane else
        block.inverses[PER_LEVEL] if numbers == block.inputs.levels_per_cycle else
        NULL
    )
    if inverse is not NULL:
        for i in range(BLOCK):
            inverse[i] = 1 / numbers[i]


cdef inline bint sets_tile(const Block* block, const double* numbers) noexcept nogil:
    """Whether what `derive` keeps depends on an input."""
    return &block.inputs.num_macs[0] <= numbers <= &block.inputs.rows_per_update_lane[0]


cdef bint read_block(
    Block* block, const double[:, ::1] varying, const int64_t[::1] places, Py_ssize_t first, Py_ssize_t rows
) noexcept nogil:
    """Copy the inputs that vary; returns whether the tiles have to be derived again."""
    cdef int index
    cdef bint stale = False
    cdef double* numbers
    for index in range(places.shape[0]):
        if places[index] >= 0:
            numbers = input_of(block, index)
            memcpy(numbers, &varying[places[index], first], rows * sizeof(double))
            invert(block, numbers)
            stale = stale or sets_tile(block, numbers)
    return stale


cdef void fill_block(Block* block, const double[::1] constants) noexcept nogil:
    """The inputs that do not vary, in every row."""
    cdef int index
    cdef Py_ssize_t i
    cdef double* numbers
    for index in range(constants.shape[0]):
        numbers = input_of(block, index)
        for i in range(BLOCK):
            numbers[i] = constants[index]
        invert(block, numbers)


cdef void settle(
    Settings* settings, const double[::1] heights, const double[::1] cell, int schedule, bint reconfiguration
) noexcept nogil:
    """What is the same for all rows, for one tile height a row."""
    cdef int index, last = <int> heights.shape[0] - 1
    cdef const Cell* first_phase = <const Cell*> &cell[0]
    settings.gates, settings.sums_per_cell = first_phase.gates, first_phase.sums_per_cell
    settings.activation_passes, settings.weight_bytes = first_phase.activation_passes, first_phase.weight_bytes
    settings.block_gates = first_phase.gates if schedule >= INTERGATE else 1.0
    settings.fixed = 0.0 if reconfiguration else 1.0
    settings.num_tiles = 1
    for index in range(MAX_HEIGHTS):
        settings.heights[index] = heights[min(index, last)]
        settings.higher[index] = heights[min(index + 1, last)] - heights[min(index, last)]


cdef Inputs _INPUTS
cdef Results _RESULTS
cdef Counts _COUNTS
cdef Cell _CELL

INPUTS = tuple(<object> _INPUTS)
RESULTS = tuple(<object> _RESULTS)
COUNTS = tuple(<object> _COUNTS)
CELL = tuple(<object> _CELL)
HEIGHTS = MAX_HEIGHTS


def processor_level():
    """The x86-64 level of this machine that a module is built for: 4, 3, or 0 for every other machine."""
    return sharp_level()


def evaluate(
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
    double[:, ::1] results,
):
    """Evaluate the rows of `results` (`RESULTS` x n): without the GIL, from inputs that vary or do not.

    Input k of `INPUTS` is row ``places[k]`` of `varying` (V x n), or ``constants[k]`` where that is -1. `heights` are
    the machine's, at most `HEIGHTS`, and hold every tile height; `cell` is what `CELL` names, of the first phase;
    schedule and shape are places in `SCHEDULES` and `SHAPES`.
    """
    cdef Block block
    cdef Settings settings
    cdef Py_ssize_t start, first, rows, total = results.shape[1]
    cdef int index
    cdef const double* source
    settle(&settings, heights, cell, schedule, reconfiguration)
    settings.num_tiles = <int> heights.shape[0] if best else 1
    with nogil:
        fill_block(&block, constants)
        for start in range((total + BLOCK - 1) // BLOCK):
            first = start * BLOCK
            rows = min(<Py_ssize_t> BLOCK, total - first)
            if read_block(&block, varying, places, first, rows) or start == 0:
                for index in range(settings.num_tiles):
                    derive(&block, index, &settings, best)
            source = evaluate_block(&block, rows, &settings, schedule, shape, streamed)
            for index in range(<int> results.shape[0]):
                memcpy(&results[index, first], source + index * BLOCK, rows * sizeof(double))


def count(
    const double[::1] constants,
    const double[:, ::1] varying,
    const int64_t[::1] places,
    const double[::1] heights,
    const double[::1] cell,
    int schedule,
    int shape,
    bint reconfiguration,
    double lanes_per_unit,
    double[:, ::1] counts,
):
    """Count the actions of `COUNTS` (rows of `counts`, x n); tile heights are inputs.

    Parameters else are those of `evaluate`.
    """
    cdef Block block
    cdef Settings settings
    cdef Py_ssize_t start, first, rows, total = counts.shape[1]
    cdef int index
    settle(&settings, heights, cell, schedule, reconfiguration)
    with nogil:
        fill_block(&block, constants)
        for start in range((total + BLOCK - 1) // BLOCK):
            first = start * BLOCK
            rows = min(<Py_ssize_t> BLOCK, total - first)
            if read_block(&block, varying, places, first, rows) or start == 0:
                derive(&block, 0, &settings, False)
            count_block(&block, 0, rows, &settings, schedule, shape, 1 / lanes_per_unit)
            for index in range(<int> counts.shape[0]):
                memcpy(&counts[index, first], <double*> &block.counts + index * BLOCK, rows * sizeof(double))


include "closed_costs.pxi"
include "closed_front.pxi"
