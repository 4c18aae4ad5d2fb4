"""ONNX files: their recurrent networks, whatever form they are written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sharp.errors import SpecificationError
from sharp.workload.importing.found import Found
from sharp.workload.importing.imported import Imported, ImportedLayer, ImportedNetwork, Work
from sharp.workload.importing.layer import Layer
from sharp.workload.importing.onnx_file import read_onnx
from sharp.workload.importing.open_sizes import settle
from sharp.workload.importing.trace import Op
from sharp.workload.importing.work import macs

Choice = Mapping[Op, str]
"""Which branch of some If nodes is taken."""


def import_onnx(path: Path, *, steps: int | None = None, sizes: Mapping[str, int] | None = None) -> Imported:
    """Import the networks of an ONNX file.

    Parameters
    ----------
    path : Path
    steps : int or None
        Time steps, where the file leaves them open: those of its longest recurrent layer, or calls of a file that
        takes one step a call.
    sizes : mapping or None
        Other sizes that the file leaves open, and whole numbers that it reads, by name; sizes not given are 1.

    Returns
    -------
    Imported

    Raises
    ------
    SpecificationError
        With the node that is not understood, or the size that has to be given.
    """
    model = read_onnx(path)
    settled = settle(model, steps, dict(sizes or {}))
    if not settled.found.recurrent:
        raise SpecificationError("expected a recurrent layer, got none")
    return replace(_assembled(path.stem, settled.found, settled.calls, settled.notes), one_step=settled.one_step)


def _assembled(name: str, found: Found, calls: int, notes: tuple[str, ...]) -> Imported:
    layers = found.layers
    branches = {layer: _branches(layer) for layer in layers}
    choices = list(_choices(branches, {}))
    networks: list[ImportedNetwork] = []
    for choice in choices:
        chosen = [layer for layer in layers if not _is_excluded(branches[layer], choice)]
        networks.append(
            ImportedNetwork(
                name=name if len(choices) == 1 else f"{name}-{len(networks) + 1}",
                layers=tuple(_as_imported(layer, calls) for layer in chosen),
                not_modelled=_not_modelled(found, choice, calls),
            )
        )
    groups = [tuple(layer.name for layer in network.layers if layer.cell != "dense") for network in networks]
    common = set.intersection(*(set(group) for group in groups))
    alternatives = [tuple(name for name in group if name not in common) for group in groups] if len(groups) > 1 else []
    return Imported(networks=tuple(networks), alternatives=tuple(alternatives), warnings=(*notes, *found.notes))


def _as_imported(layer: Layer, calls: int) -> ImportedLayer:
    return ImportedLayer(
        name=layer.name,
        cell=layer.cell,
        input_size=layer.input_size,
        hidden_size=layer.hidden_size,
        bidirectional=layer.bidirectional,
        projection_size=layer.projection_size,
        peephole=layer.peephole,
        linear_before_reset=layer.linear_before_reset,
        reverse=layer.reverse,
        merge=layer.merge,
        seq_len=layer.num_steps * calls,
        batch_size=layer.batch_size,
        lengths=layer.lengths,
        num_weights=layer.num_weights,
        macs=layer.macs * calls,
        reads=tuple(layer.reads),
        through=tuple(layer.through),
        feedback=tuple(layer.feedback),
        nodes=tuple(op.name for op in layer.ops),
    )


def _branches(layer: Layer) -> dict[Op, str]:
    """The branches that all of a layer's operations are in."""
    common = set(layer.ops[0].branch)
    for op in layer.ops[1:]:
        common &= set(op.branch)
    return dict(common)


def _choices(branches: Mapping[Layer, Mapping[Op, str]], chosen: Choice) -> Iterator[Choice]:
    """The ways through the If nodes that have layers in both branches."""
    known: dict[Op, set[str]] = {}
    for layer in branches:
        if not _is_excluded(branches[layer], chosen):
            for node, taken in branches[layer].items():
                known.setdefault(node, set()).add(taken)
    undecided = next((node for node in known if node not in chosen), None)
    if undecided is None:
        yield chosen
        return
    for taken in sorted(known[undecided], reverse=True):
        yield from _choices(branches, {**chosen, undecided: taken})


def _is_excluded(branches: Mapping[Op, str], choice: Choice) -> bool:
    return any(choice.get(node, taken) != taken for node, taken in branches.items())


def _not_modelled(found: Found, choice: Choice, calls: int) -> dict[str, Work]:
    """What else runs, by operator; of an If without layers what its first branch has."""
    taken = {op for layer in found.layers for op in (*layer.products, *layer.ops)}
    work: dict[str, Work] = {}
    for op in found.trace.ops:
        if (
            op in taken
            or op.outputs[0].fixed
            or any(choice.get(node, "then_branch") != branch for node, branch in op.branch)
        ):
            continue
        count = macs(op)
        if count is not None:
            before = work.get(op.kind, Work(count=0, macs=0))
            work[op.kind] = Work(count=before.count + 1, macs=before.macs + count * calls)
    return work
