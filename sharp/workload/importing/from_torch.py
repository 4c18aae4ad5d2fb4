"""PyTorch: modules in Python, and files of whole modules or state dicts, without PyTorch.

A module says which recurrent layers it has, and in which order they were registered, but not what feeds what: a layer
is taken to read the one registered before it where the sizes fit, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sharp.checks import check_integer
from sharp.errors import SpecificationError
from sharp.files import read_bytes
from sharp.workload.importing.conversion import as_network
from sharp.workload.importing.imported import Imported, ImportedLayer, ImportedNetwork
from sharp.workload.importing.pickles import read_pickle
from sharp.workload.network import Network, RNNLayer

_MODES = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn", "RNN_RELU": "rnn"}
_CLASSES = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn", "LSTMCell": "lstm", "GRUCell": "gru", "RNNCell": "rnn"}
_GATES = {4: "lstm", 3: "gru", 1: "rnn"}
_WEIGHT = re.compile(r"(?:(?P<prefix>.*)\.)?weight_ih(?:_l(?P<layer>\d+))?$")
_MOST_BYTES = 2**31


def from_torch(module: Any, *, seq_len: int, batch_size: int = 1, name: str = "") -> Network:
    """The network of a PyTorch module.

    Parameters
    ----------
    module : torch.nn.Module or mapping
        A module with LSTM, GRU, RNN (layers or cells) and Linear in it, or a state dict.
    seq_len : int
        Time steps.
    batch_size : int
        Sequences, equally long.
    name : str
        Of the network; by default that of the module's class.

    Returns
    -------
    Network
        Its recurrent layers, and linear ones as dense layers, in the order in which they were registered: each reads
        the one before it where the sizes fit, else an input of its own. Of a state dict the recurrent layers alone.

    Raises
    ------
    SpecificationError
        Where there is no recurrent layer in it.

    Examples
    --------
    >>> import sharp
    >>> class Weight:  # torch.nn.LSTM(40, 64).state_dict() has such
    ...     def __init__(self, *shape):
    ...         self.shape = shape
    >>> network = sharp.from_torch({"weight_ih_l0": Weight(256, 40), "weight_hh_l0": Weight(256, 64)}, seq_len=100)
    >>> network.layers[0].cell, network.layers[0].hidden_size, network.num_macs
    ('lstm', 64, 2662400)
    """
    seq_len, batch_size = check_integer("seq_len", seq_len), check_integer("batch_size", batch_size)
    found = _imported(module, name or type(module).__name__, seq_len, batch_size)
    return as_network(found.networks[0])


def import_torch(path: Path, *, steps: int | None = None, sizes: Mapping[str, int] | None = None) -> Imported:
    """Import the network of a file that ``torch.save`` has written; none of its code runs.

    Parameters
    ----------
    path : Path
    steps : int
        Time steps, which such a file does not say.
    sizes : mapping or None
        ``batch_size``, 1 by default.
    """
    if steps is None:
        raise SpecificationError(
            "steps: expected --steps with it, as a file of PyTorch does not say how many, got none"
        )
    batch_size = (sizes or {}).get("batch_size", 1)
    content = read_pickle(read_bytes(path, "a file that torch.save has written", _MOST_BYTES))
    return _imported(content, path.stem, check_integer("steps", steps), check_integer("batch_size", batch_size))


def _imported(content: Any, name: str, steps: int, batch_size: int) -> Imported:
    if hasattr(content, "_modules"):
        layers = _chained(list(_of_module(content, "")))
        warning = "what feeds what is not in the module: layers read the one registered before them where the sizes fit"
    else:
        states = _state_dict(content)
        layers = [layer for found in _of_states(states) for layer in found]
        warning = "a state dict has no more than shapes: its recurrent layers alone are counted, each module by itself"
    if not any(layer.cell != "dense" for layer in layers):
        raise SpecificationError("expected a recurrent layer of PyTorch, got none")
    timed = tuple(
        replace(layer, seq_len=steps, batch_size=batch_size, macs=layer.num_weights * steps * batch_size)
        for layer in layers
    )
    return Imported(networks=(ImportedNetwork(name=name, layers=timed),), warnings=(warning,))


def _state_dict(content: Any) -> Mapping[str, Any]:
    """The state dict in what was saved: itself, or the first that a checkpoint holds."""
    waiting = [content]
    while waiting:
        entry = waiting.pop(0)
        if isinstance(entry, Mapping):
            if any(isinstance(key, str) and _WEIGHT.match(key.removesuffix("_reverse")) for key in entry):
                return entry
            waiting += entry.values()
    raise SpecificationError("expected a recurrent layer of PyTorch, got none")


def _of_states(states: Mapping[str, Any]) -> Iterator[list[ImportedLayer]]:
    """The layers of each recurrent module of a state dict, by the names and shapes of its weights."""
    modules: dict[str, list[tuple[int, str]]] = {}
    for key in states:
        match = _WEIGHT.match(key) if isinstance(key, str) else None
        if match:
            modules.setdefault(match["prefix"] or "", []).append((int(match["layer"] or 0), key))
    for prefix, keys in modules.items():
        layers: list[ImportedLayer] = []
        for index, key in sorted(keys):
            below = layers[-1].name if layers else f"input:{prefix}" if len(modules) > 1 else "input"
            layers.append(_of_weights(states, key, f"{prefix or 'l'}.{index}" if prefix else f"l{index}", below))
        yield layers


def _of_weights(states: Mapping[str, Any], key: str, name: str, below: str) -> ImportedLayer:
    """A layer by its weights: W has a row for each gate and cell, U a column for each element of h."""
    shapes = []
    for part in ("weight_ih", "weight_hh", "weight_hr"):
        weight = states.get(key.replace("weight_ih", part))
        shapes.append(tuple(getattr(weight, "shape", ())))
    read, kept, projected = shapes
    hidden = projected[1] if len(projected) == 2 else kept[1] if len(kept) == 2 else 0
    gates, rest = divmod(read[0], hidden) if hidden and len(read) == 2 else (0, 1)
    if rest or gates not in _GATES or kept[0] != read[0]:
        raise SpecificationError(
            f"{key}: expected 4, 3 or 1 times as many rows as cells, got weights of {list(read)} and {list(kept)}"
        )
    return _layer(
        name,
        below,
        cell=_GATES[gates],
        input_size=int(read[1]),
        hidden_size=int(hidden),
        bidirectional=f"{key}_reverse" in states,
        projection_size=int(projected[0]) if projected else None,
    )


def _of_module(module: Any, path: str) -> Iterator[ImportedLayer]:
    """The layers of a module and those inside of it, in the order of registration."""
    kind = next((name for name in map(_class_name, type(module).__mro__) if name in (*_CLASSES, "Linear")), "")
    given = vars(module)
    if kind == "Linear":
        yield _layer(path, "", "dense", given["in_features"], given["out_features"])
    elif kind:
        count = int(given.get("num_layers", 1))
        both, projection = bool(given.get("bidirectional", False)), given.get("proj_size", 0) or None
        cell = _MODES.get(given.get("mode", ""), _CLASSES[kind])
        size = given["input_size"]
        for index in range(count):
            below = "" if not index else f"{path}.{index - 1}"
            layer = _layer(
                f"{path}.{index}" if count > 1 else path or "l0",
                below,
                cell,
                size,
                given["hidden_size"],
                both,
                projection,
            )
            size = (projection or layer.hidden_size) * (2 if both else 1)
            yield layer
    else:
        for name, inner in module._modules.items():
            if hasattr(inner, "_modules"):
                yield from _of_module(inner, f"{path}.{name}" if path else name)


def _class_name(kind: type) -> str:
    """The name of a class of torch.nn, or of a stub of one; nothing of others."""
    place = getattr(kind, "kind", "") or f"{kind.__module__}.{kind.__name__}"
    return place.split(".")[-1] if place.startswith("torch.nn.") else ""


def _layer(
    name: str,
    below: str,
    cell: str,
    input_size: int,
    hidden_size: int,
    bidirectional: bool = False,
    projection_size: int | None = None,
) -> ImportedLayer:
    whole = RNNLayer(
        cell=cell,
        input_size=input_size,
        hidden_size=hidden_size,
        bidirectional=bidirectional,
        projection_size=projection_size,
    )
    return ImportedLayer(
        name=name,
        cell=cell,
        input_size=input_size,
        hidden_size=hidden_size,
        bidirectional=bidirectional,
        projection_size=projection_size,
        seq_len=1,
        batch_size=1,
        num_weights=whole.num_weights,
        macs=whole.num_weights,
        reads=(below,) if below else (),
        nodes=(name,),
    )


def _chained(layers: list[ImportedLayer]) -> list[ImportedLayer]:
    """Layers that each read the one before it where the sizes fit, else an input of their own."""
    chained: list[ImportedLayer] = []
    width = None
    for layer in layers:
        if not layer.reads:
            fits = chained and width == layer.input_size
            own = f"input:{layer.name}" if chained else "input"
            layer = replace(layer, reads=(chained[-1].name if fits else own,))
        chained.append(layer)
        width = (layer.projection_size or layer.hidden_size) * (2 if layer.bidirectional else 1)
    return chained
