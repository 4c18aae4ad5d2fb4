"""Event-level simulator: three in-order units serve the segments of a layer, one round after the other.

The design, so that nobody has to find it out from the code:

- The caller flattens a layer's schedule into *segments* (what one issue costs each unit), *runs* (a group of
  consecutive segments, repeated) and *signals* (the vectors that segments give and wait for). A round is all runs in
  order. `issue` advances the machine by one segment; everything else is loops.
- A signal holds two cycles: when the first tile that needs the vector may issue, and when the last tile of that
  segment may end. Under a barrier only the first is set; tile by tile, the second carries what each block allows.
  A carried signal (h) is given in one round and waited for in the next.
- `advance` keeps the machine in `state`, so that the caller can stop between rounds: for a progress bar, or where the
  costs change. Asked to skip, it stops simulating as soon as the state relative to the array repeats, and adds the
  whole periods that are left: exact, since nothing else decides what comes next. The checkpoint moves as in Brent's
  search for a cycle.
- Arrays are allocated and checked by the caller; the directives are in setup.py. Nothing allocates.
"""

include "machine.pxi"

# Columns of `events`.
cdef enum:
    ROUND = 0
    SEGMENT = 1
    ARRAY_START = 2
    ARRAY_END = 3
    ACTIVATION_START = 4
    ACTIVATION_END = 5
    UPDATE_START = 6
    UPDATE_END = 7


cdef inline void begin_round(const int64_t[:, ::1] signals, int64_t[::1] state) noexcept nogil:
    """What was given for this round is there now."""
    cdef Py_ssize_t signal
    cdef int64_t* entry
    for signal in range(signals.shape[0]):
        entry = &state[NUM_UNITS + NUM_ENTRIES * signal]
        entry[READY] = entry[NEXT_READY]
        entry[FULL] = entry[NEXT_FULL]
        entry[NEXT_READY] = entry[NEXT_FULL] = 0


cdef inline int64_t behind(int64_t cycle, int64_t array_free) noexcept nogil:
    """Cycles after the array is free; what is not after it decides nothing."""
    return max(cycle - array_free, 0)


cdef bint is_same(const int64_t[::1] state, const int64_t[::1] other, Py_ssize_t num_signals) noexcept nogil:
    """Whether two states, each relative to its array, go on in the same way."""
    cdef int64_t here = state[ARRAY_FREE], there = other[ARRAY_FREE]
    cdef Py_ssize_t signal, entry
    if (
        state[H_OUT] - here != other[H_OUT] - there
        or behind(state[ACTIVATION_FREE], here) != behind(other[ACTIVATION_FREE], there)
        or behind(state[UPDATE_FREE], here) != behind(other[UPDATE_FREE], there)
    ):
        return False
    for signal in range(num_signals):
        entry = NUM_UNITS + NUM_ENTRIES * signal
        if (
            behind(state[entry + NEXT_READY], here) != behind(other[entry + NEXT_READY], there)
            or behind(state[entry + NEXT_FULL], here) != behind(other[entry + NEXT_FULL], there)
        ):
            return False
    return True


cdef void add_periods(int64_t[::1] state, const int64_t[::1] before, int64_t periods) noexcept nogil:
    """Add what happened since `before` some more times."""
    cdef int64_t shift = periods * (state[ARRAY_FREE] - before[ARRAY_FREE])
    cdef int64_t stall = periods * (state[STALL] - before[STALL])
    cdef Py_ssize_t entry
    for entry in range(state.shape[0]):
        state[entry] += stall if entry == STALL else shift


