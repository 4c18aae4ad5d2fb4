"""Files to dataclasses: networks, suites of one-layer problems, accelerators, published numbers.

The shipped files lie in ``sharp/data``; a user's file has the same form. No mapping leaves this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharp.accelerator import BUFFERS, UNITS, Accelerator, Budget, MemoryLevel
from sharp.checks import check_integer, check_list, check_mapping, check_name, check_text, refuse, suggestion, within
from sharp.errors import SpecificationError
from sharp.points import Grid, check_column, grid
from sharp.provenance import Provenance, PublishedNumber
from sharp.workload import Network, RNNLayer

if TYPE_CHECKING:
    from sharp.technology import Technology

DATA = Path(__file__).parent / "data"
_PROVENANCE_KEYS = ("unit", "source", "status", "range")
_NETWORK_KEYS = ("name", "title", "seq_len", "batch_size", "layers", "provenance")
_SUITE_KEYS = ("suite", "title", "problems", "provenance")
_PROBLEM_KEYS = ("cell", "hidden_size", "seq_len", "batch_size")
_LAYER_KEYS = (*RNNLayer.__dataclass_fields__, "repeat")
_MAX_REPEAT = 10_000


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Read a YAML file whose top is a mapping (`sharp.yamlfile.read_yaml`)."""
    from sharp import yamlfile  # PyYAML would cost every `import sharp` a quarter of its time

    return yamlfile.read_yaml(path)


def parse_value(where: str, text: str) -> Any:
    """Read one YAML value from the command line, such as 128, 5e8 or [32, 64]."""
    from sharp import yamlfile

    return yamlfile.parse(where, text)


def _provenance(entry: Mapping[str, Any]) -> Provenance:
    low, high = None, None
    if entry.get("range") is not None:
        bounds = check_list("range", entry["range"])
        if len(bounds) != 2 or not all(isinstance(bound, int | float) for bound in bounds):
            raise refuse("range", "two numbers, the lower one first", bounds)
        low, high = bounds
    return Provenance(
        source=entry.get("source", "the user's file"),
        status=entry.get("status", "given"),
        unit=entry.get("unit", "1"),
        low=low,
        high=high,
    )


def _provenances(entries: object, known: tuple[str, ...]) -> dict[str, Provenance]:
    result = {}
    for name, entry in check_mapping("provenance", entries, known).items():
        with within(f"provenance.{name}"):
            result[name] = _provenance(check_mapping("", entry, _PROVENANCE_KEYS, ("source", "status")))
    return result


# Networks ------------------------------------------------------------------------------------------------------------


