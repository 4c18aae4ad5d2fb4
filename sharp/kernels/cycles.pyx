"""Event-level simulator: three in-order units serve the segments of a layer, one round after the other.

The design, so that nobody has to find it out from the code:

- The caller flattens a layer's schedule into *segments* (what one issue costs each unit), *runs* (a group of
  consecutive segments, repeated) and *signals* (the vectors that segments give and wait for). A round is all runs in
  order. `issue` advances the machine by one segment; everything else is loops.
- A segment of no cycles and no values only waits: as the array serves in order, those behind it wait, too. So a layer
  may wait for more than one vector, such as its own h and what the layers below give.
- A signal holds two cycles: when the first tile that needs the vector may issue, and when the last tile of that
  segment may end. Under a barrier only the first is set; tile by tile, the second carries what each block allows.
  A carried signal (h) is given in one round and waited for in the next, another one in the same round.
- Tile by tile a vector may have several signals, one for each part of it that segments wait for. Cells that wait for
  no vector still read their own state in the updater; when that is out is kept update by update (`Segment.state`).
- `advance` keeps the machine in `state`, so that the caller can stop between rounds: for a progress bar, or where the
  costs change. Asked to skip, it stops simulating as soon as the state relative to the array repeats, and adds the
  whole periods that are left: exact, since nothing else decides what comes next. The checkpoint moves as in Brent's
  search for a cycle.
- Where nothing makes the array wait for the other units, they may fall behind it for ever, and no such state repeats.
  So it also stops where all entries grew in two rounds alike, none by less than what it follows from. What an entry is
  next is the latest of some entries before plus a constant each; of those, one that grows less cannot have been the
  latest, or the entry would have grown less, too. So the latest stays the latest, and every round goes on adding the
  same (`is_steady`).
- Arrays are allocated and checked by the caller; the directives are in setup.py. Nothing allocates.
"""

include "machine.pxi"

cdef Segment _SEGMENT
cdef Run _RUN
cdef Signal _SIGNAL
cdef Event _EVENT
cdef Machine _MACHINE

SEGMENTS = tuple(<object> _SEGMENT)
RUNS = tuple(<object> _RUN)
SIGNALS = tuple(<object> _SIGNAL)
EVENTS = tuple(<object> _EVENT)
MACHINE = tuple(<object> _MACHINE)


def state_size(Py_ssize_t num_signals, Py_ssize_t num_states):
    """Length of a state: the machine (`MACHINE`), and what is kept of each signal and of each state of cells."""
    return (sizeof(Machine) + num_signals * sizeof(Entry)) // sizeof(int64_t) + num_states


cdef inline void begin_round(Entry* entries, Py_ssize_t num_signals) noexcept nogil:
    """What was given for this round is there now."""
    cdef Py_ssize_t signal
    cdef Entry* entry
    for signal in range(num_signals):
        entry = &entries[signal]
        entry.ready = max(entry.ready, entry.next_ready)  # of a layer that has ended nothing more is given
        entry.full = entry.next_full
        entry.next_ready = entry.next_full = 0


cdef inline int64_t behind(int64_t cycle, int64_t array_free) noexcept nogil:
    """Cycles after the array is free; what is not after it decides nothing."""
    return max(cycle - array_free, 0)


cdef bint is_same(int64_t[::1] state, int64_t[::1] other, Py_ssize_t num_signals) noexcept nogil:
    """Whether two states, each relative to its array, go on in the same way."""
    cdef const Machine* machine = <const Machine*> &state[0]
    cdef const Machine* before = <const Machine*> &other[0]
    cdef const Entry* entries = entries_of(state)
    cdef const Entry* earlier = entries_of(other)
    cdef int64_t here = machine.array_free, there = before.array_free
    cdef Py_ssize_t signal, place
    if (
        machine.h_out - here != before.h_out - there
        or behind(machine.activation_free, here) != behind(before.activation_free, there)
        or behind(machine.update_free, here) != behind(before.update_free, there)
    ):
        return False
    for signal in range(num_signals):
        if (
            behind(entries[signal].next_ready, here) != behind(earlier[signal].next_ready, there)
            or behind(entries[signal].next_full, here) != behind(earlier[signal].next_full, there)
            or behind(entries[signal].ready, here) != behind(earlier[signal].ready, there)
        ):
            return False
    for place in range(states_of(state, num_signals) - &state[0], state.shape[0]):
        if behind(state[place], here) != behind(other[place], there):
            return False
    return True


cdef void add_periods(int64_t[::1] state, int64_t[::1] before, int64_t periods) noexcept nogil:
    """Add what happened since `before` some more times."""
    cdef Machine* machine = <Machine*> &state[0]
    cdef const Machine* earlier = <const Machine*> &before[0]
    cdef int64_t shift = periods * (machine.array_free - earlier.array_free)
    cdef int64_t stall = machine.stall + periods * (machine.stall - earlier.stall)
    cdef Py_ssize_t place
    for place in range(state.shape[0]):
        state[place] += shift
    machine.stall = stall


cdef bint is_repeated(int64_t[::1] state, int64_t[::1] before, int64_t[::1] growth) noexcept nogil:
    """Keep the state and by how much it grew in a round; whether that is what it grew by in the round before."""
    cdef Py_ssize_t place
    cdef int64_t grown
    cdef bint alike = True
    for place in range(state.shape[0]):
        grown = state[place] - before[place]
        alike = alike and grown == growth[place]
        growth[place], before[place] = grown, state[place]
    return alike


