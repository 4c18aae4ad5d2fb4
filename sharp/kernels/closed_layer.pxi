"""One layer on one tile height: blocks of cells, the order of the schedule, the results of all steps.

Included by closed_form.pxi, which has the design.
"""

cdef inline double streamed_share(
    const Row* row, const Settings* settings, int shape, double capacity
) noexcept nogil:
    """Share of the weights that the buffer does not hold beside that of two segments of the longest rows."""
    cdef double longest = smaller(row.tile_rows, settings.gates * row.h) * (row.x + row.r)
    cdef double num_bytes = row.directions * row.weights * settings.weight_bytes
    cdef double missing = num_bytes - capacity, room
    if shape == PROJECTED:
        longest = larger(longest, smaller(row.tile_rows, row.r) * row.h)
    elif shape == TWO_PHASE:
        longest = larger(longest, smaller(row.tile_rows, row.h) * (row.x + row.r))
    room = larger(num_bytes - 2 * (longest * settings.weight_bytes), missing)
    missing = larger(missing, 0)
    return missing / (room if missing > 0 else 1.0)


cdef inline Row read_row(
    Block* block, int tile, Py_ssize_t i, const Settings* settings, int shape, bint streamed
) noexcept nogil:
    """A layer and the machine, from the inputs."""
    cdef Row row
    row.x, row.h, row.r = block.inputs.input_size[i], block.inputs.hidden_size[i], block.inputs.recurrent_size[i]
    row.steps, row.batch = block.inputs.seq_len[i], block.inputs.batch_size[i]
    row.directions = block.inputs.num_directions[i]
    row.weights = settings.gates * row.h * (row.x + row.r)
    if shape == PROJECTED:
        row.weights += row.r * row.h
    elif shape == TWO_PHASE:
        row.weights += row.h * (row.x + row.r)
    row.num_macs, row.tile_rows = block.inputs.num_macs[i], block.tiles[tile][HEIGHT][i]
    row.per_mac, row.per_lane = block.inverses[PER_MAC][i], block.inverses[PER_LANE][i]
    row.per_update_lane = block.tiles[tile][PER_UPDATE_LANE][i]
    row.activation = settings.activation_passes * block.inputs.activation[i]
    row.update = block.inputs.update[i]
    row.multiply = block.inputs.multiply[i]
    row.words = block.inputs.intermediate_words[i]
    row.bytes_per_cycle = block.inputs.dram_bytes_per_cycle[i]
    row.share = streamed_share(&row, settings, shape, block.inputs.weight_buffer_bytes[i]) if streamed else 0.0
    row.stream = settings.weight_bytes * row.share
    return row


cdef inline Cut cut(Cut blocks, const Row* row, const Settings* settings, double size, double per_cell) noexcept nogil:
    """Blocks of cells, as many as fill a tile: how many, and what remains."""
    cdef double height
    blocks.full = floor_by(size, per_cell)
    blocks.rest = size - blocks.full * blocks.cells
    blocks.last = smaller(blocks.rest, 1)
    height = tile_height(blocks.gates * blocks.rest, row.tile_rows, settings)
    blocks.last_width, blocks.last_per_width = row.num_macs / height, height * row.per_mac
    blocks.split = blocks.split_last = 0
    return blocks


cdef inline Cut cut_gates(
    const Block* block, int tile, Py_ssize_t i, const Row* row, const Settings* settings
) noexcept nogil:
    """The first phase, in blocks of the gates that share one."""
    cdef Cut blocks
    blocks.gates, blocks.cells = settings.block_gates, block.tiles[tile][CELLS][i]
    blocks.width, blocks.per_width = block.tiles[tile][WIDTH][i], block.tiles[tile][PER_WIDTH][i]
    return cut(blocks, row, settings, row.h, block.tiles[tile][PER_CELL][i])


cdef inline Cut cut_rows(
    const Block* block, int tile, Py_ssize_t i, const Row* row, const Settings* settings, double size
) noexcept nogil:
    """A second phase, in blocks of a tile's rows."""
    cdef Cut blocks
    blocks.gates, blocks.cells = 1, row.tile_rows
    blocks.width, blocks.per_width = block.tiles[tile][COLUMNS][i], row.tile_rows * row.per_mac
    return cut(blocks, row, settings, size, block.tiles[tile][PER_ROW][i])


cdef inline double widest(const Cut* blocks) noexcept nogil:
    """Columns of the widest tile among the blocks there are."""
    return larger(blocks.width * smaller(blocks.full, 1), blocks.last_width * blocks.last)