def load_networks(path: Path) -> tuple[Network, ...]:
    """Load the network of a file, or all networks of a suite.

    Parameters
    ----------
    path : Path
        A YAML file: a network (keys name, layers, seq_len, ...) or a suite (keys suite, problems, ...).

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    return _networks(path, read_yaml(path))


def _networks(path: Path, content: Mapping[str, Any]) -> tuple[Network, ...]:
    with within(f"{path}: "):
        return _suite(content) if "suite" in content else (_network(content),)


def _network(content: Mapping[str, Any]) -> Network:
    check_mapping("network", content, _NETWORK_KEYS, ("name", "layers", "seq_len"))
    layers: list[RNNLayer] = []
    for index, entry in enumerate(check_list("layers", content["layers"])):
        with within(f"layers[{index}]"):
            layers.extend(_layers(entry))
    return Network(
        name=content["name"],
        layers=tuple(layers),
        **_batch(content),
        title=content.get("title", ""),
        provenance=_provenances(content.get("provenance", {}), ("layers", "input_size", "hidden_size", "seq_len")),
    )


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


def _layers(entry: object) -> list[RNNLayer]:
    fields = dict(check_mapping("", entry, _LAYER_KEYS, ("input_size", "hidden_size")))
    repeat = check_integer("repeat", fields.pop("repeat", 1))
    if repeat > _MAX_REPEAT:
        raise refuse("repeat", f"at most {_MAX_REPEAT}", repeat)
    return [RNNLayer(**fields)] * repeat


def _suite(content: Mapping[str, Any]) -> tuple[Network, ...]:
    check_mapping("suite", content, _SUITE_KEYS, ("suite", "problems"))
    suite, title = check_text("suite", content["suite"]), content.get("title", "")
    provenance = _provenances(content.get("provenance", {}), ("layers", "input_size", "hidden_size", "seq_len"))
    networks = []
    for index, entry in enumerate(check_list("problems", content["problems"])):
        with within(f"problems[{index}]"):
            networks.append(_problem(suite, title, provenance, entry))
    return tuple(networks)


def _problem(suite: str, title: str, provenance: Mapping[str, Provenance], entry: object) -> Network:
    problem = check_mapping("", entry, _PROBLEM_KEYS, ("cell", "hidden_size", "seq_len"))
    cell, hidden_size, seq_len = problem["cell"], problem["hidden_size"], problem["seq_len"]
    batch_size = problem.get("batch_size", 1)
    batch = "" if batch_size == 1 else f"-b{batch_size}"
    return Network(
        name=f"{suite}-{cell}-h{hidden_size}-t{seq_len}{batch}",
        layers=(RNNLayer(cell=cell, input_size=hidden_size, hidden_size=hidden_size),),
        seq_len=seq_len,
        batch_size=batch_size,
        title=title,
        provenance=provenance,
    )


def shipped_networks() -> tuple[Network, ...]:
    """All networks that ship with sharp, suites unfolded, in the order of their files."""
    return tuple(network for path in _shipped("networks") for network in load_networks(path))


def find_network(name: str) -> Network:
    """The network of a shipped name ("eesen", "deepbench-lstm-h512-t25") or of a file ("my.yaml").

    Raises
    ------
    SpecificationError
        Where there is no such name or file (with the nearest names), or the file is refused.
    """
    path = _path(name, "networks")
    if path is None:
        suite = _path(name.split("-")[0], "networks")
        for network in load_networks(suite) if suite else ():
            if network.name == name:
                return network
        known = [network.name for network in shipped_networks()]
        raise refuse(
            "network", "a name that `sharp list networks` prints or a YAML file", name, suggestion(name, known)
        )
    networks = load_networks(path)
    if len(networks) > 1:
        raise SpecificationError(
            f"network: expected one network, got the suite {name!r} of {len(networks)}, such as {networks[0].name!r}"
        )
    return networks[0]


def _shipped(kind: str) -> list[Path]:
    """The files of a kind that ship, by name."""
    return sorted((DATA / kind).glob("*.yaml"), key=lambda path: path.stem)


def _path(name: str, kind: str) -> Path | None:
    """The file of a shipped name, or the user's own; None where the name is neither."""
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    return next((path for path in _shipped(kind) if path.stem == name), None)


# Accelerators --------------------------------------------------------------------------------------------------------


def load_accelerator(path: Path) -> Accelerator:
    """Load an accelerator; each parameter is a number, or a mapping with value, unit, source, status and range.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    return _accelerator(path, read_yaml(path))


def _accelerator(path: Path, content: Mapping[str, Any]) -> Accelerator:
    with within(f"{path}: "):
        return accelerator_from(content)


def _completed(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the file of a machine says, and for the rest the machine that it is like."""
    if "like" not in content:
        return content
    name = check_name("like", content["like"], accelerator_names())
    base = read_yaml(DATA / "accelerators" / f"{name}.yaml")
    if "like" in base:
        raise refuse("like", f"a machine that is not itself like another, such as {base['like']}", name)
    return {**base, **{key: value for key, value in content.items() if key != "like"}}


def accelerator_from(content: Mapping[str, Any]) -> Accelerator:
    """The accelerator that the content of a file describes."""
    content = _completed(content)
    check_mapping("accelerator", content, ("name", *UNITS, "budgets", "plan", "like"), ("name", *UNITS))
    values: dict[str, Any] = {}
    provenance: dict[str, Provenance] = {}
    for name in UNITS:
        with within(name):
            values[name], provenance[name] = _parameter(name, content[name])
    budgets, plan = _budgets(content.get("budgets", {})), content.get("plan", {})
    machine = Accelerator(name=content["name"], budgets=budgets, plan=plan, provenance=provenance, **values)
    with within("plan"):
        machine.heights(machine.plan)
    return machine


def _parameter(name: str, entry: object) -> tuple[Any, Provenance]:
    if not isinstance(entry, Mapping):
        entry = {"value": entry}
    check_mapping("", entry, ("value", *_PROVENANCE_KEYS), ("value",))
    if entry.get("unit", UNITS[name]) != UNITS[name]:
        raise refuse("unit", UNITS[name], entry["unit"])
    value: Any = entry["value"]
    provenance = _provenance({"unit": UNITS[name], **entry})
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        if isinstance(number, int | float) and not provenance.covers(number):
            raise refuse("value", f"a number in its own range {provenance.low} to {provenance.high}", number)
    if name in BUFFERS:
        return MemoryLevel(capacity_bytes=value), provenance
    return tuple(numbers) if name == "tile_rows" else value, provenance


