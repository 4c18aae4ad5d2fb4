"""The three units of the event simulator: the tables that describe them, and how they serve a segment.

Included by cycles.pyx, which has the design.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t

# Rows of the tables, which are matrices of int64 for the caller: a field is a column, and cycles.pyx gives their names
# to Python.

cdef struct Segment:
    int64_t array_cycles
    int64_t activation_cycles  # 0: the values do not pass the activation unit
    int64_t activation_latency
    int64_t update_cycles  # 0: no cell updates after it
    int64_t update_latency
    int64_t waits_for  # index of a signal, -1: nothing
    int64_t gives  # index of the first signal of a vector, -1: none
    int64_t num_given  # signals of that vector
    int64_t first_element  # of the vector given, in the first repeat
    int64_t elements  # given by each repeat
    int64_t state  # index of what the cells' update reads, in the first repeat, -1: nothing that is not there anyway

cdef struct Run:
    int64_t first_segment
    int64_t num_segments
    int64_t repeats

cdef struct Signal:  # all but the first say how tiles of the next waiting segment follow from elements of the vector
    int64_t carried  # given in one round, waited for in the next
    int64_t delay  # cycles from when a carried vector is out to when it is there for who waits
    int64_t from_element  # those that the waiting segment multiplies
    int64_t to_element
    int64_t tile_columns  # 0: a barrier
    int64_t first_tile
    int64_t first_column  # column of the vector's first element, counted from the first tile
    int64_t num_tiles
    int64_t tile_cycles
    int64_t extra_cycles  # the array is held after the last tile

cdef struct Event:  # when a segment held each unit, -1 where it did not go there
    int64_t round
    int64_t segment
    int64_t array_start
    int64_t array_end
    int64_t activation_start
    int64_t activation_end
    int64_t update_start
    int64_t update_end

# What goes on is one vector of int64: the machine, an entry for each signal, then for each update with a state of its
# own when that is out.

cdef struct Machine:
    int64_t array_free
    int64_t activation_free
    int64_t update_free
    int64_t stall  # cycles the array waited
    int64_t h_out  # the last h so far is out

cdef struct Entry:
    int64_t ready  # the first tile that waits may issue
    int64_t full  # the last tile of the segment that waits may end
    int64_t next_ready  # the same of the next round
    int64_t next_full

cdef enum:
    SEGMENTS_A_LOOK = 0x1000000  # a look for Ctrl-C every so many segments, some 50 ms


cdef inline Entry* entries_of(int64_t[::1] state) noexcept nogil:
    """The signals in the state; there is at least one."""
    return <Entry*> (<Machine*> &state[0] + 1)


cdef inline int64_t* states_of(int64_t[::1] state, Py_ssize_t num_signals) noexcept nogil:
    """The cells' own states in the state, of which there may be none."""
    return <int64_t*> (entries_of(state) + num_signals)


cdef inline int look(int64_t* served, int64_t more) except -1 nogil:
    """Count some more segments served, and look for Ctrl-C now and then."""
    served[0] += more
    if served[0] >= SEGMENTS_A_LOOK:
        served[0] = 0
        with gil:
            PyErr_CheckSignals()
    return 0


cdef inline int64_t hold(Machine* machine, const Segment* segment, const Entry* entries) noexcept nogil:
    """Give the array to a segment, after what it waits for; returns when its first tile issues."""
    cdef int64_t free = machine.array_free, start = free, end
    if segment.waits_for >= 0:
        start = max(start, entries[segment.waits_for].ready)
    end = start + segment.array_cycles
    if segment.waits_for >= 0:
        end = max(end, entries[segment.waits_for].full)
    machine.stall += end - free - segment.array_cycles
    machine.array_free = end
    return start


cdef inline int64_t finish(
    Machine* machine, const Segment* segment, int64_t repeat, int64_t mvm, int64_t* states
) noexcept nogil:
    """Take a segment from the array through activation unit and updater; returns when its values are out."""
    cdef int64_t out = machine.array_free + mvm
    if segment.activation_cycles:
        machine.activation_free = segment.activation_cycles + max(machine.activation_free, out)
        out = machine.activation_free + segment.activation_latency
    if segment.update_cycles:
        if segment.state >= 0:
            out = max(out, states[segment.state + repeat])
        machine.update_free = segment.update_cycles + max(machine.update_free, out)
        out = machine.update_free + segment.update_latency
        if segment.state >= 0:
            states[segment.state + repeat] = out
    return out


cdef inline void give(
    Machine* machine, const Segment* segment, int64_t repeat, int64_t out, const Signal* signals, Entry* entries
) noexcept nogil:
    """Tell who waits for the elements that are out now."""
    cdef int64_t place
    if segment.gives < 0:
        return
    if signals[segment.gives].carried:
        machine.h_out = max(machine.h_out, out)
    for place in range(segment.gives, segment.gives + segment.num_given):
        if not signals[place].carried:
            entries[place].ready = out
        elif signals[place].tile_columns == 0:
            entries[place].next_ready = out + signals[place].delay
        else:
            forward(segment, repeat, out, &signals[place], &entries[place])


