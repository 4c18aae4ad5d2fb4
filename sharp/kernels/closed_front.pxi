"""The designs that no other beats: a buffer of them, and what comes block by block.

A design beats another that costs no less in anything and more in something; of two that cost the same, the one of the
smaller number. So which designs are left does not depend on the order in which they come. Costs are compared to 12
digits, as sums of energy are not more exact than that.

Nearly all of a block is beaten by a few designs, those at the head of the buffer: they are tried first, on all rows at
once. A row that is left is compared with the whole buffer; a design that beats one there moves halfway to the head.

Facts travel with a design, and are not compared.

Included by closed_form.pxi.
"""

cdef enum:
    HEAD = 16
    STRIP = 64
    MOST_COSTS = 4

NEVER = 1e300
"""Cost of what is no design."""
MAX_COSTS = <int> MOST_COSTS

cdef double _NEVER = 1e300

cdef extern from *:
    """
    /* To 40 bits, some 12 digits; x >= 0. */
    static inline double sharp_shorten(double x) {
        union { double number; uint64_t bits; } value;
        value.number = x;
        value.bits = ((value.bits + 2048) >> 12) << 12;
        return value.number;
    }
    """
    double sharp_shorten(double x) noexcept nogil


cdef struct Front:  # one number behind the other, `capacity` of each
    double* costs
    double* facts
    int num_facts
    int64_t* numbers
    Py_ssize_t capacity
    Py_ssize_t count


cdef struct Rows:  # of a block
    double costs[MOST_COSTS][BLOCK]
    int64_t numbers[BLOCK]
    const double* facts
    Py_ssize_t stride  # from a fact to the next


cdef inline int64_t beats(
    const double* one, Py_ssize_t one_stride, int64_t one_number, const double* other, Py_ssize_t other_stride,
    int64_t other_number, int num_costs
) noexcept nogil:
    cdef int64_t no_worse = 1, better = one_number < other_number
    cdef int k
    for k in range(num_costs):
        no_worse &= one[k * one_stride] <= other[k * other_stride]
        better |= one[k * one_stride] < other[k * other_stride]
    return no_worse & better


cdef inline int64_t strike(
    const Front* front, Py_ssize_t member, const Rows* rows, Py_ssize_t count, int64_t* alive, int num_costs
) noexcept nogil:
    """Strike out the rows that a design beats; returns how many are left."""
    cdef Py_ssize_t i
    cdef int64_t number = front.numbers[member], left = 0
    cdef double cost[MOST_COSTS]
    cdef int k
    for k in range(num_costs):
        cost[k] = front.costs[k * front.capacity + member]
    for i in range(count):
        alive[i] &= 1 - beats(cost, 1, number, &rows.costs[0][i], BLOCK, rows.numbers[i], num_costs)
        left += alive[i]
    return left


