"""All layers of a model whose sizes are given: nodes and written-out cells, directions joined, what feeds what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from onnx import ModelProto

from sharp.workload.importing.connecting import connect, dense_layers, join_directions, turn
from sharp.workload.importing.elements import Elements
from sharp.workload.importing.folding import Folding
from sharp.workload.importing.layer import Layer
from sharp.workload.importing.noded import NodeLayers
from sharp.workload.importing.scalars import Scalars
from sharp.workload.importing.trace import Op, Trace
from sharp.workload.importing.tracing import Tracer
from sharp.workload.importing.understood import check_understood
from sharp.workload.importing.written import Chains


@dataclass(frozen=True, kw_only=True)
class Found:
    """The layers of a trace."""

    trace: Trace
    recurrent: tuple[Layer, ...]
    dense: tuple[Layer, ...]
    notes: tuple[str, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, in the order in which they run."""
        place = {op: index for index, op in enumerate(self.trace.ops)}
        return tuple(sorted((*self.recurrent, *self.dense), key=lambda layer: place[layer.ops[0]]))


def find_layers(
    model: ModelProto, sizes: Mapping[str, int], undecided: Collection[str] = (), steps: int | None = None
) -> Found:
    """The layers of a model, with the arguments of `sharp.workload.importing.tracing.Tracer`."""
    trace = Tracer(model, sizes, undecided, steps).run()
    elements = Elements(Folding(model))
    nodes = NodeLayers(trace, elements)
    recurrent = [*nodes.layers(), *Chains(trace, Scalars(elements)).layers()]
    recurrent = join_directions(_in_order(recurrent, trace), trace, elements)
    turn(recurrent, trace, elements)
    taken = {op for layer in recurrent for op in layer.products}
    batch_size = recurrent[0].batch_size if recurrent else 1
    dense = dense_layers(trace, taken, batch_size)
    _name_apart([*recurrent, *dense])
    connect([*recurrent, *dense], trace, elements)
    notes = [*trace.warnings, *nodes.notes, *check_understood([*recurrent, *dense], trace, elements)]
    return Found(trace=trace, recurrent=tuple(recurrent), dense=tuple(dense), notes=tuple(dict.fromkeys(notes)))


def _in_order(layers: list[Layer], trace: Trace) -> list[Layer]:
    place: dict[Op, int] = {op: index for index, op in enumerate(trace.ops)}
    return sorted(layers, key=lambda layer: place[layer.ops[0]])


def _name_apart(layers: list[Layer]) -> None:
    """Give layers that have the same name numbers."""
    names: dict[str, int] = {}
    for layer in layers:
        count = names[layer.name] = names.get(layer.name, 0) + 1
        if count > 1:
            layer.name = f"{layer.name}.{count}"
