"""Networks from files: a network, or a suite of networks or of problems of one layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from sharp.checks import check_integer, check_list, check_mapping, check_text, refuse, suggestion, within
from sharp.errors import SpecificationError
from sharp.plugins import refuse_code
from sharp.provenance import Provenance
from sharp.published import provenances_from
from sharp.shipped import find_file, shipped
from sharp.workload.cell import Cell
from sharp.workload.cells import find_cell
from sharp.workload.graph import NotModelled, Place
from sharp.workload.importing.endings import is_importable
from sharp.workload.network import Network, RNNLayer
from sharp.workload.sequences import Sequences
from sharp.yamlfile import read_yaml

_NETWORK_KEYS = ("name", "title", "seq_len", "batch_size", "layers", "not_modelled", "provenance")
_SUITE_KEYS = ("suite", "title", "problems", "networks", "provenance")
_PROBLEM_KEYS = ("cell", "hidden_size", "seq_len", "batch_size")
_PLACE_KEYS = tuple(field.name for field in fields(Place) if field.name not in ("sequences", "label"))
_SHAPE_KEYS = tuple(field.name for field in fields(RNNLayer) if field.init)
_LAYER_KEYS = (*_SHAPE_KEYS, *_PLACE_KEYS, "seq_len", "batch_size", "num_layers", "repeat")
_COUNTS = tuple(field.name for field in fields(NotModelled))
_MAX_REPEAT, _MAX_LAYERS = 10_000, 50_000
_ELSEWHERE = {
    "units": " (did you mean 'hidden_size'?)",
    "num_units": " (did you mean 'hidden_size'?)",
    "direction": " (did you mean 'bidirectional'?)",
    "merge_mode": " (did you mean 'merge'?)",
    "return_sequences": " (the layer that reads it has last_step)",
    "num_layers": " (a layer of several has it)",
    "reset_after": " (did you mean 'linear_before_reset'?)",
    "input_forget": " (gates that are coupled are not modelled)",
    **dict.fromkeys(
        ("activations", "batch_first", "bias", "clip", "dropout", "nonlinearity", "use_bias"),
        " (no cycle depends on it: leave it out)",
    ),
}
"""What to say of keys that layers have in other tools."""


def load_networks(path: Path, *, allow_code: bool = False) -> tuple[Network, ...]:
    """Load the network of a file, or all networks of a suite.

    Parameters
    ----------
    path : Path
        A YAML file: a network (keys name, layers, seq_len, ...), a suite of networks (keys suite, networks), or a suite
        of problems of one layer each (keys suite, problems, ...). The book's page "Your own network, your own machine"
        has the keys.
    allow_code : bool
        Whether a cell that the file names may be that of a Python file, whose code then runs.

    Returns
    -------
    tuple of Network
        One, or as many as the suite has problems.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.

    Examples
    --------
    DeepBench's recurrent problems are a suite that ships:

    >>> import sharp
    >>> from sharp.shipped import DATA
    >>> problems = sharp.load_networks(DATA / "networks" / "deepbench.yaml")
    >>> len(problems), problems[0].name
    (69, 'deepbench-lstm-h512-t25')
    """
    return networks_from(path, read_yaml(path), allow_code=allow_code)


def networks_from(path: Path, content: Mapping[str, Any], *, allow_code: bool = False) -> tuple[Network, ...]:
    """The networks that the content of a file describes (`load_networks`)."""
    cells = _Cells(allow_code)
    with within(f"{path}: "):
        return _suite(content, cells) if "suite" in content else (_network(content, cells),)


class _Cells:
    """The cells that a file names, each loaded once."""

    def __init__(self, allow_code: bool) -> None:
        self._allow_code = allow_code
        self._known: dict[str, Cell] = {}

    def __getitem__(self, name: object) -> Cell:
        text = check_text("cell", name)
        refuse_code("cell", text, self._allow_code)
        if text not in self._known:
            self._known[text] = find_cell(text)
        return self._known[text]


def _network(content: Mapping[str, Any], cells: _Cells) -> Network:
    check_mapping("network", content, _NETWORK_KEYS, ("name", "layers", "seq_len"), _ELSEWHERE)
    layers: list[RNNLayer] = []
    places: list[Place] = []
    lasts: dict[str, str] = {}  # the last one of those that share a name
    for index, entry in enumerate(check_list("layers", content["layers"])):
        with within(f"layers[{index}]"):
            stack = _stack(entry, cells, f"layers[{index}]", lasts)
        layers += [layer for layer, _ in stack]
        places += [place for _, place in stack]
        if len(layers) > _MAX_LAYERS:
            raise refuse("layers", f"at most {_MAX_LAYERS}, each as often as it is repeated", len(layers))
    return Network(
        name=content["name"],
        layers=tuple(layers),
        places=tuple(places),
        **_batch(content),
        not_modelled=_not_modelled(content.get("not_modelled", {})),
        title=content.get("title", ""),
        provenance=provenances_from(content.get("provenance", {}), ("layers", "input_size", "hidden_size", "seq_len")),
    )


def _not_modelled(content: object) -> dict[str, NotModelled]:
    """Operators with how often they come and what they multiply."""
    if not isinstance(content, Mapping):
        raise refuse("not_modelled", "a mapping of operators", content)
    found = {}
    for operator, entry in content.items():
        check_text("not_modelled", operator)
        with within(f"not_modelled.{operator}"):
            found[operator] = NotModelled(**check_mapping("", entry, _COUNTS, _COUNTS))
    return found


def _batch(content: Mapping[str, Any]) -> dict[str, Any]:
    """Steps and sequences: a number of steps with a batch size, or a list with the length of each sequence."""
    seq_len = content["seq_len"]
    if not isinstance(seq_len, list):
        return {"seq_len": seq_len, "batch_size": content.get("batch_size", 1)}
    lengths = [
        check_integer(f"seq_len[{index}]", length) for index, length in enumerate(check_list("seq_len", seq_len))
    ]
    if content.get("batch_size", len(lengths)) != len(lengths):
        raise refuse("batch_size", f"{len(lengths)}, the number of lengths in seq_len", content["batch_size"])
    return {"seq_len": max(lengths), "batch_size": len(lengths), "lengths": tuple(lengths)}


def _stack(entry: object, cells: _Cells, label: str, lasts: dict[str, str]) -> list[tuple[RNNLayer, Place]]:
    """The layers of an entry: one, or several that follow each other, each reading the one before."""
    content = check_mapping("", entry, _LAYER_KEYS, ("input_size", "hidden_size"), _ELSEWHERE)
    shape = {name: value for name, value in content.items() if name in _SHAPE_KEYS}
    first = RNNLayer(**{**shape, "cell": cells[shape.get("cell", RNNLayer.cell)]})
    count, following = _times("repeat", content), first
    if "num_layers" in content:
        if "repeat" in content:
            raise refuse("repeat", "no repeat beside num_layers", content["repeat"])
        count = _times("num_layers", content)
        if count > 1 and not first.residual:
            following = replace(first, input_size=first.output_size)
    place, above = _place(content, label, lasts), Place(label=label)
    if place.name and count > 1:
        name, lasts[place.name] = place.name, f"{place.name}.{count - 1}"
        names = [f"{name}.{index}" for index in range(count)]
        places = [replace(place, name=names[0]), *(replace(above, name=other) for other in names[1:])]
    else:
        places = [place] + [above] * (count - 1)
    return list(zip([first] + [following] * (count - 1), places, strict=True))


def _times(name: str, content: Mapping[str, Any]) -> int:
    times = check_integer(name, content.get(name, 1))
    if times > _MAX_REPEAT:
        raise refuse(name, f"at most {_MAX_REPEAT}", times)
    return times


def _place(content: Mapping[str, Any], label: str, lasts: Mapping[str, str]) -> Place:
    """Where an entry stands."""
    given = {name: value for name, value in content.items() if name in _PLACE_KEYS}
    for name in ("reads", "through"):
        if isinstance(given.get(name), str):
            given[name] = [given[name]]
    place = Place(**given, label=label, sequences=_own_sequences(content))
    reads = tuple(lasts.get(name, name) for name in place.reads)
    return replace(place, reads=reads, feedback=lasts.get(place.feedback, place.feedback))


def _own_sequences(content: Mapping[str, Any]) -> Sequences | None:
    """Steps and sequences that a layer has of its own."""
    if "seq_len" not in content:
        if "batch_size" in content:
            raise refuse("batch_size", "a seq_len with it", content["batch_size"])
        return None
    batch = _batch(content)
    return Sequences.of(batch["lengths"]) if "lengths" in batch else Sequences.equal(**batch)


def _suite(content: Mapping[str, Any], cells: _Cells) -> tuple[Network, ...]:
    if "networks" in content:
        return _suite_of_networks(content, cells)
    check_mapping("suite", content, _SUITE_KEYS, ("suite", "problems"))
    suite, title = check_text("suite", content["suite"]), content.get("title", "")
    provenance = provenances_from(content.get("provenance", {}), ("layers", "input_size", "hidden_size", "seq_len"))
    networks = []
    for index, entry in enumerate(check_list("problems", content["problems"])):
        with within(f"problems[{index}]"):
            networks.append(_problem(suite, title, provenance, entry, cells))
    return tuple(networks)


def _suite_of_networks(content: Mapping[str, Any], cells: _Cells) -> tuple[Network, ...]:
    """Networks that stand in one file, their names behind that of the suite."""
    check_mapping("suite", content, ("suite", "title", "networks"), ("suite", "networks"))
    suite, networks = check_text("suite", content["suite"]), []
    for index, entry in enumerate(check_list("networks", content["networks"])):
        with within(f"networks[{index}]"):
            network = _network(entry, cells)
            networks.append(replace(network, name=f"{suite}-{network.name}"))
    return tuple(networks)


def _problem(suite: str, title: str, provenance: Mapping[str, Provenance], entry: object, cells: _Cells) -> Network:
    problem = check_mapping("", entry, _PROBLEM_KEYS, ("cell", "hidden_size", "seq_len"))
    hidden_size, seq_len = problem["hidden_size"], problem["seq_len"]
    layer = RNNLayer(cell=cells[problem["cell"]], input_size=hidden_size, hidden_size=hidden_size)
    batch_size = problem.get("batch_size", 1)
    batch = "" if batch_size == 1 else f"-b{batch_size}"
    return Network(
        name=f"{suite}-{layer.cell_name}-h{hidden_size}-t{seq_len}{batch}",
        layers=(layer,),
        seq_len=seq_len,
        batch_size=batch_size,
        title=title,
        provenance=provenance,
    )


def shipped_networks() -> tuple[Network, ...]:
    """All networks that ship with sharp, suites unfolded, in the order of their files."""
    return tuple(network for path in shipped("networks") for network in load_networks(path))


def find_network(name: str, *, allow_code: bool = False, steps: int | None = None) -> Network:
    """The network of a shipped name, or of a file.

    Parameters
    ----------
    name : str
        A name that `sharp list networks` prints ("eesen", "deepbench-lstm-h512-t25"), or the path of a YAML file
        ("my.yaml") or of a file of another tool ("my.onnx").
    allow_code : bool
        As in `load_networks`.
    steps : int or None
        Time steps, of a file of another tool that leaves them open.

    Returns
    -------
    Network

    Raises
    ------
    SpecificationError
        Where there is no such name or file (with the nearest names), or the file is refused.

    Examples
    --------
    EESEN, the paper's speech recogniser, has five bidirectional LSTM layers:

    >>> import sharp
    >>> network = sharp.find_network("eesen")
    >>> len(network.layers), network.layers[0].hidden_size, network.seq_len
    (5, 340, 500)
    """
    if is_importable(name):
        from sharp.workload.importing.files import import_network  # only files of other tools need it

        return import_network(name, steps=steps)
    path = find_file(name, "networks")
    if path is None:
        suite = find_file(name.split("-")[0], "networks")
        for network in load_networks(suite) if suite else ():
            if network.name == name:
                return network
        known = [network.name for network in shipped_networks()]
        raise refuse(
            "network", "a name that `sharp list networks` prints or a YAML file", name, suggestion(name, known)
        )
    networks = load_networks(path, allow_code=allow_code)
    if len(networks) > 1:
        raise SpecificationError(
            f"network: expected one network, got the suite {name!r} of {len(networks)}, such as {networks[0].name!r}"
        )
    return networks[0]
