"""Prices of what the closed form counts: tables over the axes that each depends on, and no point's own.

Energy is linear in what a layer does. So what a point spends is a price for each count that its tile height decides,
times that count, and one sum for all that no tile height changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sharp.cycles import closed_form
from sharp.cycles.activity import Activity
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.space.pricing import Pricing, Traffic, layer_activity
from sharp.workload.network import RNNLayer

PRICED = (
    *("input_size", "hidden_size", "recurrent_size", "num_directions", "seq_len", "batch_size", "num_macs"),
    *("io_buffer_bytes", "weight_buffer_bytes"),
)
"""Inputs of the closed form that prices depend on."""

_NONE = dict.fromkeys(Activity.__dataclass_fields__, 0.0)


def useful_products(inputs: Mapping[str, Any], layer: RNNLayer) -> Any:
    """Multiply-accumulates of a layer's run, of numbers or arrays."""
    sizes = {name: inputs[name] for name in ("hidden_size", "recurrent_size")}
    sizes["projection_size"] = inputs["recurrent_size"]
    weights = sum(
        len(phase.gates) * sizes[phase.size] * (inputs["input_size"] * phase.reads_x + sizes[phase.operand_size])
        for phase in layer.phases
    )
    return inputs["num_directions"] * inputs["seq_len"] * inputs["batch_size"] * weights


def price_tables(
    pricing: Pricing,
    quantities: Mapping[str, Any],
    inputs: Mapping[str, Any],
    clock_hz: Any,
    layer: RNNLayer,
    plan: Plan,
    traffic: Traffic | None = None,
) -> dict[str, Any]:
    """Prices of a layer's counts, by the kernel's ``PRICES``, in J; of numbers or arrays that broadcast together.

    Parameters
    ----------
    pricing : Pricing
    quantities : mapping of str to number or array
        Of machine and technology (`Pricing.tables`).
    inputs : mapping of str to number or array
        Of the closed form (`sharp.space.inputs.inputs_of`).
    clock_hz : number or array
    layer : RNNLayer
    plan : Plan
        Its weights resident or streamed.
    traffic : Traffic, optional
        What passes around the layer; without it, the layer is all of its network.
    """
    counts = dict.fromkeys((*closed_form.kernel().COUNTS, "column_padding", "row_padding", "total_cycles"), 0.0)
    results = {**counts, "useful": useful_products(inputs, layer)}
    fixed = layer_activity(inputs, results, layer, plan, pricing.space.machine, traffic)
    entries = _of_one(inputs, fixed, pricing.space.machine) | {"fixed_j": fixed}
    prices = {}
    for name, entry in entries.items():
        dynamic, static = pricing.spend(quantities, Activity(**_NONE | entry), clock_hz)
        prices[name] = sum(dynamic.values()) + sum(static.values())
    return prices


def _of_one(inputs: Mapping[str, Any], fixed: Mapping[str, Any], machine: Accelerator) -> dict[str, dict[str, Any]]:
    """What one of each count adds to the activity of a layer."""
    return {
        "padding_j": {
            "products": 1.0,
            "array_cycles": 1 / inputs["num_macs"],
            "bank_reads": 1 / (inputs["batch_size"] * machine.lanes_per_unit),
        },
        "cycle_j": {"total_cycles": 1.0, "held_bytes": fixed["held_bytes"]},
        "bank_read_j": {"used_bank_reads": 1.0},
        "vector_read_j": {"vector_reads": 1.0},
        "sum_kept_j": {"sums_kept": 1.0},
    }
