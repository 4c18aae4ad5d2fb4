"""What the closed form takes of points that differ only in numbers: latencies in cycles, buffers in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sharp.machine.accelerator import LATENCIES
from sharp.space.scenario import Scenario
from sharp.space.space import Places, Space
from sharp.units import cycles_from_many_ns, many_stages_per_cycle, words_from_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def inputs_of(space: Space, places: Places, scenario: Scenario) -> Iterator[tuple[str, Any]]:
    """Inputs of the closed form for points that are alike, by name; what energy needs beside them is there, too.

    Parameters
    ----------
    space : Space
    places : mapping of str to array
        Which value of each column the points have: of a shape of its own, or of shapes that broadcast together.
    scenario : Scenario
        One of the points.

    Yields
    ------
    tuple of str and float or numpy.ndarray, float64
        A number that is the same for all points, or one a point; of places that broadcast, one that broadcasts too.
    """
    import numpy as np

    machine, clock = space.machine, space.clock_hz(places)

    def number(name: str) -> Any:
        return space.number(name, places)

    yield from sizes_of(space, places, scenario).items()
    for name in ("seq_len", "batch_size"):  # lengths that are alike are both
        yield name, number(name) if name in places else float(scenario.value(name))
    yield "num_macs", space.num_macs(places)
    if scenario.value("tile_rows") != "best":
        yield "tile_rows", number("tile_rows")
    for name in ("activation_lanes", "rows_per_update_lane"):
        yield name, number(name)
    fitting = _convert(many_stages_per_cycle, number("add_ns"), clock)
    levels = np.minimum(number("chained_levels"), fitting)
    yield "levels_per_cycle", levels
    cycles = {name.removesuffix("_ns"): _convert(cycles_from_many_ns, number(name), clock) for name in LATENCIES}
    if machine.accumulators == "interleaved":  # as `Accelerator.mvm_cycles` merges them
        merging = np.ceil(np.frexp(cycles["accumulate"] - 1)[1] / levels)
        cycles["accumulate"] = cycles["accumulate"] + cycles["add"] * merging
    yield from cycles.items()
    yield "intermediate_buffer_bytes", number("intermediate_buffer")  # only that it is not too large
    yield "intermediate_words", words_from_bytes(number("intermediate_buffer"), machine.partial_sum_bits)
    yield "io_buffer_bytes", number("io_buffer")  # energy only
    yield "weight_buffer_bytes", number("weight_buffer")
    yield "dram_bytes_per_cycle", number("dram_bytes_per_s") / clock


def sizes_of(space: Space, places: Places, scenario: Scenario) -> dict[str, Any]:
    """Those of the inputs that say how large the layer is; parameters as `inputs_of` takes them."""
    hidden = space.number("hidden_size", places)
    square = "hidden_size" in places and "input_size" not in places
    projected = scenario.layer.projection_size is not None
    return {
        "hidden_size": hidden,
        "input_size": hidden if square else space.number("input_size", places),
        "recurrent_size": space.number("projection_size", places) if projected else hidden,
        "num_directions": float(scenario.layer.num_directions),
    }


def _convert(conversion: Callable[..., NDArray[np.float64]], duration_ns: Any, clock_hz: Any) -> Any:
    """What latencies are at a clock: an array, or one number."""
    import numpy as np

    found = conversion(np.atleast_1d(duration_ns), np.atleast_1d(clock_hz))
    return found if isinstance(duration_ns, np.ndarray) or isinstance(clock_hz, np.ndarray) else float(found[0])
