"""Keras: the configuration in its files (.keras, .h5), by which layers are known without TensorFlow.

A configuration lists layers with what feeds each; sizes follow from the shape of the input. The weights are not read.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sharp.checks import check_integer, within
from sharp.errors import SpecificationError
from sharp.files import read_bytes
from sharp.workload.importing.imported import Imported, ImportedLayer, ImportedNetwork, Work
from sharp.workload.network import RNNLayer

Shape = tuple[int, ...]
"""Sizes of a tensor, of one sequence."""

_MOST_BYTES, _MOST_CONFIGURATION = 2**31, 2**26
_CELLS = {"LSTM": "lstm", "CuDNNLSTM": "lstm", "GRU": "gru", "CuDNNGRU": "gru", "SimpleRNN": "rnn"}
_SAME = frozenset(
    [
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "BatchNormalization",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "LayerNormalization",
        "LeakyReLU",
        "Masking",
        "PReLU",
        "ReLU",
        "Softmax",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "UnitNormalization",
        "ThresholdedReLU",
        "GroupNormalization",
        "Rescaling",
    ]
)
"""Layers that put out as much as they read."""
_INPUT, _MODELS = "InputLayer", ("Sequential", "Functional", "Model")
_MERGES = frozenset(["Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"])
_SUMS = {"concat": "concat", "sum": "sum", "ave": "sum"}


def import_keras(path: Path, *, steps: int | None = None, sizes: Mapping[str, int] | None = None) -> Imported:
    """Import the network of a file of Keras, by its configuration.

    Parameters
    ----------
    path : Path
        A ``.keras`` or ``.h5`` file.
    steps : int or None
        Time steps, where the configuration leaves them open.
    sizes : mapping or None
        ``batch_size``, 1 by default.

    Raises
    ------
    SpecificationError
        With the layer that is not understood.
    """
    content = read_bytes(path, "a file of Keras", _MOST_BYTES)
    configuration = _of_archive(content) if zipfile.is_zipfile(io.BytesIO(content)) else _of_h5(content)
    try:
        model = json.loads(configuration)
        return _Model(steps, check_integer("batch_size", (sizes or {}).get("batch_size", 1))).read(model, path.stem)
    except SpecificationError:
        raise
    except Exception as error:
        got = f"{type(error).__name__}: {error}"[:120]
        raise SpecificationError(
            f"expected the configuration of a Keras model, got one that breaks off: {got}"
        ) from None


def _of_archive(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if "config.json" not in archive.namelist():
            raise SpecificationError("expected a file of Keras, got a zip file without config.json")
        if archive.getinfo("config.json").file_size > _MOST_CONFIGURATION:
            raise SpecificationError("expected a configuration of at most 64 MiB, got more")
        return archive.read("config.json").decode()


def _of_h5(content: bytes) -> str:
    import h5py  # only this kind of file needs it

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            configuration = file.attrs.get("model_config")
    except OSError:
        raise SpecificationError("expected a file of Keras, got one that is cut off or of another kind") from None
    if configuration is None:
        raise SpecificationError("expected a file of Keras with its configuration, got weights alone")
    return configuration.decode() if isinstance(configuration, bytes) else str(configuration)


class _Model:
    """The layers of a configuration, one after the other, with the shape that each puts out."""

    def __init__(self, steps: int | None, batch_size: int) -> None:
        self._steps, self._batch_size = steps, batch_size
        self._shapes: dict[str, Shape] = {}
        self._sources: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._layers: list[ImportedLayer] = []
        self._work: dict[str, Work] = {}

    def read(self, model: Mapping[str, Any], name: str) -> Imported:
        """What a model's configuration holds."""
        if model.get("class_name") not in _MODELS:
            got = model.get("class_name")
            raise SpecificationError(
                f"expected a Sequential or a Functional model, got {got!r}, whose code is not in it"
            )
        self._stack(model)
        if not any(layer.cell != "dense" for layer in self._layers):
            raise SpecificationError("expected a recurrent layer, got none")
        network = ImportedNetwork(name=name, layers=tuple(self._layers), not_modelled=self._work)
        return Imported(networks=(network,))

    def _stack(self, model: Mapping[str, Any], prefix: str = "", given: tuple[str, ...] = ()) -> str:
        """The layers of a model, or of one inside of another, which reads what is given; names what puts it out."""
        whole = model["config"]
        entries, ends = (whole, {}) if isinstance(whole, list) else (whole["layers"], whole)
        kinds = {entry["config"].get("name", entry["class_name"]): entry["class_name"] for entry in entries}
        own_inputs = list(_inbound(ends.get("input_layers", []))) or [name for name in kinds if kinds[name] == _INPUT]
        read = dict(zip(own_inputs, given, strict=False))
        below = given
        for entry, (own, kind) in zip(entries, kinds.items(), strict=True):
            inputs = below
            if model["class_name"] != "Sequential":
                inputs = tuple(prefix + name for name in _inbound(entry.get("inbound_nodes", [])))
            with within(f"layer {prefix + own!r} ({kind}): "):
                self._add(entry, prefix + own, (read[own],) if own in read else inputs)
            below = (prefix + own,)
        outputs = [prefix + name for name in _inbound(ends.get("output_layers", []))]
        if prefix and len(outputs) > 1:
            raise SpecificationError(f"expected a model of one output inside of another, got {len(outputs)}")
        return outputs[0] if outputs else below[0]

    def _add(self, entry: Mapping[str, Any], name: str, inputs: tuple[str, ...]) -> None:
        kind, config = entry["class_name"], entry["config"]
        if len(entry.get("inbound_nodes") or []) > 1:
            raise SpecificationError("expected a layer that is used once, got one that is shared")
        if kind in _MODELS:
            last = self._stack(entry, f"{name}/", inputs)
            self._shapes[name], self._sources[name] = self._shapes[last], self._sources[last]
            return
        given = config.get("batch_shape") or config.get("batch_input_shape")
        if not inputs and given is not None:
            self._shapes[f"{name}.input"] = self._closed(given[1:])
            self._sources[f"{name}.input"] = ((f"input:{name}",), ())
            inputs = (f"{name}.input",)
        if not inputs:
            build = (entry.get("build_config") or {}).get("input_shape")
            if build is None:
                raise SpecificationError("expected the shape of its input, got none")
            self._shapes["input"], self._sources["input"] = self._closed(build[1:]), (("input",), ())
            inputs = ("input",)
        shapes = [self._shapes[source] for source in inputs]
        reads = tuple(dict.fromkeys(read for source in inputs for read in self._sources[source][0]))
        through = tuple(dict.fromkeys(passed for source in inputs for passed in self._sources[source][1]))
        self._shapes[name], self._sources[name] = self._made(kind, config, name, shapes, reads, through)

    def _made(
        self,
        kind: str,
        config: Mapping[str, Any],
        name: str,
        shapes: list[Shape],
        reads: tuple[str, ...],
        through: tuple[str, ...],
    ) -> tuple[Shape, tuple[tuple[str, ...], tuple[str, ...]]]:
        """The shape that a layer puts out, and where that comes from."""
        first = shapes[0]
        if kind in _CELLS or kind == "Bidirectional":
            return self._recurrent(kind, config, name, first, reads, through), ((name,), ())
        if kind == "Dense":
            rows = math.prod(first[:-1])
            self._layers.append(self._dense(name, first[-1], config["units"], rows, reads, through))
            return (*first[:-1], config["units"]), ((name,), ())
        if kind == "TimeDistributed" and config["layer"]["class_name"] == "Dense":
            return self._made("Dense", config["layer"]["config"], name, shapes, reads, through)
        if kind in ("InputLayer", *_SAME, *_MERGES, "Concatenate"):
            passed = (*through, kind) if kind not in ("InputLayer", "Dropout", "Masking") else through
            return _joined(kind, config, shapes), (reads, passed)
        if kind not in _OTHERS:
            raise SpecificationError(f"expected a layer that is known here, got {kind}")
        shape, macs = _OTHERS[kind](config, first)
        work = self._work.get(kind, Work(count=0, macs=0))
        self._work[kind] = Work(count=work.count + 1, macs=work.macs + macs * self._batch_size)
        return shape, (reads, (*through, kind))

    def _recurrent(
        self,
        kind: str,
        config: Mapping[str, Any],
        name: str,
        shape: Shape,
        reads: tuple[str, ...],
        through: tuple[str, ...],
    ) -> Shape:
        both = kind == "Bidirectional"
        inner = config["layer"]["config"] if both else config
        inner_kind = config["layer"]["class_name"] if both else kind
        if inner_kind not in _CELLS or len(shape) != 2:
            raise SpecificationError(
                f"expected LSTM, GRU or SimpleRNN on steps of vectors, got {inner_kind} on {list(shape)}"
            )
        merge = config.get("merge_mode", "concat") if both else "concat"
        if merge not in _SUMS:
            raise SpecificationError(f"merge_mode: expected {', '.join(_SUMS)}, got {merge!r}")
        layer = RNNLayer(
            cell=_CELLS[inner_kind],
            input_size=shape[1],
            hidden_size=inner["units"],
            bidirectional=both,
            linear_before_reset=bool(inner.get("reset_after", inner_kind == "CuDNNGRU"))
            if "GRU" in inner_kind
            else True,
            merge=_SUMS[merge],
        )
        self._layers.append(
            self._timed(
                ImportedLayer(
                    name=name,
                    cell=layer.cell_name,
                    input_size=layer.input_size,
                    hidden_size=layer.hidden_size,
                    bidirectional=both,
                    linear_before_reset=layer.linear_before_reset,
                    merge=layer.merge,
                    reverse=bool(inner.get("go_backwards", False)) and not both,
                    seq_len=shape[0],
                    batch_size=self._batch_size,
                    num_weights=layer.num_weights,
                    macs=0,
                    reads=reads,
                    through=through,
                    nodes=(name,),
                )
            )
        )
        return (shape[0], layer.output_size) if inner.get("return_sequences", False) else (layer.output_size,)

    def _dense(
        self, name: str, size: int, units: int, rows: int, reads: tuple[str, ...], through: tuple[str, ...]
    ) -> ImportedLayer:
        return self._timed(
            ImportedLayer(
                name=name,
                cell="dense",
                input_size=size,
                hidden_size=units,
                seq_len=rows,
                batch_size=self._batch_size,
                num_weights=size * units,
                macs=0,
                reads=reads,
                through=through,
                nodes=(name,),
            )
        )

    @staticmethod
    def _timed(layer: ImportedLayer) -> ImportedLayer:
        return replace(layer, macs=layer.num_weights * layer.seq_len * layer.batch_size)

    def _closed(self, shape: list[int | None]) -> Shape:
        """The shape of an input, its open size being time."""
        closed = []
        for size in shape:
            if size is None:
                if self._steps is None:
                    raise SpecificationError("steps: expected --steps with it, as the file leaves them open, got none")
                size = self._steps
            closed.append(size)
        return tuple(closed)