def advance(
    const int64_t[:, ::1] segments,
    const int64_t[:, ::1] runs,
    const int64_t[:, ::1] signals,
    int64_t mvm,
    int64_t rounds,
    int64_t[::1] state,
    int64_t[::1] checkpoint,
    bint skip,
):
    """Run some rounds of a layer, from `state` to `state`; with `skip` at a cost independent of their number.

    `checkpoint` is scratch space as long as `state`.
    """
    cdef int64_t done = 0, since = 0, limit = 1
    with nogil:
        checkpoint[:] = state
        while done < rounds:
            play(segments, runs, signals, mvm, state)
            done += 1
            if done & ROUNDS_MASK == ROUNDS_MASK:
                with gil:
                    PyErr_CheckSignals()
            if not skip:
                continue
            since += 1
            if is_same(state, checkpoint, signals.shape[0]):
                add_periods(state, checkpoint, (rounds - done) // since)
                rounds = (rounds - done) % since
                done = 0
                skip = False
            elif since == limit:
                checkpoint[:] = state
                limit *= 2
                since = 0


cdef int play(
    const int64_t[:, ::1] segments,
    const int64_t[:, ::1] runs,
    const int64_t[:, ::1] signals,
    int64_t mvm,
    int64_t[::1] state,
) except -1 nogil:
    """One round."""
    cdef Machine machine = load(state)
    cdef Py_ssize_t run, index, first
    cdef int64_t repeat
    begin_round(signals, state)
    for run in range(runs.shape[0]):
        first = runs[run, FIRST_SEGMENT]
        if runs[run, NUM_SEGMENTS] == 1 and not is_forwarded(segments, signals, first):
            serve_run(&machine, &segments[first, 0], runs[run, REPEATS], signals, mvm, state)
            continue
        for repeat in range(runs[run, REPEATS]):
            for index in range(first, first + runs[run, NUM_SEGMENTS]):
                issue(&machine, &segments[index, 0], repeat, signals, mvm, state)
            if repeat & SIGNALS_MASK == SIGNALS_MASK:
                with gil:
                    PyErr_CheckSignals()
    store(&machine, state)
    return 0


def record(
    const int64_t[:, ::1] segments,
    const int64_t[:, ::1] runs,
    const int64_t[:, ::1] signals,
    int64_t mvm,
    int64_t first_round,
    int64_t rounds,
    int64_t[::1] state,
    int64_t[:, ::1] events,
):
    """Run some rounds as `advance` does and write a row of `events` for each segment issued; returns how many.

    A row: round, segment, then start and end on array, activation unit and updater, -1 where it did not go there.
    """
    cdef Py_ssize_t run, index, first, count = 0
    cdef int64_t round_index, repeat
    cdef Machine machine
    with nogil:
        machine = load(state)
        for round_index in range(first_round, first_round + rounds):
            begin_round(signals, state)
            for run in range(runs.shape[0]):
                first = runs[run, FIRST_SEGMENT]
                for repeat in range(runs[run, REPEATS]):
                    for index in range(first, first + runs[run, NUM_SEGMENTS]):
                        events[count, ROUND] = round_index
                        events[count, SEGMENT] = index
                        write(&machine, &segments[index, 0], repeat, signals, mvm, state, events[count])
                        count += 1
        store(&machine, state)
    return count


cdef void write(
    Machine* machine,
    const int64_t* segment,
    int64_t repeat,
    const int64_t[:, ::1] signals,
    int64_t mvm,
    int64_t[::1] state,
    int64_t[::1] event,
) noexcept nogil:
    """Serve one segment and write down when it held each unit."""
    cdef int64_t out
    event[ARRAY_START] = hold(machine, segment, entry_of(segment[WAITS_FOR], state))
    event[ARRAY_END] = machine.array_free
    event[ACTIVATION_START] = event[ACTIVATION_END] = -1
    event[UPDATE_START] = event[UPDATE_END] = -1
    out = finish(machine, segment, mvm)
    if segment[ACTIVATION_CYCLES]:
        event[ACTIVATION_START] = machine.activation_free - segment[ACTIVATION_CYCLES]
        event[ACTIVATION_END] = machine.activation_free
        if segment[UPDATE_CYCLES]:
            event[UPDATE_START] = machine.update_free - segment[UPDATE_CYCLES]
            event[UPDATE_END] = machine.update_free
    if segment[GIVES] >= 0:
        give(machine, segment, repeat, out, &signals[segment[GIVES], 0], entry_of(segment[GIVES], state))
