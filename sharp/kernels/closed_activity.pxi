"""What a layer does that costs energy, where cycles do not say it: banks and vectors read, sums kept.

Included by closed_form.pxi, which has the design.
"""

cdef inline double units(const Cut* blocks, double per_lane) noexcept nogil:
    """Units with a row to multiply, of all blocks together."""
    return (
        blocks.full * ceil_by(blocks.gates * blocks.cells, per_lane) + ceil_by(blocks.gates * blocks.rest, per_lane)
    )


cdef inline void count_row(
    Block* block, int tile, Py_ssize_t i, const Settings* settings, int schedule, int shape, double per_lane
) noexcept nogil:
    """All steps of a layer; products over x and over h read their columns together or apart, and count the same."""
    cdef Row row = read_row(block, tile, i, settings, shape, False)
    cdef Cut blocks = split(cut_gates(block, tile, i, &row, settings), &row, settings, schedule)
    cdef double loads = row.directions * row.steps
    cdef double columns = (row.x + row.r) * (1.0 if schedule >= INTERGATE else settings.gates)
    cdef double used = units(&blocks, per_lane) * columns
    cdef double reads = (blocks.full + blocks.last) * columns
    cdef double kept = blocks.gates * (blocks.split * blocks.cells + blocks.split_last * blocks.rest)
    if shape >= PROJECTED:
        blocks = cut_rows(block, tile, i, &row, settings, row.r if shape == PROJECTED else row.h)
        columns = row.h if shape == PROJECTED else row.x + row.r
        used += units(&blocks, per_lane) * columns
        reads += (blocks.full + blocks.last) * columns
        kept += 0.0 if shape == PROJECTED else row.h
    block.counts.used_bank_reads[i] = loads * used
    block.counts.vector_reads[i] = loads * row.batch * reads
    block.counts.sums_kept[i] = loads * row.batch * kept


cdef inline void count_loop(
    Block* block, int tile, Py_ssize_t rows, const Settings* settings, int schedule, int shape, double per_lane
) noexcept nogil:
    """All rows of a block; schedule and shape are constants where this is called."""
    cdef Py_ssize_t i
    cdef Settings local = settings[0]
    for i in range(rows):
        count_row(block, tile, i, &local, schedule, shape, per_lane)


cdef inline void count_shape(
    Block* block, int tile, Py_ssize_t rows, const Settings* settings, int schedule, int shape, double per_lane
) noexcept nogil:
    if shape == PROJECTED:
        count_loop(block, tile, rows, settings, schedule, PROJECTED, per_lane)
    elif shape == TWO_PHASE:
        count_loop(block, tile, rows, settings, schedule, TWO_PHASE, per_lane)
    else:
        count_loop(block, tile, rows, settings, schedule, PLAIN, per_lane)


cdef void count_block(
    Block* block, int tile, Py_ssize_t rows, const Settings* settings, int schedule, int shape, double per_lane
) noexcept nogil:
    """Choose the loop made for a schedule and a shape of cell; `sequential` counts as `batch`."""
    if schedule < INTERGATE:
        count_shape(block, tile, rows, settings, BATCH, shape, per_lane)
    elif schedule == INTERGATE:
        count_shape(block, tile, rows, settings, INTERGATE, shape, per_lane)
    else:
        count_shape(block, tile, rows, settings, UNFOLDED, shape, per_lane)
