"""What was found in a file as a `sharp.Network`, and as the YAML that describes one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from sharp.workload.graph import INPUT, NotModelled, Place
from sharp.workload.importing.imported import ImportedLayer, ImportedNetwork
from sharp.workload.network import Network, RNNLayer
from sharp.workload.sequences import Sequences


def as_network(imported: ImportedNetwork, title: str = "") -> Network:
    """The network of a file, as it is run.

    Parameters
    ----------
    imported : ImportedNetwork
    title : str
        What it is for.

    Returns
    -------
    Network
        Its layers named as in the file. Where operators that are not modelled stand between two layers, or a layer
        reads a part of what another puts out, the layer says so (`through`).
    """
    ordered = list(_in_order(imported.layers))
    whole = max((layer for layer in ordered if layer.cell != "dense"), key=lambda layer: layer.seq_len)
    places = _Places(ordered, set(imported.not_modelled), _sequences(whole))
    return Network(
        name=imported.name,
        layers=tuple(_layer(layer) for layer in ordered),
        seq_len=whole.seq_len,
        batch_size=whole.batch_size,
        lengths=whole.lengths,
        places=tuple(places.place(layer) for layer in ordered),
        not_modelled={
            name: NotModelled(count=work.count, macs=work.macs) for name, work in imported.not_modelled.items()
        },
        title=title,
    )


def _in_order(layers: tuple[ImportedLayer, ...]) -> Iterator[ImportedLayer]:
    """The layers, each after those that it reads."""
    waiting, done = list(layers), set[str]()
    while waiting:
        names = {layer.name for layer in waiting}
        layer = next((layer for layer in waiting if not names.intersection(layer.reads) - {layer.name}), waiting[0])
        waiting.remove(layer)
        done.add(layer.name)
        yield layer


def _layer(layer: ImportedLayer) -> RNNLayer:
    return RNNLayer(
        cell=layer.cell,
        input_size=layer.input_size,
        hidden_size=layer.hidden_size,
        bidirectional=layer.bidirectional,
        projection_size=layer.projection_size,
        peephole=layer.peephole,
        linear_before_reset=layer.linear_before_reset,
        merge=layer.merge,
    )


def _sequences(layer: ImportedLayer) -> Sequences:
    return Sequences.of(layer.lengths) if layer.lengths else Sequences.equal(layer.seq_len, layer.batch_size)


class _Places:
    """Where layers stand, one after the other."""

    def __init__(self, layers: list[ImportedLayer], not_modelled: set[str], sequences: Sequences) -> None:
        self._not_modelled, self._sequences = not_modelled, sequences
        self._known = {layer.name: layer for layer in layers}
        self._widths = {layer.name: _layer(layer).output_size for layer in layers}
        self._inputs: dict[str, int] = {}
        inputs = {name for layer in layers for name in layer.reads if name not in self._known}
        self._only = inputs.pop() if len(inputs) == 1 else None
        self._done: set[str] = set()

    def place(self, layer: ImportedLayer) -> Place:
        """Where a layer stands."""
        reads = [name for name in layer.reads if name not in self._known or name in self._done]
        self._done.add(layer.name)
        sources = tuple(INPUT if name == self._only else name for name in reads) or (INPUT,)
        through = [name for name in layer.through if name in self._not_modelled]
        join = self._join(layer, sources) if not through else "concat"
        if join is None:
            through = list(layer.through) or ["Slice"]
        given = [_sequences(self._known[name]) if name in self._known else self._sequences for name in sources]
        own, last_step = _sequences(layer), False
        if len(set(given)) == 1 and own != given[0] and own == given[0].last_steps and not through:
            last_step = True
        return Place(
            name=layer.name,
            reads=sources,
            join=join or "concat",
            last_step=last_step,
            feedback=next(iter(layer.feedback), ""),
            through=tuple(through),
            sequences=None if last_step or (own == given[0] and len(set(given)) == 1) else own,
        )

    def _join(self, layer: ImportedLayer, sources: tuple[str, ...]) -> str | None:
        """How what a layer reads becomes as wide as it reads; None where it does not."""
        widths = [self._widths.get(name, self._inputs.get(name)) for name in sources]
        missing = [name for name, width in zip(sources, widths, strict=True) if width is None]
        known = [width for width in widths if width is not None]
        if len(missing) == 1 and layer.input_size > sum(known):
            self._inputs[missing[0]] = layer.input_size - sum(known)
            return "concat"
        if missing:
            return None
        if sum(known) == layer.input_size:
            return "concat"
        return "sum" if len(known) > 1 and set(known) == {layer.input_size} else None


def as_content(network: Network) -> dict[str, Any]:
    """A network as its YAML file has it, what is as by default left out."""
    content: dict[str, Any] = {"name": network.name}
    if network.title:
        content["title"] = network.title
    content |= _steps(network.sequences)
    content["layers"] = [
        {
            **_given(place, ("name", "reads", "join", "stack_frames", "last_step", "feedback", "through")),
            **_given(layer, ("cell", "input_size", "hidden_size", "bidirectional", "projection_size", "peephole")),
            **_given(layer, ("linear_before_reset", "merge")),
            **({} if place.sequences is None else _steps(place.sequences)),
        }
        for layer, place in zip(network.layers, network.places, strict=True)
    ]
    if network.not_modelled:
        content["not_modelled"] = {
            name: {"count": entry.count, "macs": entry.macs} for name, entry in network.not_modelled.items()
        }
    return content


def _steps(sequences: Sequences) -> dict[str, Any]:
    if not sequences.are_equal:
        return {"seq_len": list(sequences.lengths)}
    batch = {} if sequences.batch_size == 1 else {"batch_size": sequences.batch_size}
    return {"seq_len": sequences.num_steps, **batch}


def _given(value: Place | RNNLayer, names: tuple[str, ...]) -> Mapping[str, Any]:
    """The fields of a value that are not as by default, which `cell` always is said to be."""
    defaults = {entry.name: entry.default for entry in fields(value)}
    found = {name: getattr(value, name) for name in names if getattr(value, name) != defaults[name] or name == "cell"}
    return {name: list(entry) if isinstance(entry, tuple) else entry for name, entry in found.items()}