def _budgets(entries: object) -> dict[str, Budget]:
    if not isinstance(entries, Mapping):
        raise refuse("budgets", "a mapping of labels", entries)
    budgets = {}
    for label, entry in entries.items():
        with within(f"budgets.{label}"):
            known = ("num_macs", "clock_hz")
            fields = check_mapping("", entry, (*known, *_PROVENANCE_KEYS), known)
            name = str(label).upper()
            if name in budgets:
                raise refuse("label", "each label once, in capitals or not", label)
            budgets[name] = Budget(**{key: fields[key] for key in known}, provenance=_provenance(fields))
    return budgets


def accelerator_names() -> list[str]:
    """Names of the accelerators of tiles that ship."""
    return [path.stem for path in _shipped("accelerators")]


def shipped_accelerators() -> tuple[Accelerator, ...]:
    """All accelerators that ship with sharp."""
    return tuple(load_accelerator(path) for path in _shipped("accelerators"))


def find_accelerator(name: str) -> Accelerator:
    """The accelerator of a shipped name ("sharp") or of a file ("my.yaml").

    Raises
    ------
    SpecificationError
        Where there is no such name or file (with the nearest names), or the file is refused.
    """
    path = _path(name, "accelerators")
    if path is None:
        known = accelerator_names()
        raise refuse("accelerator", f"{', '.join(known)} or a YAML file", name, suggestion(name, known))
    return load_accelerator(path)


def shipped_technologies() -> tuple[Technology, ...]:
    """All technologies that ship with sharp."""
    from sharp.technology import load_technology  # only energy needs it, and start-up counts

    return tuple(load_technology(path) for path in _shipped("technology"))


def load_file(path: Path) -> tuple[Network, ...] | Accelerator | Technology:
    """Load a network, a suite, an accelerator or a technology, told apart by its keys."""
    return file_from(path, read_yaml(path))


def file_from(path: Path, content: Mapping[str, Any]) -> tuple[Network, ...] | Accelerator | Technology:
    """What the content of a file describes (`load_file`)."""
    if "voltage_v" in content:
        from sharp.technology import technology_from  # nothing else needs it yet, and start-up counts

        with within(f"{path}: "):
            return technology_from(content)
    is_workload = {"layers", "suite", "seq_len"} & set(content)
    return _networks(path, content) if is_workload else _accelerator(path, content)


# Design spaces -------------------------------------------------------------------------------------------------------


def load_grid(path: Path) -> Grid:
    """Load a grid of points: a mapping of columns (`sharp.points.COLUMNS`) to a value, a list, or from, to and step.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    content = read_yaml(path)
    with within(f"{path}: "):
        return grid(**{name: _axis(name, values) for name, values in content.items()})


def _axis(name: str, values: Any) -> Any:
    check_column(name)
    if isinstance(values, Mapping):
        with within(f"points.{name}"):
            check_mapping("", values, ("from", "to", "step"), ("from", "to"))
            first, last = check_integer("from", values["from"]), check_integer("to", values["to"])
            if last < first:
                raise refuse("to", f"at least {first}, as from", last)
            return range(first, last + 1, check_integer("step", values.get("step", 1)))
    if name == "lengths" and isinstance(values, list):
        return [tuple(value) if isinstance(value, list) else value for value in values]
    return values


# Numbers to compare with ---------------------------------------------------------------------------------------------


def published_numbers() -> dict[str, PublishedNumber]:
    """Numbers that the paper prints and the book compares with, by id (``sharp/data/published.yaml``)."""
    return load_numbers(DATA / "published.yaml")


def load_numbers(path: Path) -> dict[str, PublishedNumber]:
    """Load numbers by id, each a mapping with value, unit, source, status and, if it has one, range.

    Raises
    ------
    SpecificationError
        With the file, the number, what was expected and what was got.
    """
    return numbers_from(path, read_yaml(path))


def numbers_from(path: Path, content: Mapping[str, Any]) -> dict[str, PublishedNumber]:
    """Numbers that the content of a file lists (`load_numbers`)."""
    numbers = {}
    for name, entry in content.items():
        with within(f"{path}: {name}"):
            check_mapping("", entry, ("value", *_PROVENANCE_KEYS), ("value", "unit", "source", "status"))
            provenance = _provenance(entry)
            if not provenance.covers(entry["value"]):
                raise refuse(
                    "value", f"a number in its own range {provenance.low} to {provenance.high}", entry["value"]
                )
            numbers[name] = PublishedNumber(value=entry["value"], provenance=provenance)
    return numbers
