"""Energy of many points at once: the activity of layers in the closed form, and what their machines' actions cost."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from math import nan, prod
from typing import TYPE_CHECKING, Any, NamedTuple

from sharp.cycles import closed_form
from sharp.cycles.activity import Activity, cell_actions
from sharp.energy.breakdown import ENERGY_COLUMNS, Gating, check_gating, spend
from sharp.energy.implementation import COMPONENTS, Implementation, Prices, logic_area, price
from sharp.energy.technology import UNITS
from sharp.errors import SharpError
from sharp.machine.accelerator import Accelerator
from sharp.machine.memories import BUFFERS, ping_pong_elements
from sharp.machine.plan import Plan
from sharp.space.columns import kinds_of
from sharp.space.space import Places, Space
from sharp.units import GIGA
from sharp.workload.network import RNNLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAX_KNOWN = 2**14
"""Most machines whose numbers are kept."""

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
    placed = {**inputs, "tile_rows": results["chosen_tile_rows"]}
    shape = len(results["chosen_tile_rows"]), layer.phases, plan, accelerator.tile_rows, accelerator.lanes_per_unit
    counts = closed_form.count_actions(placed, *shape)
    return layer_activity(inputs, {**results, **counts}, layer, plan, accelerator)


class Traffic(NamedTuple):
    """Elements of vectors that pass between a layer and what is around it, in a run; numbers or arrays."""

    read: Any
    """Of its inputs, from the DRAM."""
    written: Any
    """Of its outputs, to the DRAM."""
    added: Any
    """Additions that make one vector of several, before it or after."""


def alone(inputs: Mapping[str, Any], layer: RNNLayer, accelerator: Accelerator) -> Traffic:
    """The traffic of a layer that is all of its network."""
    sequence_steps = inputs["seq_len"] * inputs["batch_size"]
    taken = inputs["input_size"] * sequence_steps
    most = ping_pong_elements(inputs["io_buffer_bytes"], accelerator.weight_bits)
    taken = taken * (1 + (inputs["num_directions"] - 1) * (taken > most))
    given = inputs["recurrent_size"] * sequence_steps
    if layer.merge == "sum":
        return Traffic(taken, given, given)
    return Traffic(taken, inputs["num_directions"] * given, 0.0)


def layer_activity(
    inputs: Mapping[str, Any],
    results: Mapping[str, Any],
    layer: RNNLayer,
    plan: Plan,
    accelerator: Accelerator,
    traffic: Traffic | None = None,
) -> dict[str, Any]:
    """Activity of layers from what the closed form counts, by the fields of `sharp.cycles.activity.Activity`.

    Parameters are those of `closed_activity`; `results` has what `sharp.cycles.closed_form.count_actions` gives, too.
    Without `traffic` the layer is all of its network.
    """
    import numpy as np

    of, result = inputs, results
    traffic = alone(inputs, layer, accelerator) if traffic is None else traffic
    sequence_steps = of["seq_len"] * of["batch_size"]
    steps = of["num_directions"] * sequence_steps
    recurrent = dict.fromkeys(("projection_size", "recurrent_size"), of["recurrent_size"])
    sizes = {"hidden_size": of["hidden_size"], **recurrent}
    cells = cell_actions(layer.phases, layer.elementwise, sizes, steps)
    products = result["useful"] + result["column_padding"] + result["row_padding"]
    weight_bytes = result["useful"] / sequence_steps * accelerator.weight_bytes
    loaded: Any = 0.0
    if plan.weights == "streamed":
        share, each = result["streamed_share"], accelerator.weight_bytes
        loaded = weight_bytes - np.ceil(weight_bytes * share)  # stays on chip
        loaded = loaded + result["useful"] / of["batch_size"] * (each * share)
    return {
        **cells,
        "used_bank_reads": result["used_bank_reads"],
        "sums_kept": result["sums_kept"],
        "total_cycles": result["total_cycles"],
        "array_cycles": products / of["num_macs"],
        "products": products,
        "useful_products": result["useful"],
        "bank_reads": products / (of["batch_size"] * accelerator.lanes_per_unit),
        "vector_reads": result["vector_reads"] + (cells["vector_reads"] + traffic.written + traffic.added),
        "vector_writes": cells["vector_writes"] + traffic.read + traffic.added,
        "elementwise_additions": cells["elementwise_additions"] + traffic.added,
        "loaded_bytes": loaded,
        "dram_vectors": traffic.read + traffic.written,
        "held_bytes": np.minimum(weight_bytes, of["weight_buffer_bytes"]),
    }


class Pricing:
    """What the actions of a space's points cost: each distinct machine and memory is worked out once."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._names = [name for name in (*_MACHINE, *_MEMORY) if name in space.columns]
        self._implemented = lru_cache(_MAX_KNOWN)(self._implement)

    def nothing_done(self) -> dict[str, Any]:
        """The activity of points that do nothing."""
        return dict.fromkeys(Activity.__dataclass_fields__, 0.0)

    def machines(self, places: Places) -> list[int]:
        """The first of some points on each distinct machine and technology."""
        return self._kinds(places)[0]

    def work_out(self, places: Places, index: int) -> Mapping[str, Any] | SharpError:
        """Numbers of the machine and the technology of one of some points, or why there are none."""
        return self._implemented(tuple(self.space.columns[name].value(places[name][index]) for name in self._names))

    def columns(
        self, places: Places, activity: Mapping[str, Any], clock_hz: Any
    ) -> tuple[dict[str, Any], list[tuple[NDArray[np.intp], SharpError]]]:
        """`ENERGY_COLUMNS` of some points from their activity, and of which of them there are none, and why."""
        import numpy as np

        count = len(next(iter(places.values())))
        quantities, errors = self._quantities(places)
        if quantities is None:
            return {name: np.full(count, nan) for name in ENERGY_COLUMNS}, errors
        columns = self._cost(quantities, Activity(**activity), clock_hz)
        return {name: value if np.ndim(value) else np.full(count, value) for name, value in columns.items()}, errors

    def prices(self, quantities: Mapping[str, Any]) -> Prices:
        """What actions cost and components leak."""
        return price(self.space.machine, quantities, _memories(quantities))

    def spend(self, quantities: Mapping[str, Any], activity: Activity, clock_hz: Any) -> tuple[Any, Any]:
        """Energy by component, of actions and of leakage."""
        return spend(
            activity,
            self.prices(quantities),
            Gating.of(self.space.scenario.gating),
            clock_hz=clock_hz,
            capacity_bytes=quantities["weight_buffer"],
        )

    def area_mm2(self, quantities: Mapping[str, Any]) -> Any:
        """Area of machines."""
        memories = _memories(quantities).values()
        return sum(logic_area(self.space.machine, quantities).values()) + sum(each["area_mm2"] for each in memories)

    def _cost(self, quantities: Mapping[str, Any], activity: Activity, clock_hz: Any) -> dict[str, Any]:
        dynamic, static = self.spend(quantities, activity, clock_hz)
        leakage, parts = sum(static.values()), dynamic
        for name in COMPONENTS:
            parts[name] += static[name]  # into the arrays that are there: memory takes longer than sums
        energy = sum(parts.values())
        return {
            "energy_j": energy,
            "leakage_j": leakage,
            **{f"{name}_j": part for name, part in parts.items()},
            "power_w": energy * (clock_hz / activity.total_cycles),
            "gflops_per_w": 2 / GIGA * activity.useful_products / energy,
            "area_mm2": self.area_mm2(quantities),
        }

    def _quantities(self, places: Places) -> tuple[dict[str, Any] | None, list[tuple[NDArray[np.intp], SharpError]]]:
        """Numbers of technology and machine, each alone where it is the same for all points, or one a point.

        None where there are none for any point; then, and of single points, the errors say why.
        """
        quantities, errors = self._machine_quantities(places)
        return (None if quantities is None else {**quantities, **self._given(places)}), errors

    def tables(self, places: Places) -> tuple[dict[str, Any] | None, NDArray[np.int64], list[str]]:
        """As `_quantities`, of places that broadcast together: so do the quantities.

        Then for which points there are none, 1 and more for the first and further of the reasons, which come last.
        """
        import numpy as np

        shape = np.broadcast_shapes(*(places[name].shape for name in self._names))
        flat = {name: np.broadcast_to(places[name], shape).reshape(-1) for name in self._names}
        quantities, errors = self._machine_quantities(flat)
        reasons: dict[str, int] = {}
        which = np.zeros(prod(shape), dtype=np.int64)
        for rows, error in errors:
            which[rows] = 1 + reasons.setdefault(str(error), len(reasons))
        if quantities is None:
            return None, which.reshape(shape), list(reasons)
        quantities = {name: np.reshape(value, shape) if np.ndim(value) else value for name, value in quantities.items()}
        return {**quantities, **self._given(places)}, which.reshape(shape), list(reasons)

    def _given(self, places: Places) -> dict[str, Any]:
        """Quantities that are columns of the points."""
        named = [name for name in (*UNITS, "activation_lanes") if name in places and name not in _MEMORY]
        return {name: self.space.number(name, places) for name in named}

    def _machine_quantities(
        self, places: Places
    ) -> tuple[dict[str, Any] | None, list[tuple[NDArray[np.intp], SharpError]]]:
        """Those that follow from machine and technology alone, of the points' places in their columns."""
        import numpy as np

        kinds, which = self._kinds(places)
        known = [self.work_out(places, kind) for kind in kinds]
        made = [entry for entry in known if not isinstance(entry, SharpError)]
        count = len(next(iter(places.values()))) if places else 1
        whose = which if len(known) > 1 else np.zeros(count, dtype=np.intp)
        errors = [
            (np.flatnonzero(whose == kind), entry) for kind, entry in enumerate(known) if isinstance(entry, SharpError)
        ]
        if not made:
            return None, errors
        quantities = {}
        for name, value in made[0].items():
            values = [nan if isinstance(entry, SharpError) else entry[name] for entry in known]
            quantities[name] = (
                value if values.count(value) == len(values) else np.array(values, dtype=np.float64)[which]
            )
        return quantities, errors

    def _kinds(self, places: Places) -> tuple[list[int], NDArray[np.intp]]:
        """The first of some points on each distinct machine and technology, and which of these each point is on."""
        distinct = [self.space.columns[name].distinct(places[name]) for name in self._names]
        return kinds_of([place for values, place in distinct if len(values) > 1])

    def _implement(self, values: tuple[Any, ...]) -> Mapping[str, Any] | SharpError:
        try:
            return self._numbers(self.space.scenario.at(dict(zip(self._names, values, strict=True))).implementation)
        except SharpError as error:
            return copy(error)  # whose traceback would keep all that it went through

    def _numbers(self, made: Implementation) -> Mapping[str, Any]:
        machine, technology = made.accelerator, made.technology
        check_gating(made, Gating.of(self.space.scenario.gating))
        return {
            **{name: getattr(technology, name) for name in UNITS},
            **{name: getattr(machine, name).capacity_bytes for name in BUFFERS},
            **{f"{name}.{key}": _number(getattr(made.memories[name], key)) for name in BUFFERS for key in _OF_MEMORY},
            "num_macs": machine.num_macs,
            "activation_lanes": machine.activation_lanes,
        }


def _memories(quantities: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {key: quantities[f"{name}.{key}"] for key in _OF_MEMORY} for name in BUFFERS}


def _number(value: float | None) -> float:
    return nan if value is None else value
