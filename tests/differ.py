"""Where the simulator and the specification part on one case: for a person who looks, not for a test.

A failing property test prints its case; `CONTRIBUTING.md` shows how to hand that to `differences`.
"""

from strategies import Case

from sharp.cycles.counting import EVENT_COLUMNS, trace_layer
from sharp.cycles.mapping import map_layer

PARTS = {"total_cycles": "total"} | {
    name: name for name in ("useful", "column_padding", "row_padding", "dependency_stall", "weight_load", "fill_drain")
}
"""Parts of the split, each with the specification's name."""
COLUMNS = tuple(name for name in EVENT_COLUMNS if name != "segment")
"""What both say of an event; the specification does not number segments."""


def differences(case: Case) -> str:
    """The counts of both side by side, then the first event that differs, with the segment that it is of."""
    expected, counts = case.reference(), case.count()
    if expected is None:
        return "the specification refuses the case; the simulator does not"
    lines = [f"{'':>16}  {'specification':>15}  {'simulator':>15}"]
    for name, theirs in PARTS.items():
        values = getattr(expected, theirs), getattr(counts, name)
        lines.append(f"{name:>16}  {values[0]:15,}  {values[1]:15,}{'  <' if values[0] != values[1] else ''}")
    return "\n".join([*lines, *_first_event(case, expected.events)])


def _first_event(case: Case, expected: list) -> list[str]:
    mapping = map_layer(case.layer, case.sequences, case.accelerator, case.plan)
    events = trace_layer(mapping, num_steps=case.sequences.num_steps).tolist()
    for place, (theirs, (chain, step, index, *times)) in enumerate(zip(expected, events, strict=False)):
        ours = (chain, step, *times)
        if tuple(theirs) != ours:
            pairs = zip(COLUMNS, theirs, ours, strict=True)
            told = [f"  {name}: {one} in the specification, {other} in the simulator" for name, one, other in pairs]
            return [f"event {place} is the first that differs, {mapping.segments[index]}:", *told]
    if len(expected) != len(events):
        return [f"{len(expected)} events in the specification, {len(events)} in the simulator"]
    return ["all events are equal"]
