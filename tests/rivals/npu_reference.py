"""The rules of the NPU once more, micro-operation by micro-operation, sharing no code with `sharp.rivals.npu`.

Has the queues as they are: two, one behind the other, of 502 usable places (510 in the second one of eVRF and MFUs,
which prefetch 7 from it); eVRF and MFUs wait for the next micro-operation after a bubble. The cells' programs are lists
of instructions with the tags that the compiler gives them: how many write instructions have to be complete.
"""

UNITS = ("mvu", "evrf", "mfu0", "mfu1", "ld")
AFTER = {"evrf": 1, "mfu0": 13, "mfu1": 25, "ld": 27}
PLACES = {"mvu": 502, "evrf": 517, "mfu0": 517, "mfu1": 517, "ld": 502}


class Program:
    """Instructions as dicts: passes and tag of a product, tags of eVRF and MFUs, words that the loader writes."""

    def __init__(self, cell, x, h, steps, tiles, lanes):
        self.tiles, self.rows = tiles, max(3 * (lanes // 10), -(-h // lanes))
        self.v = {"x": -(-x // (tiles * lanes)), "h": -(-h // (tiles * lanes))}
        self.instructions, self.writes = [], 0
        getattr(self, cell)(steps)

    def load(self):
        for _ in range(self.tiles):
            self.add(ld=3 * self.v["x"], host=True)
        return self.writes

    def add(self, **fields):
        self.instructions.append(fields)
        self.writes += "ld" in fields
        return self.writes

    def chain(self, source="", tag=0, evrf=0, mfu0=0, mfu1=0, split=False):
        fields = {"evrf": max(tag, evrf), "mfu0": mfu0, "mfu1": mfu1}
        if source:
            fields |= {"passes": self.v[source], "mvu": tag}
        if not split:
            return self.add(**fields, ld=3 * self.rows)
        self.add(**fields)
        left = self.rows
        while left > 0:
            self.add(ld=3 * min(left, self.v["h"]))
            left -= self.v["h"]
        return self.writes

    def gemv(self, steps):
        for _ in range(steps):
            self.chain("x", self.load(), split=True)

    def rnn(self, steps):
        x, h = self.load(), 0
        for step in range(steps):
            a = self.chain("x", x)
            x = self.load() if step < steps - 1 else None
            h = self.chain("h", h, mfu0=a, split=True)

    def lstm(self, steps):
        x, h, c = self.load(), 0, 0
        for step in range(steps):
            one, two, three, four = [self.chain("x", x) for _ in range(4)]
            x = self.load() if step < steps - 1 else None
            five, six, seven = [self.chain("h", h, mfu0=tag) for tag in (one, three, four)]
            eight = self.chain("h", h, mfu0=two, mfu1=six)
            c = self.chain(evrf=c, mfu0=five, mfu1=eight)
            h = self.chain(evrf=c, mfu0=seven, mfu1=seven, split=True)

    def gru(self, steps):
        ones = self.add(ld=3 * self.rows, host=True)
        x, h = self.load(), 0
        for step in range(steps):
            one, two, three = [self.chain("x", x) for _ in range(3)]
            x = self.load() if step < steps - 1 else None
            four = self.chain("h", h, mfu0=one)
            six = self.chain(evrf=ones, mfu0=four)
            seven = self.chain("h", h, mfu0=two, split=True)
            c = self.chain("h", seven, mfu0=three)
            h = self.chain(evrf=c, mfu0=four, mfu1=six, split=True)


class Unit:
    """Scheduler, first queue, second queue and issue of a unit: cycles of all micro-operations so far."""

    def __init__(self, name):
        self.name, self.free = name, 0
        self.first, self.second, self.issued = [], [], []
        self.waits = 0  # issues that a missing micro-operation made late

    def fetch(self, dispatched):
        self.free = max(self.free, dispatched) + 1
        return self.free

    def queue(self, earliest):
        """Put the next micro-operation through both queues; returns when it can be issued."""
        count, places = len(self.first), PLACES[self.name]
        written = max(earliest, self.free)
        if count >= 502:
            written = max(written, self.second[count - 502] + 1)
        moved = max(written + 3, self.second[-1] + 1 if count else 0)
        if count >= places:
            moved = max(moved, self.issued[count - places] + 1)
        self.first.append(written)
        self.second.append(moved)
        self.free = written + 1
        return moved + 3

    def issue(self, earliest, tag, words):
        arrivals, cycles = [], []
        for index, word in enumerate(words):
            while len(arrivals) < min(index + 2, len(words)):  # the next one, too
                arrivals.append(self.queue(earliest))
            free = self.issued[-1] + 1 if self.issued else 0
            cycle = max(free, tag, word)
            wanted = max(cycle, arrivals[index])
            if self.name in ("evrf", "mfu0", "mfu1") and wanted > free:
                assert index + 1 < len(words), "a bubble before the last word: the next chain's tag would count"
                wanted = max(wanted, arrivals[index + 1])
            self.waits += wanted > cycle
            self.issued.append(wanted)
            cycles.append(wanted)
        return cycles


def run(cell, x, h, steps, tiles, lanes):
    """Cycles to the last output, events (instruction, unit, first, last), and the units."""
    program = Program(cell, x, h, steps, tiles, lanes)
    units = {name: Unit(name) for name in UNITS}
    complete, events, converter, waiting = [0], [], -100, []

    def tag(unit, count):
        return complete[count] + (5 if unit == "mvu" else 6) if count else 0

    for number, fields in enumerate(program.instructions):
        used = [name for name in UNITS if name in fields]
        words = [0] * (3 * program.rows)
        for name in UNITS:
            unit, earliest = units[name], units[name].fetch(11 + number)
            if name not in used:
                continue
            if name == "mvu":
                passes = fields["passes"]
                cycles = unit.issue(earliest, tag(name, fields[name]), [0] * (program.rows * passes))
                words, start, left = [], 0, program.rows
                while left:
                    group = 3 * (lanes // 10) if left >= 6 * (lanes // 10) else left
                    for cycle in cycles[start + group * (passes - 1) : start + group * passes]:
                        converter = max(cycle + 2 * tiles + 5 * (lanes // 10) + 26, converter + 4)
                        words += [converter + 1, converter + 2, converter + 3]
                    start, left = start + group * passes, left - group
            elif name == "ld":
                if fields.get("host"):
                    cycles = unit.issue(earliest, 0, [0] * fields["ld"])
                else:
                    cycles = unit.issue(earliest, 0, waiting[: fields["ld"]])
                    waiting = waiting[fields["ld"] :]
                complete.append(cycles[-1])
            else:
                cycles = unit.issue(earliest, tag(name, fields[name]), [word + AFTER[name] for word in words])
                words = cycles
            if name == "mfu1":
                waiting = [cycle + AFTER["ld"] for cycle in cycles]
            events.append((number, name, cycles[0], cycles[-1]))
    return complete[-1] + 6, events, units
