"""Products of a matrix and vectors in the order in which a tile of K rows and N columns adds them.

A row's products with the N columns of a tile are added in pairs of neighbours, these sums in pairs again, and so on to
the root; what has no neighbour goes up as it is. The sum of a tile is then added to that of the tiles before it. So
every addition has one place, and rounds there. A tile that the columns do not fill multiplies zeros by zeros.

Rows stand in panels of `LANES`, a column of a panel in one piece, so that a vector register adds the products of many
rows: their order is each row's own.
"""

from libc.math cimport INFINITY, fabs, rint
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    LANES = 32  # rows of a panel
    LEAF = 8  # products that are added without a look at the stack
    DEPTH = 64  # subtrees that wait for their neighbour, at most

cdef fused Number:
    float
    double

cdef struct Rounding:
    # A format with so many bits in its significand, the hidden one included, and exponents from the lowest on.
    int bits
    int lowest
    double greatest


LANES_A_PANEL = LANES


cdef inline double rounded(double value, const Rounding* to) noexcept nogil:
    """The nearest number of the format, ties to even; infinity beyond the greatest."""
    cdef uint64_t pattern
    cdef int exponent
    cdef double quantum, result
    memcpy(&pattern, &value, sizeof(double))
    exponent = <int> ((pattern >> 52) & 0x7FF) - 1023
    if exponent == 1024:  # infinity, not a number
        return value
    exponent = max(exponent, to.lowest) - to.bits + 1
    pattern = <uint64_t> (exponent + 1023) << 52
    memcpy(&quantum, &pattern, sizeof(double))
    result = rint(value / quantum) * quantum
    if fabs(result) > to.greatest:
        return INFINITY if value > 0 else -INFINITY
    return result


cdef inline Number settled(Number value, const Rounding* to) noexcept nogil:
    """The result of an operation as its format holds it; floats are of their own, and doubles may be exact."""
    if Number is double:
        if to.bits:
            return rounded(value, to)
    return value


cdef inline void add_up(Number* left, const Number* right, const Rounding* to) noexcept nogil:
    """Add two subtrees, row by row."""
    cdef int lane
    for lane in range(LANES):
        left[lane] = settled(left[lane] + right[lane], to)


cdef inline void leaf(const Number* w, const Number* v, int count, Number* out, const Rounding* to) noexcept nogil:
    """The subtree of 1, 2 or 4 products."""
    cdef Number more[2 * LANES]
    cdef int lane
    if count == 1:
        for lane in range(LANES):
            out[lane] = settled(w[lane] * v[0], to)
        return
    leaf(w, v, count // 2, out, to)
    leaf(w + count // 2 * LANES, v + count // 2, count // 2, &more[0], to)
    add_up(out, &more[0], to)


cdef inline void full_leaf(const Number* w, const Number* v, Number* out, const Rounding* to) noexcept nogil:
    """The subtree of `LEAF` products, in registers."""
    cdef Number a, b
    cdef int i
    for i in range(LANES):
        a = settled(
            settled(settled(w[i] * v[0], to) + settled(w[i + LANES] * v[1], to), to)
            + settled(settled(w[i + 2 * LANES] * v[2], to) + settled(w[i + 3 * LANES] * v[3], to), to),
            to,
        )
        b = settled(
            settled(settled(w[i + 4 * LANES] * v[4], to) + settled(w[i + 5 * LANES] * v[5], to), to)
            + settled(settled(w[i + 6 * LANES] * v[6], to) + settled(w[i + 7 * LANES] * v[7], to), to),
            to,
        )
        out[i] = settled(a + b, to)


cdef void tile_sum(
    const Number* w, const Number* v, Py_ssize_t columns, Number* stack, const Rounding* to
) noexcept nogil:
    """The tree over the columns of a tile; the first `LANES` numbers of the stack are its root."""
    cdef Number* top = stack
    cdef Py_ssize_t block, merged
    cdef int count = LEAF // 2
    for block in range(columns // LEAF):
        full_leaf(w, v, top, to)
        w += LEAF * LANES
        v += LEAF
        merged = block
        while merged & 1:
            add_up(top - LANES, top, to)
            top -= LANES
            merged >>= 1
        top += LANES
    while count:
        if columns & count:
            leaf(w, v, count, top, to)
            w += count * LANES
            v += count
            top += LANES
        count >>= 1
    while top - stack > LANES:
        top -= LANES
        add_up(top - LANES, top, to)


cdef void panel_sum(
    const Number* w,
    const Number* v,
    Py_ssize_t columns,
    Py_ssize_t width,
    bint starts,
    Number* sums,
    const Rounding* to,
) noexcept nogil:
    """Tile after tile of a run of columns, added to the sums of a panel, or a new sum."""
    cdef Number stack[DEPTH * LANES]
    cdef Py_ssize_t here, first = 0
    cdef int lane
    while first < columns:
        here = min(width, columns - first)
        tile_sum(w + first * LANES, v + first, here, &stack[0], to)
        if here < width:  # zeros join the tree; they change nothing but the sign of a zero
            for lane in range(LANES):
                stack[lane] = stack[lane] + 0
        if starts and first == 0:
            memcpy(sums, &stack[0], LANES * sizeof(Number))
        else:
            add_up(sums, &stack[0], to)
        first += width


def multiply(
    const Number[:, :, ::1] panels,
    const Number[:, ::1] vectors,
    Py_ssize_t first_column,
    Py_ssize_t last_column,
    Py_ssize_t width,
    bint starts,
    const int64_t[:, ::1] rows,
    int bits,
    int lowest,
    double greatest,
    Number[:, ::1] sums,
):
    """Multiply some rows of a matrix by some columns of vectors, and add to the sums of these rows.

    Parameters
    ----------
    panels : array, (panels, columns, LANES)
        The matrix, row ``p * LANES + l`` at ``[p, :, l]``.
    vectors : array, (vectors, columns)
        What it multiplies.
    first_column, last_column : int
        The columns, the last not included.
    width : int
        Columns of a tile.
    starts : bool
        Whether the sums start here; else these tiles are added to them.
    rows : array of int64, (ranges, 2)
        First row and the one after the last of each range.
    bits, lowest, greatest : int, int, float
        The format of products and sums in doubles: bits of the significand, the lowest exponent, the greatest number;
        0 bits for doubles themselves. Floats are rounded as floats.
    sums : array, (vectors, panels * LANES)
        Changed in place.
    """
    cdef Number kept[LANES]
    cdef Rounding to
    cdef Py_ssize_t place, panel, batch, begin, end, columns = last_column - first_column
    to.bits, to.lowest, to.greatest = bits, lowest, greatest
    with nogil:
        for place in range(rows.shape[0]):
            for panel in range(rows[place, 0] // LANES, (rows[place, 1] + LANES - 1) // LANES):
                begin = max(rows[place, 0] - panel * LANES, 0)
                end = min(rows[place, 1] - panel * LANES, LANES)
                for batch in range(vectors.shape[0]):
                    memcpy(&kept[0], &sums[batch, panel * LANES], LANES * sizeof(Number))
                    panel_sum(
                        &panels[panel, first_column, 0],
                        &vectors[batch, first_column],
                        columns,
                        width,
                        starts,
                        &kept[0],
                        &to,
                    )
                    memcpy(&sums[batch, panel * LANES + begin], &kept[begin], (end - begin) * sizeof(Number))