cdef bint is_steady(
    const int64_t[:, ::1] segments, const int64_t[:, ::1] runs, const int64_t[:, ::1] signals, int64_t[::1] growth
) noexcept nogil:
    """Whether no entry grows by less than one that it follows from."""
    cdef const Segment* first_segment = <const Segment*> &segments[0, 0]
    cdef const Signal* first_signal = <const Signal*> &signals[0, 0]
    cdef int64_t* states = states_of(growth, signals.shape[0])
    cdef Entry* entries = entries_of(growth)
    cdef const Machine* machine = <const Machine*> &growth[0]
    cdef const Run* run
    cdef Py_ssize_t place, index
    for place in range(runs.shape[0]):
        run = <const Run*> &runs[place, 0]
        for index in range(run.first_segment, run.first_segment + run.num_segments):
            if not follows(machine, &first_segment[index], run.repeats, first_signal, entries, states):
                return False
    return True


def advance(
    const int64_t[:, ::1] segments,
    const int64_t[:, ::1] runs,
    const int64_t[:, ::1] signals,
    int64_t mvm,
    int64_t rounds,
    int64_t[::1] state,
    int64_t[:, ::1] scratch,
    bint skip,
):
    """Run some rounds of a layer, from `state` to `state`; with `skip` at a cost independent of their number.

    The columns of the tables are `SEGMENTS`, `RUNS` and `SIGNALS`; `scratch` has three rows as long as `state`.
    """
    cdef int64_t done = 0, since = 0, limit = 1, served = 0
    cdef int64_t[::1] checkpoint = scratch[0], before = scratch[1], growth = scratch[2]
    with nogil:
        checkpoint[:] = state
        before[:] = state
        growth[:] = -1
        while done < rounds:
            play(segments, runs, signals, mvm, state, &served)
            done += 1
            if not skip:
                continue
            since += 1
            if is_same(state, checkpoint, signals.shape[0]):
                add_periods(state, checkpoint, (rounds - done) // since)
                rounds = (rounds - done) % since
                done = 0
                skip = False
            elif is_repeated(state, before, growth) and is_steady(segments, runs, signals, growth):
                add_growth(state, growth, rounds - done)
                done = rounds
            elif since == limit:
                checkpoint[:] = state
                limit *= 2
                since = 0


cdef void add_growth(int64_t[::1] state, const int64_t[::1] growth, int64_t rounds) noexcept nogil:
    """Add what each entry grows by in a round some more times."""
    cdef Py_ssize_t place
    for place in range(state.shape[0]):
        state[place] += rounds * growth[place]


cdef int play(
    const int64_t[:, ::1] segments,
    const int64_t[:, ::1] runs,
    const int64_t[:, ::1] signals,
    int64_t mvm,
    int64_t[::1] state,
    int64_t* served,
) except -1 nogil:
    """One round; `served` counts what was done since the last look for Ctrl-C."""
    cdef Machine machine = (<Machine*> &state[0])[0]
    cdef Entry* entries = entries_of(state)
    cdef int64_t* states = states_of(state, signals.shape[0])
    cdef const Segment* first_segment = <const Segment*> &segments[0, 0]
    cdef const Signal* first_signal = <const Signal*> &signals[0, 0]
    cdef const Run* run
    cdef const Segment* segment
    cdef Py_ssize_t place
    begin_round(entries, signals.shape[0])
    look(served, signals.shape[0])
    for place in range(runs.shape[0]):
        run = <const Run*> &runs[place, 0]
        segment = &first_segment[run.first_segment]
        if run.num_segments == 1 and not counts_alone(segment, first_signal):
            serve_run(&machine, segment, run.repeats, first_signal, mvm, entries, served)
        else:
            serve_each(&machine, first_segment, run, first_signal, mvm, entries, states, served)
    (<Machine*> &state[0])[0] = machine
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
    """Run some rounds as `advance` does and write a row of `events` (columns `EVENTS`) for each segment issued.

    Returns how many; a unit that a segment did not go to has -1.
    """
    cdef int64_t round_index, repeat, index
    cdef Py_ssize_t place, count = 0
    cdef Machine* machine = <Machine*> &state[0]
    cdef Entry* entries = entries_of(state)
    cdef int64_t* states = states_of(state, signals.shape[0])
    cdef const Segment* first_segment = <const Segment*> &segments[0, 0]
    cdef const Signal* first_signal = <const Signal*> &signals[0, 0]
    cdef const Run* run
    cdef Event* event
    with nogil:
        for round_index in range(first_round, first_round + rounds):
            begin_round(entries, signals.shape[0])
            for place in range(runs.shape[0]):
                run = <const Run*> &runs[place, 0]
                for repeat in range(run.repeats):
                    for index in range(run.first_segment, run.first_segment + run.num_segments):
                        event = <Event*> &events[count, 0]
                        event.round, event.segment = round_index, index
                        write(machine, &first_segment[index], repeat, first_signal, mvm, entries, states, event)
                        count += 1
    return count


cdef void write(
    Machine* machine, const Segment* segment, int64_t repeat, const Signal* signals, int64_t mvm, Entry* entries,
    int64_t* states, Event* event
) noexcept nogil:
    """Serve one segment and write down when it held each unit."""
    cdef int64_t out
    event.array_start = hold(machine, segment, entries)
    event.array_end = machine.array_free
    event.activation_start = event.activation_end = -1
    event.update_start = event.update_end = -1
    out = finish(machine, segment, repeat, mvm, states)
    if segment.activation_cycles:
        event.activation_start = machine.activation_free - segment.activation_cycles
        event.activation_end = machine.activation_free
    if segment.update_cycles:
        event.update_start = machine.update_free - segment.update_cycles
        event.update_end = machine.update_free
    give(machine, segment, repeat, out, signals, entries)
