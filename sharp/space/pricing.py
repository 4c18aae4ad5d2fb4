"""Energy of many points at once: the activity of layers in the closed form, and what their machines' actions cost."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import TYPE_CHECKING, Any

from sharp.cycles import closed_form
from sharp.cycles.activity import Activity, cell_actions
from sharp.energy.breakdown import Gating, check_gating, spend
from sharp.energy.implementation import COMPONENTS, implement, logic_area, price
from sharp.energy.technology import UNITS, Technology, check_technology
from sharp.energy.technology import with_settings as with_technology_settings
from sharp.errors import SharpError
from sharp.machine.accelerator import Accelerator, with_settings
from sharp.machine.memories import BUFFERS, ping_pong_elements
from sharp.machine.plan import Plan
from sharp.space.points import Space, number_of
from sharp.units import GIGA
from sharp.workload.network import RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_LABELS = 2**20

_MACHINE = ("macs", *BUFFERS, "rows_per_update_lane")
_MEMORY = ("node_nm", "voltage_v", "cell_type", "temperature_k")
_OF_MEMORY = ("read_energy_pj", "write_energy_pj", "leakage_w", "leakage_low_w", "area_mm2")


def closed_activity(
    inputs: Mapping[str, Any],
    results: Mapping[str, NDArray[np.float64]],
    layer: RNNLayer,
    plan: Plan,
    accelerator: Accelerator,
) -> dict[str, Any]:
    """Activity of single layers on their chosen tile heights.

    Parameters
    ----------
    inputs : mapping of str to float or numpy.ndarray, float64, (n,)
        As `sharp.cycles.closed_form.evaluate` takes them.
    results : mapping of str to numpy.ndarray, float64, (n,)
        What it gives.
    layer : RNNLayer
        A layer of the points' cell; its sizes are in the inputs.
    plan : Plan
    accelerator : Accelerator

    Returns
    -------
    dict of str to float or numpy.ndarray, float64, (n,)
        By the fields of `sharp.cycles.activity.Activity`.
    """
    import numpy as np

    of, result = inputs, results
    placed = {**inputs, "tile_rows": result["chosen_tile_rows"]}
    count = len(result["chosen_tile_rows"])
    shape = count, layer.phases, plan, accelerator.tile_rows, accelerator.lanes_per_unit
    counts = closed_form.count_actions(placed, *shape)
    sequence_steps = of["seq_len"] * of["batch_size"]
    steps = of["num_directions"] * sequence_steps
    recurrent = dict.fromkeys(("projection_size", "recurrent_size"), of["recurrent_size"])
    sizes = {"hidden_size": of["hidden_size"], **recurrent}
    cells = cell_actions(layer.phases, layer.elementwise, sizes, steps)
    taken, given = of["input_size"] * sequence_steps, of["recurrent_size"] * steps
    most = ping_pong_elements(of["io_buffer_bytes"], accelerator.weight_bits)
    taken = taken * np.where(taken > most, of["num_directions"], 1.0)
    products = result["useful"] + result["column_padding"] + result["row_padding"]
    weight_bytes = result["useful"] / sequence_steps * accelerator.weight_bytes
    loaded: Any = 0.0
    if plan.weights == "streamed":
        loaded = weight_bytes * np.where(weight_bytes <= of["weight_buffer_bytes"], 1.0, of["seq_len"])
    return {
        **counts,
        **cells,
        "total_cycles": result["total_cycles"],
        "array_cycles": products / of["num_macs"],
        "products": products,
        "useful_products": result["useful"],
        "bank_reads": products / (of["batch_size"] * accelerator.lanes_per_unit),
        "vector_reads": counts["vector_reads"] + (cells["vector_reads"] + given),
        "vector_writes": cells["vector_writes"] + taken,
        "loaded_bytes": loaded,
        "dram_vectors": taken + given,
        "held_bytes": np.minimum(weight_bytes, of["weight_buffer_bytes"]),
    }


class Pricing:
    """What the actions of a space's points cost: each distinct machine and memory is worked out once."""

    def __init__(self, space: Space, technology: Technology, gating: Gating | None) -> None:
        check_technology(technology)
        self.space, self.technology, self.gating = space, technology, Gating.of(gating)
        self._distinct = {
            name: space.choices.get(name) or _distinct(space.axes[name])
            for name in (*_MACHINE, *_MEMORY)
            if name in space.axes
        }
        self._known: dict[tuple[int, ...], Mapping[str, Any]] = {}

    def columns(
        self, first: int, codes: Mapping[str, NDArray[np.intp]], counts: Mapping[str, Any], clock_hz: Any
    ) -> dict[str, Any]:
        """`ENERGY_COLUMNS` of the points that `codes` says, `first` the first of them, from their activity."""
        import numpy as np

        activity = Activity(**counts)
        quantities = self._quantities(first, codes)
        memories = {name: {key: quantities[f"{name}.{key}"] for key in _OF_MEMORY} for name in BUFFERS}
        dynamic, static = spend(
            activity,
            price(self.space.accelerator, quantities, memories),
            self.gating,
            clock_hz=clock_hz,
            capacity_bytes=quantities["weight_buffer"],
        )
        leakage, parts = sum(static.values()), dynamic
        for name in COMPONENTS:
            parts[name] += static[name]  # into the arrays that are there: memory takes longer than sums
        energy = sum(parts.values())
        columns = {
            "energy_j": energy,
            "leakage_j": leakage,
            **{f"{name}_j": part for name, part in parts.items()},
            "power_w": energy * (clock_hz / activity.total_cycles),
            "gflops_per_w": 2 / GIGA * activity.useful_products / energy,
            "area_mm2": sum(logic_area(quantities).values()) + sum(memory["area_mm2"] for memory in memories.values()),
        }
        count = len(next(iter(codes.values())))
        return {name: value if np.ndim(value) else np.full(count, value) for name, value in columns.items()}

    def _quantities(self, first: int, codes: Mapping[str, NDArray[np.intp]]) -> dict[str, Any]:
        """Numbers of technology and machine, each alone where it is the same for all points, or one a point."""
        import numpy as np

        places = {name: (values, where[codes[name]]) for name, (values, where) in self._distinct.items()}
        kinds, which = _kinds([place for values, place in places.values() if len(values) > 1])
        known = []
        for kind in kinds:
            key = tuple(int(place[kind]) for _, place in places.values())
            if key not in self._known:
                self._known[key] = self._work_out(key, first + kind)
            known.append(self._known[key])
        quantities = {}
        for name, value in known[0].items():
            values = [entry[name] for entry in known]
            quantities[name] = (
                value if values.count(value) == len(values) else np.array(values, dtype=np.float64)[which]
            )
        for name in (*UNITS, "activation_lanes"):
            if name in self.space.numbers and name not in _MEMORY:
                numbers = self.space.numbers[name]
                quantities[name] = float(numbers[0]) if len(numbers) == 1 else numbers[codes[name]]
        return quantities

    def _work_out(self, key: tuple[int, ...], number: int) -> Mapping[str, Any]:
        """Numbers of a machine in a technology, those of a point."""
        chosen = zip(self._distinct.items(), key, strict=True)
        point = {name: number_of(name, values[place]) for (name, (values, _)), place in chosen}
        try:
            return self._implement(point)
        except SharpError as error:
            raise type(error)(f"points[{number}]: {error}") from None

    def _implement(self, point: Mapping[str, Any]) -> Mapping[str, Any]:
        machine = self.space.accelerator
        settings = machine.budget(point["macs"]) if "macs" in point else {}
        settings |= {name: point[name] for name in _MACHINE[1:] if name in point}
        machine = with_settings(machine, settings)
        technology = with_technology_settings(self.technology, {name: point[name] for name in _MEMORY if name in point})
        made = implement(machine, technology)
        check_gating(made, self.gating)
        return {
            **{name: getattr(technology, name) for name in UNITS},
            **{name: getattr(machine, name).capacity_bytes for name in BUFFERS},
            **{f"{name}.{key}": _number(getattr(made.memories[name], key)) for name in BUFFERS for key in _OF_MEMORY},
            "num_macs": machine.num_macs,
            "activation_lanes": machine.activation_lanes,
        }


def _kinds(places: list[NDArray[np.intp]]) -> tuple[list[int], NDArray[np.intp]]:
    """The first point of each kind, points being of one where all columns are equal, and which kind each point is."""
    import numpy as np

    label, span = np.zeros(len(places[0]) if places else 1, dtype=np.intp), 1
    for place in places:
        label, span = label * (place.max() + 1) + place, span * (int(place.max()) + 1)
        if span > _MAX_LABELS:  # that there are no more labels than points
            kinds, label = np.unique(label, return_inverse=True)
            label, span = label.reshape(-1), len(kinds)
    there = np.bincount(label) > 0
    which = (np.cumsum(there) - 1)[label]
    first = np.zeros(int(there.sum()), dtype=np.intp)
    first[which[::-1]] = np.arange(len(which))[::-1]
    return first.tolist(), which


def _number(value: float | None) -> float:
    return nan if value is None else value


def _distinct(values: NDArray[Any]) -> tuple[list[Any], NDArray[np.intp]]:
    """The distinct numbers of a column, and which of them each is."""
    import numpy as np

    distinct, places = np.unique(values, return_inverse=True)
    return distinct.tolist(), places.reshape(-1)