cdef inline double mvm_latency(const Block* block, Py_ssize_t i, double columns) noexcept nogil:
    """Cycles from the last tile of any segment of a layer to its sums, `columns` those of the widest tile."""
    cdef double stages = ceil_by(sharp_ceil_log2(columns), block.inverses[PER_LEVEL][i])
    return block.inputs.multiply[i] + block.inputs.add[i] * stages + block.inputs.accumulate[i]


cdef inline Cut split(Cut blocks, const Row* row, const Settings* settings, int schedule) noexcept nogil:
    """How many of the first blocks issue x one step ahead."""
    cdef double fitting
    if schedule == UNFOLDED_WHOLE:
        blocks.split, blocks.split_last = blocks.full, blocks.last
    elif schedule == UNFOLDED:
        fitting = floor_by(row.words, 1.0 / (settings.sums_per_cell * blocks.cells * row.batch))
        blocks.split = smaller(fitting, blocks.full)
        blocks.split_last = blocks.last if fitting > blocks.full else 0.0
    return blocks


cdef inline Segments full_blocks(
    const Row* row, const Cut* blocks, double count, double columns, double apart, bint activated, bint streamed
) noexcept nogil:
    """A run of segments with a full block each."""
    cdef double rows = blocks.gates * blocks.cells
    cdef Segments run = segments(
        row, count, rows, blocks.cells, blocks.width, blocks.per_width, columns, apart, activated, streamed
    )
    cdef double some = smaller(count, 1)
    run.array *= some
    run.busy *= some
    run.activation *= some
    run.update *= some
    return run


cdef inline Segments last_block(
    const Row* row, const Cut* blocks, double some, double count, double columns, double apart, bint activated,
    bint streamed
) noexcept nogil:
    """A run of segments with the block that remains, if `some` is 1 and not 0."""
    cdef double cells = blocks.rest * some, width = blocks.last_width, per_width = blocks.last_per_width
    cdef Segments run = segments(
        row, count, blocks.gates * cells, cells, width, per_width, columns, apart, activated, streamed
    )
    run.array *= some
    run.busy *= some
    return run


cdef inline Flow gate_after_gate(
    const Row* row, const Settings* settings, const Cut* blocks, double columns, double apart, bint streamed
) noexcept nogil:
    """`sequential`: all cells update after the last gate.

    Each gate is the same work of the array and the activation unit, which ends later by the longer of the two.
    """
    cdef Flow flow = begin(0)
    cdef Segments full = full_blocks(row, blocks, blocks.full, columns, apart, True, streamed)
    cdef Segments last = last_block(row, blocks, blocks.last, 1, columns, apart, True, streamed)
    flow = activate(flow, row, &full)
    flow = activate(flow, row, &last)
    flow.activation += (settings.gates - 1) * larger(flow.array, full.count * full.activation + last.activation)
    flow.array *= settings.gates
    flow.busy *= settings.gates
    flow.covered *= settings.gates
    flow.load *= settings.gates
    flow.update = flow.activation + row.activation + ceil_by(row.batch * row.h, row.per_update_lane)
    return flow


cdef inline Flow block_after_block(
    const Row* row, const Settings* settings, const Cut* blocks, double columns, double apart, int schedule,
    bint streamed
) noexcept nogil:
    """`batch`, and the fused schedules: blocks whose x ran ahead, then whole ones."""
    cdef Flow flow = begin(0)
    cdef double group = settings.gates if schedule == BATCH else 1.0
    cdef double full = blocks.full, last = blocks.last
    cdef Segments run
    if schedule >= UNFOLDED:
        run = full_blocks(row, blocks, blocks.split, row.r, 0, True, streamed)
        flow = serve(flow, row, &run, 1)
        run = last_block(row, blocks, blocks.split_last, 1, row.r, 0, True, streamed)
        flow = serve(flow, row, &run, 1)
    if schedule == UNFOLDED:
        full, last = full - blocks.split, last - blocks.split_last
    if schedule != UNFOLDED_WHOLE:
        run = full_blocks(row, blocks, group * full, columns, apart, True, streamed)
        flow = serve(flow, row, &run, group)
        run = last_block(row, blocks, last, group, columns, apart, True, streamed)
        flow = serve(flow, row, &run, group)
    return flow


cdef inline Flow run_ahead(
    Flow flow, const Row* row, const Cut* blocks, Timing* timing, bint streamed
) noexcept nogil:
    """Count the products with x of the next step; the array is free when it was, `timing` says when they issue."""
    cdef double array = flow.array
    cdef Segments run = last_block(row, blocks, blocks.split_last, 1, row.x, 0, False, streamed)
    flow = issue(flow, &run)
    timing.covering = run.array
    run = full_blocks(row, blocks, blocks.split, row.x, 0, False, streamed)
    flow = issue(flow, &run)
    timing.early = timing.covering + run.count * run.array
    timing.covering += run.array * smaller(
        blocks.split, ceil_div(larger(0, row.mvm - timing.covering), larger(1, run.array))
    )
    flow.array = array
    return flow