cdef inline Py_ssize_t beater(const Front* front, const Rows* rows, Py_ssize_t i, int num_costs) noexcept nogil:
    """The first design of the buffer that beats a row, or -1."""
    cdef Py_ssize_t start, member, last
    cdef int64_t found, number = rows.numbers[i]
    cdef double cost[MOST_COSTS]
    cdef int k
    for k in range(num_costs):
        cost[k] = rows.costs[k][i]
    for start in range((front.count + STRIP - 1) // STRIP):
        last, found = min(front.count, (start + 1) * STRIP), 0
        for member in range(start * STRIP, last):
            found |= beats(
                front.costs + member, front.capacity, front.numbers[member], cost, 1, number, num_costs
            )
        if found:
            for member in range(start * STRIP, last):
                if beats(front.costs + member, front.capacity, front.numbers[member], cost, 1, number, num_costs):
                    return member
    return -1


cdef inline void move(Front* front, Py_ssize_t source, Py_ssize_t target, int num_costs) noexcept nogil:
    cdef int k
    front.numbers[target] = front.numbers[source]
    for k in range(num_costs):
        front.costs[k * front.capacity + target] = front.costs[k * front.capacity + source]
    for k in range(front.num_facts):
        front.facts[k * front.capacity + target] = front.facts[k * front.capacity + source]


cdef inline void swap(Front* front, Py_ssize_t one, Py_ssize_t other, int num_costs) noexcept nogil:
    """By way of the place behind the last, which is free."""
    move(front, one, front.count, num_costs)
    move(front, other, one, num_costs)
    move(front, front.count, other, num_costs)


cdef inline void insert(Front* front, const Rows* rows, Py_ssize_t i, int num_costs) noexcept nogil:
    """Take a design in, those that it beats out."""
    cdef Py_ssize_t member = 0
    cdef int64_t number = rows.numbers[i]
    cdef int k
    while member < front.count:
        if beats(
            &rows.costs[0][i], BLOCK, number, front.costs + member, front.capacity, front.numbers[member], num_costs
        ):
            front.count -= 1
            move(front, front.count, member, num_costs)
        else:
            member += 1
    front.numbers[front.count] = number
    for k in range(num_costs):
        front.costs[k * front.capacity + front.count] = rows.costs[k][i]
    for k in range(front.num_facts):
        front.facts[k * front.capacity + front.count] = rows.facts[k * rows.stride + i]
    front.count += 1


cdef inline void sift_block(Front* front, const Rows* rows, Py_ssize_t count, int num_costs) noexcept nogil:
    """At most `BLOCK` rows."""
    cdef int64_t alive[BLOCK]
    cdef int64_t left = 0
    cdef Py_ssize_t i, member
    for i in range(count):
        alive[i] = rows.costs[0][i] < _NEVER
        left += alive[i]
    for member in range(min(<Py_ssize_t> HEAD, front.count)):
        if left:
            left = strike(front, member, rows, count, alive, num_costs)
    for i in range(count if left else 0):
        if alive[i]:
            member = beater(front, rows, i, num_costs)
            if member < 0:
                insert(front, rows, i, num_costs)
            else:
                swap(front, member, member // 2, num_costs)


cdef inline void sift_rows(
    Front* front, const double[:, ::1] costs, const double[:, ::1] facts, const int64_t[::1] numbers, int num_costs
) noexcept nogil:
    """All rows; the number of costs is a constant where this is called."""
    cdef Py_ssize_t first, start, i, rest, total = costs.shape[1]
    cdef Rows rows
    cdef int k
    rows.stride = facts.shape[1]
    for start in range((total + BLOCK - 1) // BLOCK):
        first = start * BLOCK
        rest = min(<Py_ssize_t> BLOCK, total - first)
        rows.facts = &facts[0, first]
        memcpy(rows.numbers, &numbers[first], rest * sizeof(int64_t))
        for k in range(num_costs):
            for i in range(rest):
                rows.costs[k][i] = sharp_shorten(costs[k, first + i])
        sift_block(front, &rows, rest, num_costs)


def sift(
    const double[:, ::1] costs,
    const double[:, ::1] facts,
    const int64_t[::1] numbers,
    double[:, ::1] front_costs,
    double[:, ::1] front_facts,
    int64_t[::1] front_numbers,
    Py_ssize_t count,
):
    """Take n designs into a front of `count`; returns how many it then has. Without the GIL.

    `costs` is k x n, at most `MAX_COSTS` of them and the first at least `NEVER` of what is no design; `facts` is f x n,
    at least one. A front has an array for each, whose rows have room for more than `count` + n designs.
    """
    cdef Front designs
    if not costs.shape[1]:
        return count
    with nogil:
        designs.costs, designs.facts, designs.numbers = &front_costs[0, 0], &front_facts[0, 0], &front_numbers[0]
        designs.capacity, designs.count, designs.num_facts = front_costs.shape[1], count, <int> facts.shape[0]
        if costs.shape[0] == 1:
            sift_rows(&designs, costs, facts, numbers, 1)
        elif costs.shape[0] == 2:
            sift_rows(&designs, costs, facts, numbers, 2)
        elif costs.shape[0] == 3:
            sift_rows(&designs, costs, facts, numbers, 3)
        else:
            sift_rows(&designs, costs, facts, numbers, 4)
    return designs.count