cdef inline void forward(
    const Segment* segment, int64_t repeat, int64_t out, const Signal* signal, Entry* entry
) noexcept nogil:
    """Let the tiles go that multiply elements which are out now, if the segment that waits has any of them."""
    cdef int64_t first = segment.first_element + repeat * segment.elements, tile, end
    if first >= signal.to_element or first + segment.elements <= signal.from_element:
        return
    tile = signal.first_column + max(first - signal.from_element, 0)
    tile = signal.first_tile + tile // signal.tile_columns
    if tile == 0:
        entry.next_ready = out
    end = out + (signal.num_tiles - tile) * signal.tile_cycles + signal.extra_cycles
    entry.next_full = max(entry.next_full, end)


cdef inline void issue(
    Machine* machine, const Segment* segment, int64_t repeat, const Signal* signals, int64_t mvm, Entry* entries,
    int64_t* states
) noexcept nogil:
    """Serve one segment and tell who waits for it."""
    hold(machine, segment, entries)
    give(machine, segment, repeat, finish(machine, segment, repeat, mvm, states), signals, entries)


cdef inline int serve_alike(
    Machine* machine, const Segment* segment, int64_t repeats, int64_t mvm, int64_t* served
) except -1 nogil:
    """Serve a segment some times that waits for nothing; returns nothing but an interrupt."""
    cdef int64_t array_free = machine.array_free, activation_free = machine.activation_free
    cdef int64_t update_free = machine.update_free, repeat = 0, until, out
    cdef int64_t array_cycles = segment.array_cycles, activation_cycles = segment.activation_cycles
    cdef int64_t update_cycles = segment.update_cycles, latency = segment.activation_latency
    if not activation_cycles and not update_cycles:
        machine.array_free += repeats * array_cycles
        return 0
    while repeat < repeats:
        until = min(repeat + SEGMENTS_A_LOOK, repeats)
        look(served, until - repeat)
        for repeat in range(repeat, until):
            array_free += array_cycles
            out = array_free + mvm
            if activation_cycles:
                activation_free = activation_cycles + max(activation_free, out)
                out = activation_free + latency
            if update_cycles:
                update_free = update_cycles + max(update_free, out)
        repeat = until
    machine.array_free = array_free
    machine.activation_free = activation_free
    machine.update_free = update_free
    return 0


cdef inline int serve_run(
    Machine* machine, const Segment* segment, int64_t repeats, const Signal* signals, int64_t mvm, Entry* entries,
    int64_t* served
) except -1 nogil:
    """Serve a run of one segment whose last repeat alone decides when the next round starts."""
    if repeats > 1:
        hold(machine, segment, entries)
        finish(machine, segment, 0, mvm, NULL)
        serve_alike(machine, segment, repeats - 2, mvm, served)
    issue(machine, segment, repeats - 1, signals, mvm, entries, NULL)
    return look(served, 2)


cdef inline int serve_each(
    Machine* machine, const Segment* segments, const Run* run, const Signal* signals, int64_t mvm, Entry* entries,
    int64_t* states, int64_t* served
) except -1 nogil:
    """Serve a run segment by segment."""
    cdef int64_t repeat, index
    for repeat in range(run.repeats):
        for index in range(run.first_segment, run.first_segment + run.num_segments):
            issue(machine, &segments[index], repeat, signals, mvm, entries, states)
        look(served, run.num_segments)
    return 0


cdef inline bint counts_alone(const Segment* segment, const Signal* signals) noexcept nogil:
    """Whether each repeat of a segment decides something of the next round: when its tiles go, or its cells update."""
    return segment.state >= 0 or (segment.gives >= 0 and signals[segment.gives].tile_columns != 0)


cdef inline bint follows(
    const Machine* growth, const Segment* segment, int64_t repeats, const Signal* signals, const Entry* entries,
    const int64_t* states
) noexcept nogil:
    """Whether, by what all entries grow, none that a segment sets grows by less than one that it is set from."""
    cdef int64_t last = growth.array_free, place
    if segment.waits_for >= 0 and max(entries[segment.waits_for].ready, entries[segment.waits_for].full) > last:
        return False
    if segment.activation_cycles:
        if growth.activation_free < last:
            return False
        last = growth.activation_free
    if segment.update_cycles:
        if growth.update_free < last:
            return False
        last = growth.update_free
        for place in range(segment.state, segment.state + repeats if segment.state >= 0 else segment.state):
            if states[place] != last:
                return False
    if segment.gives < 0:
        return True
    for place in range(segment.gives, segment.gives + segment.num_given):
        if entries[place].ready < last:
            return False
        if signals[place].carried and entries[place].next_ready < last:
            return False
        if signals[place].tile_columns and (entries[place].next_full < last or entries[place].full < last):
            return False
    return growth.h_out >= last or not signals[segment.gives].carried
