"""Closed form: the cycles of a layer from its sizes, at a cost that grows neither with the steps nor with the sizes.

The design, so that nobody has to find it out from the code:

- Under a barrier the activation unit and the updater are empty when a step begins, so every step is the same flow
  shop of three units, started empty. `serve` adds a run of equal segments to one: three maxima, whatever its length.
- Everything is in doubles, exact below 2^53; the caller refuses what may be beyond. Arithmetic has no branches, so that the
  compiler turns the loop over rows into vector instructions; what is the same for all rows of a call (schedule, shape
  of the cell, streaming) is a constant of a specialised loop (`dispatch`).
- Rows are taken a block at a time, copied into `Block`, so that an input which is the same for all rows costs no
  memory, and the compiler sees that inputs and results do not overlap.
- This file is included by modules that differ only in the instruction set that they are compiled for (setup.py).
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <math.h>
    #include <stdint.h>

    /* Round up, 0 <= x < 2^51; without a rounding instruction by way of the last bit of a large number. */
    static inline double sharp_ceil(double x) {
    #if defined(__SSE4_1__) || defined(__aarch64__)
        return ceil(x);
    #else
        const double magic = 4503599627370496.0;
        double rounded = (x + magic) - magic;
        return rounded + (rounded < x ? 1.0 : 0.0);
    #endif
    }

    /* ceil(log2 n) of an integer n >= 1: the binary exponent of n - 1, plus one. */
    static inline double sharp_ceil_log2(double n) {
        union { double number; uint64_t bits; } value, exponent;
        value.number = n - 1.0;
        exponent.bits = (value.bits >> 52) | 0x4330000000000000ULL;
        double log2 = exponent.number - 4503599627370496.0 - 1022.0;
        return log2 > 0.0 ? log2 : 0.0;
    }

    /* The x86-64 level that the processor has and we build for: 4, 3, or 0. */
    static inline int sharp_level(void) {
    #if defined(__x86_64__) && defined(__GNUC__)
        __builtin_cpu_init();
        if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")))
            return 0;
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl") ? 4 : 3;
    #else
        return 0;
    #endif
    }
    """
    int sharp_level() noexcept nogil
    double sharp_ceil(double x) noexcept nogil
    double sharp_ceil_log2(double n) noexcept nogil

cdef enum:
    BLOCK = 128
    MAX_HEIGHTS = 8
    MAX_GATES = 4

# Inputs, a row each; latencies in cycles.
cdef enum:
    INPUT_SIZE = 0
    HIDDEN_SIZE = 1
    RECURRENT_SIZE = 2
    DIRECTIONS = 3
    SEQ_LEN = 4
    BATCH_SIZE = 5
    NUM_MACS = 6
    TILE_ROWS = 7  # 0: the best
    ACTIVATION_LANES = 8
    ROWS_PER_UPDATE_LANE = 9
    MULTIPLY = 10
    ADD = 11
    ACCUMULATE = 12
    ACTIVATION = 13
    UPDATE = 14
    INTERMEDIATE_WORDS = 15
    WEIGHT_BUFFER_BYTES = 16
    BYTES_PER_CYCLE = 17
    NUM_INPUTS = 18

# Results, a row each; the first four in multiplier-cycles.
cdef enum:
    USEFUL = 0
    COLUMN_PADDING = 1
    ROW_PADDING = 2
    TOTAL = 3  # in cycles from here on
    STALL = 4
    LOAD = 5
    FILL = 6
    CHOSEN_ROWS = 7
    NUM_RESULTS = 8

cdef enum:  # schedules
    SEQUENTIAL = 0
    BATCH = 1
    INTERGATE = 2
    UNFOLDED = 3
    UNFOLDED_WHOLE = 4  # where the intermediate buffer is known to hold every early sum

cdef enum:  # shapes of cells
    PLAIN = 0
    SEPARATE = 1  # sums over x and h stay apart
    PROJECTED = 2  # a product with what the cells give follows
    TWO_PHASE = 3  # one more gate, over x and what the first phase gives, follows

cdef double IMPOSSIBLE = 1e300  # total of a tile height that the schedule cannot use


cdef struct Block:
    double inputs[NUM_INPUTS][BLOCK]
    double results[NUM_RESULTS][BLOCK]
    double best[NUM_RESULTS][BLOCK]