cdef inline Flow project(
    Flow flow, const Row* row, const Cut* blocks, Timing* timing, double given, bint streamed
) noexcept nogil:
    """The product with what the cells give at `given`; the early ones before it, but those that cover its latency."""
    cdef double array = flow.array, product
    cdef Segments run = full_blocks(row, blocks, blocks.full, row.h, 0, False, streamed)
    flow = issue(flow, &run)
    run = last_block(row, blocks, blocks.last, 1, row.h, 0, False, streamed)
    flow = issue(flow, &run)
    product = flow.array - array
    timing.last_tile = given + product
    timing.last_step = timing.last_tile + row.mvm
    timing.step = larger(given, array + timing.early - timing.covering) + product + larger(row.mvm, timing.covering)
    return flow


cdef inline Flow second_phase(
    Flow flow, const Row* row, const Cut* blocks, Timing* timing, double given, bint streamed
) noexcept nogil:
    """One more gate, over x (which fills the wait) and what the first phase gives at `given`."""
    cdef double start
    cdef Segments run = full_blocks(row, blocks, blocks.full, row.x, 0, False, streamed)
    flow = issue(flow, &run)
    run = last_block(row, blocks, blocks.last, 1, row.x, 0, False, streamed)
    flow = issue(flow, &run)
    start = larger(flow.array, given)
    flow.array = flow.activation = flow.update = 0
    run = full_blocks(row, blocks, blocks.full, row.r, 0, True, streamed)
    flow = serve(flow, row, &run, 1)
    run = last_block(row, blocks, blocks.last, 1, row.r, 0, True, streamed)
    flow = serve(flow, row, &run, 1)
    timing.last_tile = start + flow.array
    timing.last_step = start + flow.update + row.update
    timing.step = larger(timing.last_step, timing.last_tile + timing.early)
    return flow


cdef inline void evaluate_row(
    Block* block, int tile, Py_ssize_t i, const Settings* settings, int schedule, int shape, bint streamed
) noexcept nogil:
    """One layer on one tile height."""
    cdef Row row = read_row(block, tile, i, settings, shape, streamed)
    cdef double columns = row.x if shape == SEPARATE else row.x + row.r
    cdef double apart = row.r if shape == SEPARATE else 0.0
    cdef Cut blocks = split(cut_gates(block, tile, i, &row, settings), &row, settings, schedule), later = blocks
    cdef Flow flow
    cdef Timing timing
    cdef double given
    if shape >= PROJECTED:
        later = cut_rows(block, tile, i, &row, settings, row.r if shape == PROJECTED else row.h)
    row.mvm = mvm_latency(block, i, larger(widest(&blocks), widest(&later)))
    timing.early = timing.covering = 0
    if schedule == SEQUENTIAL:
        flow = gate_after_gate(&row, settings, &blocks, columns, apart, streamed)
    else:
        flow = block_after_block(&row, settings, &blocks, columns, apart, schedule, streamed)
    given = flow.update + (row.multiply if shape == TWO_PHASE else row.update)
    if schedule >= UNFOLDED:
        flow = run_ahead(flow, &row, &blocks, &timing, streamed)
    if shape == PROJECTED:
        flow = project(flow, &row, &later, &timing, given, streamed)
    elif shape == TWO_PHASE:
        flow = second_phase(flow, &row, &later, &timing, given, streamed)
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
    cdef double useful = row.batch * row.weights
    cdef double fill = row.directions * (timing.last_step - timing.last_tile), total, num_bytes
    if streamed:  # what stays on chip comes first
        num_bytes = row.directions * row.weights * settings.weight_bytes
        wait = ceil_div(num_bytes - sharp_ceil(num_bytes * row.share), row.bytes_per_cycle)
    total = row.directions * (timing.early + (row.steps - 1) * timing.step + timing.last_step) + wait
    block.results.useful[i] = times * useful
    block.results.row_padding[i] = times * (row.num_macs * flow.busy - flow.covered)
    block.results.column_padding[i] = times * (flow.covered - useful)
    block.results.weight_load[i] = times * flow.load + wait
    block.results.fill_drain[i] = fill
    block.results.dependency_stall[i] = total - times * (flow.busy + flow.load) - fill - wait
    block.results.streamed_share[i] = row.share
    block.results.first_load[i] = wait
    block.results.chosen_tile_rows[i] = row.tile_rows
    if schedule >= INTERGATE:
        block.results.chosen_tile_rows[i] = row.tile_rows if row.tile_rows >= settings.gates else 0.0
        total = total if row.tile_rows >= settings.gates else IMPOSSIBLE
    block.results.total_cycles[i] = total
