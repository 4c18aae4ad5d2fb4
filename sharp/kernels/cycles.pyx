"""Event-level simulator: three in-order units serve the segments of a layer, one time step after the other.

The design, so that nobody has to find it out from the code:

- The caller flattens a layer's schedule into *segments* (what one issue costs each unit) and *runs* (a group of
  consecutive segments, repeated). A round is all runs in order; round t holds the work of step t and early work of
  step t + 1. `issue` advances the three units by one segment; everything else is loops.
- `advance` keeps the machine in `state`, so that the caller can stop between rounds: for a progress bar, or to watch
  two steps of a long run. Within a long round only Ctrl-C stops it.
- Arrays are allocated and checked by the caller; the directives are in setup.py. Nothing allocates.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t

cdef enum:
    SIGNALS_MASK = 0xFFFFFF  # a look for Ctrl-C every so many repeats, some 50 ms

# Columns of `segments`.
cdef enum:
    ARRAY_CYCLES = 0
    ACTIVATION_CYCLES = 1  # 0: the segment leaves its sums unfinished
    UPDATE_CYCLES = 2  # 0: no cell updates after it
    WAITS_FOR_H = 3
    LOOKAHEAD = 4

# Columns of `runs`.
cdef enum:
    FIRST_SEGMENT = 0
    NUM_SEGMENTS = 1
    REPEATS = 2

# Entries of `latencies`.
cdef enum:
    MVM = 0
    ACTIVATION = 1
    UPDATE = 2

# Entries of `state`.
cdef enum:
    ARRAY_FREE = 0
    ACTIVATION_FREE = 1
    UPDATE_FREE = 2
    H_READY = 3  # all of h of the step before is out
    H_OUT = 4  # the last h so far is out
    STALL = 5  # cycles the array waited for h

# Columns of `events`.
cdef enum:
    STEP = 0
    SEGMENT = 1
    ARRAY_START = 2
    ARRAY_END = 3
    ACTIVATION_START = 4
    ACTIVATION_END = 5
    UPDATE_START = 6
    UPDATE_END = 7


cdef struct Machine:
    int64_t array_free
    int64_t activation_free
    int64_t update_free
    int64_t h_ready
    int64_t h_out
    int64_t stall


cdef inline Machine load(const int64_t[::1] state) noexcept nogil:
    cdef Machine machine
    machine.array_free = state[ARRAY_FREE]
    machine.activation_free = state[ACTIVATION_FREE]
    machine.update_free = state[UPDATE_FREE]
    machine.h_ready = state[H_READY]
    machine.h_out = state[H_OUT]
    machine.stall = state[STALL]
    return machine


cdef inline void store(const Machine* machine, int64_t[::1] state) noexcept nogil:
    state[ARRAY_FREE] = machine.array_free
    state[ACTIVATION_FREE] = machine.activation_free
    state[UPDATE_FREE] = machine.update_free
    state[H_READY] = machine.h_ready
    state[H_OUT] = machine.h_out
    state[STALL] = machine.stall


cdef inline void issue(
    Machine* machine, const int64_t* segment, const int64_t* latencies
) noexcept nogil:
    """Serve one segment: array, then (if its sums are complete) activation unit, then (if cells update) updater."""
    cdef int64_t start = machine.array_free
    if segment[WAITS_FOR_H] and machine.h_ready > start:
        machine.stall += machine.h_ready - start
        start = machine.h_ready
    machine.array_free = start + segment[ARRAY_CYCLES]
    if segment[ACTIVATION_CYCLES]:
        machine.activation_free = segment[ACTIVATION_CYCLES] + max(
            machine.activation_free, machine.array_free + latencies[MVM]
        )
        if segment[UPDATE_CYCLES]:
            machine.update_free = segment[UPDATE_CYCLES] + max(
                machine.update_free, machine.activation_free + latencies[ACTIVATION]
            )
            machine.h_out = machine.update_free + latencies[UPDATE]


cdef inline bint belongs(const int64_t* segment, int64_t round_index, int64_t steps) noexcept nogil:
    """Whether the step that the segment works for is one of 1 to `steps`."""
    return 1 <= round_index + segment[LOOKAHEAD] <= steps


def advance(
    const int64_t[:, ::1] segments,
    const int64_t[:, ::1] runs,
    const int64_t[::1] latencies,
    int64_t steps,
    int64_t first_round,
    int64_t last_round,
    int64_t[::1] state,
    int64_t[:, ::1] events=None,
):
    """Run rounds `first_round` to `last_round` - 1 of a layer of `steps` time steps, from `state` to `state`.

    Where `events` is given, each segment issued writes a row: step, segment, then start and end on array, activation
    unit and updater, -1 where it did not go there. It must be long enough. Returns how many rows were written.
    """
    cdef Py_ssize_t run, index, first, last, count = 0
    cdef int64_t round_index, _repeat
    cdef Machine machine
    cdef const int64_t* segment
    cdef bint recording = events is not None
    with nogil:
        machine = load(state)
        for round_index in range(first_round, last_round):
            machine.h_ready = machine.h_out
            for run in range(runs.shape[0]):
                first = runs[run, FIRST_SEGMENT]
                last = first + runs[run, NUM_SEGMENTS]
                for _repeat in range(runs[run, REPEATS]):
                    if _repeat & SIGNALS_MASK == SIGNALS_MASK:
                        with gil:
                            PyErr_CheckSignals()
                    for index in range(first, last):
                        segment = &segments[index, 0]
                        if not belongs(segment, round_index, steps):
                            continue
                        issue(&machine, segment, &latencies[0])
                        if recording:
                            write(&machine, segment, events[count])
                            events[count, STEP] = round_index + segment[LOOKAHEAD]
                            events[count, SEGMENT] = index
                            count += 1
        store(&machine, state)
    return count


cdef inline void write(const Machine* machine, const int64_t* segment, int64_t[::1] event) noexcept nogil:
    """Write down when the segment just issued held each unit."""
    event[ARRAY_START] = machine.array_free - segment[ARRAY_CYCLES]
    event[ARRAY_END] = machine.array_free
    event[ACTIVATION_START] = event[ACTIVATION_END] = -1
    event[UPDATE_START] = event[UPDATE_END] = -1
    if segment[ACTIVATION_CYCLES]:
        event[ACTIVATION_START] = machine.activation_free - segment[ACTIVATION_CYCLES]
        event[ACTIVATION_END] = machine.activation_free
        if segment[UPDATE_CYCLES]:
            event[UPDATE_START] = machine.update_free - segment[UPDATE_CYCLES]
            event[UPDATE_END] = machine.update_free