cdef struct Settings:
    double gates  # of the first phase
    double sums_per_cell
    double activation_passes
    double weight_bytes
    double reconfiguration  # 1 or 0
    int num_heights
    double heights[MAX_HEIGHTS]  # ascending, the last one repeated


cdef struct Row:
    double x  # sizes of the layer
    double h
    double r
    double directions
    double steps
    double batch
    double weights  # of a direction
    double num_macs
    double tile_rows
    double lanes
    double update_lanes
    double mvm  # latencies
    double activation
    double update
    double multiply
    double words  # sums that the intermediate buffer holds
    double stream  # bytes of a weight, 0 where they are on chip
    double bytes_per_cycle


cdef struct Cut:  # blocks of cells: full ones, and one that remains
    double rows  # of a cell
    double cells
    double full
    double rest  # cells of the last block
    double last  # 1 or 0
    double split  # blocks that issue x one step ahead
    double split_last


cdef struct Timing:  # cycles of a direction
    double early  # of the array, for the next step
    double covering  # of these, what follows a projection to cover its latency
    double step  # from one step to the next
    double last_step
    double last_tile  # of the last step, until the array is done


cdef struct Segments:  # a run of equal segments
    double count
    double rows
    double tiles
    double width  # columns of a tile
    double height
    double array  # cycles of each unit
    double activation
    double update


cdef struct Flow:  # when each unit is free, and what the tiles issued so far lost
    double array
    double activation
    double update
    double tiles
    double row_padding
    double load


cdef inline double larger(double a, double b) noexcept nogil:
    return a if a > b else b


cdef inline double smaller(double a, double b) noexcept nogil:
    return a if a < b else b


cdef inline double ceil_div(double a, double b) noexcept nogil:
    return sharp_ceil(a / b)


cdef inline double floor_div(double a, double b) noexcept nogil:
    """Of integers."""
    cdef double up = sharp_ceil(a / b)
    return up - (1.0 if up * b > a else 0.0)


cdef inline double tile_height(double rows, double tile_rows, const Settings* settings) noexcept nogil:
    """Least height of the set that takes the rows, none above the layer's own."""
    cdef double height = tile_rows, candidate
    cdef int index
    for index in range(MAX_HEIGHTS - 1, -1, -1):
        candidate = settings.heights[index]
        candidate = candidate if candidate < tile_rows else tile_rows
        height = candidate if rows <= candidate else height
    return height if settings.reconfiguration > 0 else tile_rows


cdef inline Segments segments(
    const Row* row, const Settings* settings, double count, double rows, double cells, double columns, double others,
    bint activated, bint streamed
) noexcept nogil:
    """A run of segments over `columns`, and `others` whose sum stays apart (0: none); `cells` update after each."""
    cdef Segments run
    cdef double weights
    run.count = count
    run.rows = rows
    run.height = tile_height(rows, row.tile_rows, settings)
    run.width = row.num_macs / run.height
    run.tiles = ceil_div(columns, run.width) + ceil_div(others, run.width)
    run.array = row.batch * run.tiles
    run.activation = ceil_div(row.batch * rows, row.lanes) if activated else 0.0
    run.update = ceil_div(row.batch * cells, row.update_lanes) if activated else 0.0
    if streamed:
        weights = rows * (columns + others) * row.stream
        run.array = larger(run.array, ceil_div(weights, row.bytes_per_cycle))
    return run


cdef inline Flow begin(double array) noexcept nogil:
    """The units empty, the array from a cycle on."""
    cdef Flow flow
    flow.array = array
    flow.activation = flow.update = flow.tiles = flow.row_padding = flow.load = 0
    return flow


cdef inline Flow issue(Flow flow, const Row* row, const Segments* run) noexcept nogil:
    """The array serves a run; nothing goes on to the other units."""
    flow.array += run.count * run.array
    flow.tiles += run.count * run.tiles
    flow.row_padding += run.count * (run.height - run.rows) * run.width * run.tiles
    flow.load += run.count * (run.array - row.batch * run.tiles)
    return flow


cdef inline Flow activate(Flow flow, const Row* row, const Segments* run) noexcept nogil:
    """A run through array and activation unit."""
    cdef double first = flow.array + run.array + row.mvm + run.activation
    cdef double activation = larger(
        flow.activation + run.count * run.activation, first + (run.count - 1) * larger(run.array, run.activation)
    )
    flow.activation = activation if run.count > 0 else flow.activation
    return issue(flow, row, run)


