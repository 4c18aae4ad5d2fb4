"""Arithmetic of the closed form: quotients, tile heights, and runs of segments through the three units.

Included by closed_form.pxi, which has the design.
"""

cdef inline double larger(double a, double b) noexcept nogil:
    return a if a > b else b


cdef inline double smaller(double a, double b) noexcept nogil:
    return a if a < b else b


cdef inline double ceil_div(double a, double b) noexcept nogil:
    return sharp_ceil(a / b)


cdef inline double ceil_by(double a, double per) noexcept nogil:
    """ceil(a / b) of integers, a < 2^50, from per = 1 / b.

    a / b + 1/2 - 1 / 2b is at least 1 / 2b away from any half, and the roundings on the way are less than that.
    """
    return sharp_round(a * per + (0.5 - 0.5 * per))


cdef inline double floor_by(double a, double per) noexcept nogil:
    """floor(a / b), as `ceil_by`."""
    return sharp_round(a * per - (0.5 - 0.5 * per))


cdef inline double step_up(double rows, int index, const Settings* settings) noexcept nogil:
    return settings.higher[index] if rows > settings.heights[index] else 0.0


cdef inline double tile_height(double rows, double tile_rows, const Settings* settings) noexcept nogil:
    """Least height of the set that takes the rows, or the layer's own; that is one of the set."""
    cdef double height = settings.heights[0]
    rows = larger(rows, settings.fixed * tile_rows)
    height += step_up(rows, 0, settings) + step_up(rows, 1, settings)
    height += step_up(rows, 2, settings) + step_up(rows, 3, settings) + step_up(rows, 4, settings)
    height += step_up(rows, 5, settings) + step_up(rows, 6, settings)
    return height


cdef inline void derive_row(
    Block* block, int tile, Py_ssize_t i, const Settings* settings
) noexcept nogil:
    cdef double tile_rows = block.tiles[tile][HEIGHT][i], num_macs = block.inputs.num_macs[i]
    cdef double per_row = 1 / tile_rows, columns = sharp_round(num_macs * per_row)
    cdef double cells = larger(1, floor_by(tile_rows, 1 / settings.block_gates))
    cdef double height = tile_height(settings.block_gates * cells, tile_rows, settings)
    block.tiles[tile][PER_ROW][i] = per_row
    block.tiles[tile][COLUMNS][i] = columns
    block.tiles[tile][PER_UPDATE_LANE][i] = 1 / larger(1, floor_by(tile_rows, block.inverses[PER_ROW_OF_LANE][i]))
    block.tiles[tile][CELLS][i] = cells
    block.tiles[tile][PER_CELL][i] = 1 / cells
    block.tiles[tile][WIDTH][i] = num_macs / height
    block.tiles[tile][PER_WIDTH][i] = height * block.inverses[PER_MAC][i]


cdef void derive(Block* block, int tile, const Settings* settings, bint best) noexcept nogil:
    """What follows from the machine and a tile height alone, for all rows of a block."""
    cdef Py_ssize_t i
    cdef Settings local = settings[0]
    if best:
        for i in range(BLOCK):
            block.tiles[tile][HEIGHT][i] = settings.heights[tile]
    else:
        memcpy(block.tiles[tile][HEIGHT], block.inputs.tile_rows, BLOCK * sizeof(double))
    for i in range(BLOCK):
        derive_row(block, tile, i, &local)


cdef inline double tiles(double columns, double per_width, const Row* row) noexcept nogil:
    """ceil(columns / width), as `ceil_by` of columns * height and the multipliers."""
    return sharp_round(columns * per_width + (0.5 - 0.5 * row.per_mac))


cdef inline Segments segments(
    const Row* row, double count, double rows, double cells, double width, double per_width, double columns,
    double others, bint activated, bint streamed
) noexcept nogil:
    """A run of segments over `columns`, and `others` whose sum stays apart (0: none); `cells` update after each."""
    cdef Segments run
    cdef double weights
    run.count = count
    run.covers = rows * width
    run.busy = row.batch * (tiles(columns, per_width, row) + (tiles(others, per_width, row) if others > 0 else 0.0))
    run.array = run.busy
    run.activation = ceil_by(row.batch * rows, row.per_lane) if activated else 0.0
    run.update = ceil_by(row.batch * cells, row.per_update_lane) if activated else 0.0
    if streamed:
        weights = rows * (columns + others) * row.stream
        run.array = larger(run.array, ceil_div(weights, row.bytes_per_cycle))
    return run


cdef inline Flow begin(double array) noexcept nogil:
    """The units empty, the array from a cycle on."""
    cdef Flow flow
    flow.array = array
    flow.activation = flow.update = flow.busy = flow.covered = flow.load = 0
    return flow


cdef inline Flow issue(Flow flow, const Segments* run) noexcept nogil:
    """The array serves a run; nothing goes on to the other units."""
    flow.array += run.count * run.array
    flow.busy += run.count * run.busy
    flow.covered += run.count * run.busy * run.covers
    flow.load += run.count * (run.array - run.busy)
    return flow


cdef inline Flow activate(Flow flow, const Row* row, const Segments* run) noexcept nogil:
    """A run through array and activation unit."""
    cdef double first = flow.array + run.array + row.mvm + run.activation
    flow.activation = larger(
        flow.activation + run.count * run.activation, first + (run.count - 1) * larger(run.array, run.activation)
    )
    return issue(flow, run)


cdef inline Flow serve(Flow flow, const Row* row, const Segments* run, double gates) noexcept nogil:
    """A run through all units: groups of `gates` segments, an update after each group."""
    cdef double groups = run.count / gates
    cdef double a = run.array, u = run.activation, c = run.update
    cdef double slower = larger(a, u)
    cdef double first = flow.array + a + row.mvm + u
    flow.update = larger(
        flow.update + groups * c,
        row.activation + c + larger(
            flow.activation + gates * u + (groups - 1) * larger(gates * u, c),
            first + (gates - 1) * slower + (groups - 1) * larger(gates * slower, c),
        ),
    )
    return activate(flow, row, run)