def _inbound(nodes: Any) -> Iterator[str]:
    """The names of layers in what Keras 2 or 3 writes of a layer's inputs."""
    if isinstance(nodes, Mapping):
        if "keras_history" in nodes:
            yield nodes["keras_history"][0]
        else:
            for value in nodes.values():
                yield from _inbound(value)
    elif isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            yield nodes[0]
        else:
            for value in nodes:
                yield from _inbound(value)


def _joined(kind: str, config: Mapping[str, Any], shapes: list[Shape]) -> Shape:
    if kind != "Concatenate":
        return shapes[0]
    axis = config.get("axis", -1)
    place = axis if axis < 0 else axis - 1 - len(shapes[0])
    whole = list(shapes[0])
    whole[place] = sum(shape[place] for shape in shapes)
    return tuple(whole)


def _spread(config: Mapping[str, Any], sizes: Shape, kernel: list[int], strides: list[int]) -> Shape:
    """Sizes after a window has moved over them."""
    same = config.get("padding", "valid") != "valid"
    dilation = config.get("dilation_rate", 1)
    widths = [1 + (width - 1) * (dilation if isinstance(dilation, int) else dilation[0]) for width in kernel]
    return tuple(
        -(-size // stride) if same else (size - width) // stride + 1
        for size, width, stride in zip(sizes, widths, strides, strict=True)
    )


def _each(value: int | list[int], count: int) -> list[int]:
    return [value] * count if isinstance(value, int) else list(value)


def _convolution(config: Mapping[str, Any], shape: Shape) -> tuple[Shape, int]:
    count = len(shape) - 1
    kernel = _each(config["kernel_size"], count)
    sizes = _spread(config, shape[:-1], kernel, _each(config.get("strides", 1), count))
    filters, groups = config["filters"], config.get("groups", 1)
    return (*sizes, filters), math.prod(sizes) * filters * math.prod(kernel) * shape[-1] // groups


def _pooling(config: Mapping[str, Any], shape: Shape) -> tuple[Shape, int]:
    count = len(shape) - 1
    window = _each(config["pool_size"], count)
    return (*_spread(config, shape[:-1], window, _each(config.get("strides") or window, count)), shape[-1]), 0


_OTHERS: dict[str, Callable[[Mapping[str, Any], Shape], tuple[Shape, int]]] = {
    "Embedding": lambda config, shape: ((*shape, config["output_dim"]), 0),
    **dict.fromkeys(("Conv1D", "Conv2D"), _convolution),
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), _pooling),
    "Flatten": lambda config, shape: ((math.prod(shape),), 0),
    "Reshape": lambda config, shape: (_reshaped(config["target_shape"], math.prod(shape)), 0),
    "RepeatVector": lambda config, shape: ((config["n"], *shape), 0),
    "Permute": lambda config, shape: (tuple(shape[place - 1] for place in config["dims"]), 0),
    "GlobalMaxPooling1D": lambda config, shape: (shape[1:], 0),
    "GlobalAveragePooling1D": lambda config, shape: (shape[1:], 0),
}
"""Layers that are no layers of ours: the shape that each puts out, and its multiply-accumulates for one sequence."""


def _reshaped(target: list[int], size: int) -> Shape:
    known = math.prod(entry for entry in target if entry > 0)
    return tuple(entry if entry > 0 else size // known for entry in target)