cdef inline Flow serve(Flow flow, const Row* row, const Segments* run, double gates) noexcept nogil:
    """A run through all units: groups of `gates` segments, an update after each group."""
    cdef double groups = run.count / gates
    cdef double a = run.array, u = run.activation, c = run.update
    cdef double slower = larger(a, u)
    cdef double first = flow.array + a + row.mvm + u
    cdef double update = larger(
        flow.update + groups * c,
        row.activation + c + larger(
            flow.activation + gates * u + (groups - 1) * larger(gates * u, c),
            first + (gates - 1) * slower + (groups - 1) * larger(gates * slower, c),
        ),
    )
    flow.update = update if run.count > 0 else flow.update
    return activate(flow, row, run)


cdef inline Row read_row(Block* block, Py_ssize_t i, const Settings* settings, int shape, bint streamed) noexcept nogil:
    """A layer and the machine, from the inputs."""
    cdef Row row
    cdef double num_bytes
    row.x, row.h, row.r = block.inputs[INPUT_SIZE][i], block.inputs[HIDDEN_SIZE][i], block.inputs[RECURRENT_SIZE][i]
    row.steps, row.batch = block.inputs[SEQ_LEN][i], block.inputs[BATCH_SIZE][i]
    row.directions = block.inputs[DIRECTIONS][i]
    row.weights = settings.gates * row.h * (row.x + row.r)
    if shape == PROJECTED:
        row.weights += row.r * row.h
    elif shape == TWO_PHASE:
        row.weights += row.h * (row.x + row.r)
    row.num_macs, row.tile_rows = block.inputs[NUM_MACS][i], block.inputs[TILE_ROWS][i]
    row.lanes = block.inputs[ACTIVATION_LANES][i]
    row.update_lanes = larger(1.0, floor_div(row.tile_rows, block.inputs[ROWS_PER_UPDATE_LANE][i]))
    row.mvm = block.inputs[ADD][i] * sharp_ceil_log2(row.num_macs / row.tile_rows)
    row.mvm += block.inputs[MULTIPLY][i] + block.inputs[ACCUMULATE][i]
    row.activation = settings.activation_passes * block.inputs[ACTIVATION][i]
    row.update = block.inputs[UPDATE][i]
    row.multiply = block.inputs[MULTIPLY][i]
    row.words = block.inputs[INTERMEDIATE_WORDS][i]
    row.bytes_per_cycle = block.inputs[BYTES_PER_CYCLE][i]
    row.stream = 0
    if streamed:
        num_bytes = row.directions * row.weights * settings.weight_bytes
        row.stream = settings.weight_bytes if num_bytes > block.inputs[WEIGHT_BUFFER_BYTES][i] else 0.0
    return row


cdef inline Cut cut(const Row* row, double size, double gates) noexcept nogil:
    """Blocks of cells whose gates fill a tile."""
    cdef Cut blocks
    blocks.rows = gates
    blocks.cells = larger(1.0, floor_div(row.tile_rows, gates))
    blocks.full = floor_div(size, blocks.cells)
    blocks.rest = size - blocks.full * blocks.cells
    blocks.last = 1.0 if blocks.rest > 0 else 0.0
    blocks.split = blocks.split_last = 0
    return blocks


cdef inline Cut split(Cut blocks, const Row* row, const Settings* settings, int schedule) noexcept nogil:
    """How many of the first blocks issue x one step ahead."""
    cdef double fitting
    if schedule == UNFOLDED_WHOLE:
        blocks.split, blocks.split_last = blocks.full, blocks.last
    elif schedule == UNFOLDED:
        fitting = floor_div(row.words, settings.sums_per_cell * blocks.cells * row.batch)
        blocks.split = smaller(fitting, blocks.full)
        blocks.split_last = blocks.last if fitting > blocks.full else 0.0
    return blocks


cdef inline Segments full_blocks(
    const Row* row, const Settings* settings, const Cut* blocks, double count, double columns, double apart,
    bint activated, bint streamed
) noexcept nogil:
    """A run of segments with a full block each."""
    cdef double rows = blocks.rows * blocks.cells
    return segments(row, settings, count, rows, blocks.cells, columns, apart, activated, streamed)


cdef inline Segments last_block(
    const Row* row, const Settings* settings, const Cut* blocks, double count, double columns, double apart,
    bint activated, bint streamed
) noexcept nogil:
    """A run of segments with the block that remains, if any."""
    cdef double rows = blocks.rows * blocks.rest
    return segments(row, settings, count, rows, blocks.rest, columns, apart, activated, streamed)


