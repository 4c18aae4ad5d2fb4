"""The three units of the event simulator: the tables that describe them, and how they serve a segment.

Included by cycles.pyx, which has the design.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t

cdef enum:
    SIGNALS_MASK = 0xFFFFFF  # a look for Ctrl-C every so many repeats, some 50 ms
    ROUNDS_MASK = 0xFFF

# Columns of `segments`.
cdef enum:
    ARRAY_CYCLES = 0
    ACTIVATION_CYCLES = 1  # 0: the values do not pass the activation unit
    ACTIVATION_LATENCY = 2
    UPDATE_CYCLES = 3  # 0: no cell updates after it
    UPDATE_LATENCY = 4
    WAITS_FOR = 5  # index of a signal, -1: nothing
    GIVES = 6  # index of a signal, -1: nothing
    FIRST_ELEMENT = 7  # of the vector given, in the first repeat
    ELEMENTS = 8  # given by each repeat

# Columns of `runs`.
cdef enum:
    FIRST_SEGMENT = 0
    NUM_SEGMENTS = 1
    REPEATS = 2

# Columns of `signals`; the last five say how tiles of the next waiting segment follow from elements of the vector.
cdef enum:
    CARRIED = 0  # given in one round, waited for in the next
    TILE_COLUMNS = 1  # 0: a barrier
    FIRST_TILE = 2
    FIRST_COLUMN = 3  # column of the vector's first element, counted from the first tile
    NUM_TILES = 4
    TILE_CYCLES = 5
    EXTRA_CYCLES = 6  # the array is held after the last tile

# Entries of `state`: the machine, then four for each signal.
cdef enum:
    ARRAY_FREE = 0
    ACTIVATION_FREE = 1
    UPDATE_FREE = 2
    STALL = 3  # cycles the array waited
    H_OUT = 4  # the last h so far is out
    NUM_UNITS = 5

cdef enum:
    READY = 0  # the first tile that waits may issue
    FULL = 1  # the last tile of the segment that waits may end
    NEXT_READY = 2  # the same of the next round
    NEXT_FULL = 3
    NUM_ENTRIES = 4

cdef struct Machine:
    int64_t array_free
    int64_t activation_free
    int64_t update_free
    int64_t stall
    int64_t h_out


cdef inline Machine load(const int64_t[::1] state) noexcept nogil:
    cdef Machine machine
    machine.array_free = state[ARRAY_FREE]
    machine.activation_free = state[ACTIVATION_FREE]
    machine.update_free = state[UPDATE_FREE]
    machine.stall = state[STALL]
    machine.h_out = state[H_OUT]
    return machine


cdef inline void store(const Machine* machine, int64_t[::1] state) noexcept nogil:
    state[ARRAY_FREE] = machine.array_free
    state[ACTIVATION_FREE] = machine.activation_free
    state[UPDATE_FREE] = machine.update_free
    state[STALL] = machine.stall
    state[H_OUT] = machine.h_out


cdef inline int64_t hold(Machine* machine, const int64_t* segment, const int64_t* signal) noexcept nogil:
    """Give the array to a segment, after what it waits for (`signal`, or NULL); returns when its first tile issues."""
    cdef int64_t free = machine.array_free, start = free, end
    if signal is not NULL:
        start = max(start, signal[READY])
    end = start + segment[ARRAY_CYCLES]
    if signal is not NULL:
        end = max(end, signal[FULL])
    machine.stall += end - free - segment[ARRAY_CYCLES]
    machine.array_free = end
    return start


cdef inline int64_t finish(Machine* machine, const int64_t* segment, int64_t mvm) noexcept nogil:
    """Take a segment from the array through activation unit and updater; returns when its values are out."""
    cdef int64_t out = machine.array_free + mvm
    if segment[ACTIVATION_CYCLES]:
        machine.activation_free = segment[ACTIVATION_CYCLES] + max(machine.activation_free, out)
        out = machine.activation_free + segment[ACTIVATION_LATENCY]
        if segment[UPDATE_CYCLES]:
            machine.update_free = segment[UPDATE_CYCLES] + max(machine.update_free, out)
            out = machine.update_free + segment[UPDATE_LATENCY]
    return out


cdef inline void give(
    Machine* machine, const int64_t* segment, int64_t repeat, int64_t out, const int64_t* signal, int64_t* entry
) noexcept nogil:
    """Tell who waits for the elements that are out now."""
    cdef int64_t tile, end
    if not signal[CARRIED]:
        entry[READY] = out
        return
    machine.h_out = out
    if signal[TILE_COLUMNS] == 0:
        entry[NEXT_READY] = out
        return
    tile = signal[FIRST_COLUMN] + segment[FIRST_ELEMENT] + repeat * segment[ELEMENTS]
    tile = signal[FIRST_TILE] + tile // signal[TILE_COLUMNS]
    if tile == 0:
        entry[NEXT_READY] = out
    end = out + (signal[NUM_TILES] - tile) * signal[TILE_CYCLES] + signal[EXTRA_CYCLES]
    entry[NEXT_FULL] = max(entry[NEXT_FULL], end)


cdef inline int64_t* entry_of(int64_t signal, int64_t[::1] state) noexcept nogil:
    """The cycles of a signal in the state, NULL where there is none."""
    return &state[NUM_UNITS + NUM_ENTRIES * signal] if signal >= 0 else NULL


cdef inline void issue(
    Machine* machine,
    const int64_t* segment,
    int64_t repeat,
    const int64_t[:, ::1] signals,
    int64_t mvm,
    int64_t[::1] state,
) noexcept nogil:
    """Serve one segment and tell who waits for it."""
    cdef int64_t out
    hold(machine, segment, entry_of(segment[WAITS_FOR], state))
    out = finish(machine, segment, mvm)
    if segment[GIVES] >= 0:
        give(machine, segment, repeat, out, &signals[segment[GIVES], 0], entry_of(segment[GIVES], state))


cdef inline int serve_alike(Machine* machine, const int64_t* segment, int64_t repeats, int64_t mvm) except -1 nogil:
    """Serve a segment some times that waits for nothing; returns nothing but an interrupt."""
    cdef int64_t array_free = machine.array_free, activation_free = machine.activation_free
    cdef int64_t update_free = machine.update_free, repeat
    cdef int64_t array_cycles = segment[ARRAY_CYCLES], activation_cycles = segment[ACTIVATION_CYCLES]
    cdef int64_t update_cycles = segment[UPDATE_CYCLES], latency = segment[ACTIVATION_LATENCY]
    if not activation_cycles:
        machine.array_free += repeats * array_cycles
        return 0
    for repeat in range(repeats):
        array_free += array_cycles
        activation_free = activation_cycles + max(activation_free, array_free + mvm)
        if update_cycles:
            update_free = update_cycles + max(update_free, activation_free + latency)
        if repeat & SIGNALS_MASK == SIGNALS_MASK:
            with gil:
                PyErr_CheckSignals()
    machine.array_free = array_free
    machine.activation_free = activation_free
    machine.update_free = update_free
    return 0


cdef inline int serve_run(
    Machine* machine,
    const int64_t* segment,
    int64_t repeats,
    const int64_t[:, ::1] signals,
    int64_t mvm,
    int64_t[::1] state,
) except -1 nogil:
    """Serve a run of one segment whose last repeat alone decides when the next round starts."""
    if repeats > 1:
        hold(machine, segment, entry_of(segment[WAITS_FOR], state))
        finish(machine, segment, mvm)
        serve_alike(machine, segment, repeats - 2, mvm)
    issue(machine, segment, repeats - 1, signals, mvm, state)
    return 0


cdef inline bint is_forwarded(
    const int64_t[:, ::1] segments, const int64_t[:, ::1] signals, Py_ssize_t index
) noexcept nogil:
    """Whether each repeat of a segment lets tiles of the next round go."""
    return segments[index, GIVES] >= 0 and signals[segments[index, GIVES], TILE_COLUMNS] != 0