cdef inline Flow gate_after_gate(
    const Row* row, const Settings* settings, double columns, double apart, bint streamed
) noexcept nogil:
    """`sequential`: all cells update after the last gate."""
    cdef Flow flow = begin(0)
    cdef Cut blocks = cut(row, row.h, 1)
    cdef Segments full = full_blocks(row, settings, &blocks, 0, columns, apart, True, streamed)
    cdef Segments last = last_block(row, settings, &blocks, 0, columns, apart, True, streamed)
    cdef int gate
    for gate in range(MAX_GATES):
        full.count = blocks.full if gate < settings.gates else 0.0
        last.count = blocks.last if gate < settings.gates else 0.0
        flow = activate(flow, row, &full)
        flow = activate(flow, row, &last)
    flow.update = flow.activation + row.activation + ceil_div(row.batch * row.h, row.update_lanes)
    return flow


cdef inline Flow block_after_block(
    const Row* row, const Settings* settings, const Cut* blocks, double columns, double apart, int schedule,
    bint streamed
) noexcept nogil:
    """`batch`, and the fused schedules: blocks whose x ran ahead, then whole ones."""
    cdef Flow flow = begin(0)
    cdef double group = settings.gates if schedule == BATCH else 1.0
    cdef Segments run
    if schedule >= UNFOLDED:
        run = full_blocks(row, settings, blocks, blocks.split, row.r, 0, True, streamed)
        flow = serve(flow, row, &run, 1)
        run = last_block(row, settings, blocks, blocks.split_last, row.r, 0, True, streamed)
        flow = serve(flow, row, &run, 1)
    if schedule != UNFOLDED_WHOLE:
        run = full_blocks(row, settings, blocks, group * (blocks.full - blocks.split), columns, apart, True, streamed)
        flow = serve(flow, row, &run, group)
        run = last_block(row, settings, blocks, group * (blocks.last - blocks.split_last), columns, apart, True, streamed)
        flow = serve(flow, row, &run, group)
    return flow


cdef inline Flow run_ahead(
    Flow flow, const Row* row, const Settings* settings, const Cut* blocks, Timing* timing, bint streamed
) noexcept nogil:
    """Count the products with x of the next step; the array is free when it was, `timing` says when they issue."""
    cdef double array = flow.array
    cdef Segments run = last_block(row, settings, blocks, blocks.split_last, row.x, 0, False, streamed)
    flow = issue(flow, row, &run)
    timing.covering = run.count * run.array
    run = full_blocks(row, settings, blocks, blocks.split, row.x, 0, False, streamed)
    flow = issue(flow, row, &run)
    timing.early = timing.covering + run.count * run.array
    timing.covering += run.array * smaller(blocks.split, larger(0, ceil_div(row.mvm - timing.covering, run.array)))
    flow.array = array
    return flow


cdef inline Flow project(
    Flow flow, const Row* row, const Settings* settings, Timing* timing, double given, bint streamed
) noexcept nogil:
    """The product with what the cells give at `given`; the early ones before it, but for those that cover its latency."""
    cdef double array = flow.array, product
    cdef Cut blocks = cut(row, row.r, 1)
    cdef Segments run = full_blocks(row, settings, &blocks, blocks.full, row.h, 0, False, streamed)
    flow = issue(flow, row, &run)
    run = last_block(row, settings, &blocks, blocks.last, row.h, 0, False, streamed)
    flow = issue(flow, row, &run)
    product = flow.array - array
    timing.last_tile = given + product
    timing.last_step = timing.last_tile + row.mvm
    timing.step = larger(given, array + timing.early - timing.covering) + product + larger(row.mvm, timing.covering)
    return flow


cdef inline Flow second_phase(
    Flow flow, const Row* row, const Settings* settings, Timing* timing, double given, bint streamed
) noexcept nogil:
    """One more gate, over x (which fills the wait) and what the first phase gives at `given`."""
    cdef double start
    cdef Cut blocks = cut(row, row.h, 1)
    cdef Segments run = full_blocks(row, settings, &blocks, blocks.full, row.x, 0, False, streamed)
    flow = issue(flow, row, &run)
    run = last_block(row, settings, &blocks, blocks.last, row.x, 0, False, streamed)
    flow = issue(flow, row, &run)
    start = larger(flow.array, given)
    flow.array = flow.activation = flow.update = 0
    run = full_blocks(row, settings, &blocks, blocks.full, row.r, 0, True, streamed)
    flow = serve(flow, row, &run, 1)
    run = last_block(row, settings, &blocks, blocks.last, row.r, 0, True, streamed)
    flow = serve(flow, row, &run, 1)
    timing.last_tile = start + flow.array
    timing.last_step = start + flow.update + row.update
    timing.step = larger(timing.last_step, timing.last_tile + timing.early)
    return flow


cdef inline void evaluate_row(
    Block* block, Py_ssize_t i, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    """One layer on one tile height."""
    cdef Row row = read_row(block, i, settings, shape, streamed)
    cdef double columns = row.x if shape == SEPARATE else row.x + row.r
    cdef double apart = row.r if shape == SEPARATE else 0.0
    cdef Cut blocks = cut(&row, row.h, settings.gates if schedule >= INTERGATE else 1.0)
    cdef Flow flow
    cdef Timing timing
    cdef double given
    blocks = split(blocks, &row, settings, schedule)
    timing.early = timing.covering = 0
    if schedule == SEQUENTIAL:
        flow = gate_after_gate(&row, settings, columns, apart, streamed)
    else:
        flow = block_after_block(&row, settings, &blocks, columns, apart, schedule, streamed)
    given = flow.update + (row.multiply if shape == TWO_PHASE else row.update)
    if schedule >= UNFOLDED:
        flow = run_ahead(flow, &row, settings, &blocks, &timing, streamed)
    if shape == PROJECTED:
        flow = project(flow, &row, settings, &timing, given, streamed)
    elif shape == TWO_PHASE:
        flow = second_phase(flow, &row, settings, &timing, given, streamed)
    else:
        timing.last_tile = flow.array
        timing.last_step = given
        timing.step = larger(given, flow.array + timing.early)
    write_row(block, i, &row, settings, &flow, &timing, schedule, streamed)


cdef inline void write_row(
    Block* block, Py_ssize_t i, const Row* row, const Settings* settings, const Flow* flow, const Timing* timing,
    int schedule, bint streamed
) noexcept nogil:
    """The results of all steps, sequences and directions; `flow` has the tiles of a step."""
    cdef double times = row.directions * row.steps, wait = 0
    cdef double busy = row.batch * flow.tiles, useful = row.batch * row.weights
    cdef double row_padding = row.batch * flow.row_padding
    cdef double fill = row.directions * (timing.last_step - timing.last_tile), total
    if streamed:
        wait = ceil_div(row.directions * row.weights * settings.weight_bytes, row.bytes_per_cycle)
        wait = 0.0 if row.stream > 0 else wait
    total = row.directions * (timing.early + (row.steps - 1) * timing.step + timing.last_step) + wait
    block.results[USEFUL][i] = times * useful
    block.results[ROW_PADDING][i] = times * row_padding
    block.results[COLUMN_PADDING][i] = times * (row.num_macs * busy - useful - row_padding)
    block.results[LOAD][i] = times * flow.load + wait
    block.results[FILL][i] = fill
    block.results[STALL][i] = total - times * (busy + flow.load) - fill - wait
    block.results[CHOSEN_ROWS][i] = row.tile_rows
    if schedule >= INTERGATE:
        total = total if row.tile_rows >= settings.gates else IMPOSSIBLE
    block.results[TOTAL][i] = total


cdef inline void loop(
    Block* block, Py_ssize_t rows, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    """All rows of a block; schedule, shape and streaming are constants where this is called."""
    cdef Py_ssize_t i
    for i in range(rows):
        evaluate_row(block, i, settings, schedule, shape, streamed)


cdef inline void dispatch_shape(
    Block* block, Py_ssize_t rows, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    if shape == PLAIN:
        loop(block, rows, settings, schedule, PLAIN, streamed)
    elif shape == SEPARATE:
        loop(block, rows, settings, schedule, SEPARATE, streamed)
    elif shape == PROJECTED:
        loop(block, rows, settings, schedule, PROJECTED, streamed)
    elif schedule >= INTERGATE:
        loop(block, rows, settings, schedule, TWO_PHASE, streamed)


cdef inline void dispatch_schedule(
    Block* block, Py_ssize_t rows, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    if schedule == SEQUENTIAL:
        dispatch_shape(block, rows, settings, SEQUENTIAL, shape, streamed)
    elif schedule == BATCH:
        dispatch_shape(block, rows, settings, BATCH, shape, streamed)
    elif schedule == INTERGATE:
        dispatch_shape(block, rows, settings, INTERGATE, shape, streamed)
    elif holds_all(block, rows, settings):
        dispatch_shape(block, rows, settings, UNFOLDED_WHOLE, shape, streamed)
    else:
        dispatch_shape(block, rows, settings, UNFOLDED, shape, streamed)


cdef void dispatch(
    Block* block, Py_ssize_t rows, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    """Choose the loop made for a schedule, a shape of cell and a place of the weights."""
    if streamed:
        dispatch_schedule(block, rows, settings, schedule, shape, True)
    else:
        dispatch_schedule(block, rows, settings, schedule, shape, False)


cdef bint holds_all(const Block* block, Py_ssize_t rows, const Settings* settings) noexcept nogil:
    """Whether the intermediate buffer holds the early sums of every cell of every row, at whatever tile height."""
    cdef Py_ssize_t i
    cdef double words, short = 0
    for i in range(rows):
        words = block.inputs[HIDDEN_SIZE][i] + block.inputs[TILE_ROWS][i]
        words *= settings.sums_per_cell * block.inputs[BATCH_SIZE][i]
        short += 1.0 if words > block.inputs[INTERMEDIATE_WORDS][i] else 0.0
    return short == 0


cdef void keep_best(Block* block, Py_ssize_t rows) noexcept nogil:
    """Keep the results of the tile height just evaluated where it takes fewer cycles than the best so far."""
    cdef Py_ssize_t i
    cdef int result
    cdef double better
    for result in range(NUM_RESULTS - 1, -1, -1):
        if result == TOTAL:
            continue
        for i in range(rows):
            better = block.results[result][i]
            block.best[result][i] = (
                better if block.results[TOTAL][i] < block.best[TOTAL][i] else block.best[result][i]
            )
    for i in range(rows):
        block.best[TOTAL][i] = smaller(block.results[TOTAL][i], block.best[TOTAL][i])


cdef void evaluate_block(
    Block* block, Py_ssize_t rows, const Settings* settings, int schedule, int shape, bint streamed, bint best
) noexcept nogil:
    """All rows of a block, on their own tile height or on each of the set."""
    cdef int index
    cdef Py_ssize_t i
    if not best:
        dispatch(block, rows, settings, schedule, shape, streamed)
        memcpy(block.best, block.results, sizeof(block.results))
        return
    for i in range(rows):
        block.best[TOTAL][i] = IMPOSSIBLE
    for index in range(settings.num_heights):
        for i in range(rows):
            block.inputs[TILE_ROWS][i] = settings.heights[index]
        dispatch(block, rows, settings, schedule, shape, streamed)
        keep_best(block, rows)


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
    """Evaluate the rows of `results` (8 x n): without the GIL, from inputs that vary or do not.

    Input k is row ``places[k]`` of `varying` (V x n), or ``constants[k]`` where that is -1. `heights` are the machine's,
    at most 8; `cell` has the gates of its first phase, sums kept for each cell, activation passes, bytes of a weight.
    """
    cdef Block block
    cdef Settings settings
    cdef Py_ssize_t start, first, rows, i, total = results.shape[1]
    cdef int index
    settings.gates, settings.sums_per_cell = cell[0], cell[1]
    settings.activation_passes, settings.weight_bytes = cell[2], cell[3]
    settings.reconfiguration = 1.0 if reconfiguration else 0.0
    settings.num_heights = <int> heights.shape[0]
    for index in range(MAX_HEIGHTS):
        settings.heights[index] = heights[min(index, settings.num_heights - 1)]
    with nogil:
        for index in range(NUM_INPUTS):
            for i in range(BLOCK):
                block.inputs[index][i] = constants[index]
        for start in range((total + BLOCK - 1) // BLOCK):
            first = start * BLOCK
            rows = min(<Py_ssize_t> BLOCK, total - first)
            for index in range(NUM_INPUTS):
                if places[index] >= 0:
                    memcpy(block.inputs[index], &varying[places[index], first], rows * sizeof(double))
            evaluate_block(&block, rows, &settings, schedule, shape, streamed, best)
            for index in range(NUM_RESULTS):
                memcpy(&results[index, first], block.best[index], rows * sizeof(double))
