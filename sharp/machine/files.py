"""Accelerators of tiles from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sharp.checks import check_mapping, check_name, refuse, suggestion, within
from sharp.machine.accelerator import OPTIONAL, UNITS, Accelerator
from sharp.machine.budget import Budget
from sharp.machine.memories import BUFFERS, MemoryLevel
from sharp.plugins import refuse_code
from sharp.provenance import Provenance
from sharp.published import PROVENANCE_KEYS, provenance_from
from sharp.quantities import in_unit
from sharp.shipped import DATA, find_file, shipped
from sharp.yamlfile import read_yaml


def load_accelerator(path: Path, *, allow_code: bool = False) -> Accelerator:
    """Load a machine of tiles from a file.

    Parameters
    ----------
    path : Path
        A YAML file with each parameter of `Accelerator`, as a number or as a mapping with value, unit, source, status
        and range; or with ``like: sharp`` and what differs.
    allow_code : bool
        Whether its plan may name the schedule of a Python file, whose code runs where the machine does.

    Returns
    -------
    Accelerator

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.

    Examples
    --------
    >>> import sharp
    >>> from sharp.shipped import DATA
    >>> sharp.load_accelerator(DATA / "accelerators" / "epur.yaml").plan.schedule
    'sequential'
    """
    content = read_yaml(path)
    with within(f"{path}: "):
        return accelerator_from({"name": path.stem, **content}, allow_code=allow_code)


def _model(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the file of the machine says that another one is like; nothing where it is like none."""
    if "like" not in content:
        return {}
    name = check_name("like", content["like"], accelerator_names())
    base = read_yaml(DATA / "accelerators" / f"{name}.yaml")
    if "like" in base:
        raise refuse("like", f"a machine that is not itself like another, such as {base['like']}", name)
    return base


def accelerator_from(content: Mapping[str, Any], *, allow_code: bool = False) -> Accelerator:
    """The accelerator that the content of a file describes (`load_accelerator`)."""
    base = _model(content)
    content = {**base, **{key: value for key, value in content.items() if key != "like"}}
    required = [name for name in UNITS if name not in OPTIONAL]
    check_mapping("accelerator", content, ("kind", "name", *UNITS, "budgets", "plan", "like"), ("name", *required))
    check_name("kind", content.get("kind", "tiles"), ("tiles",))
    values: dict[str, Any] = {}
    provenance: dict[str, Provenance] = {}
    for name in (name for name in UNITS if name in content):
        with within(name):
            values[name], provenance[name] = _parameter(name, content[name])
            if name in base:
                provenance[name] = _with_range(provenance[name], _parameter(name, base[name])[1])
    budgets, plan = _budgets(content.get("budgets", {})), content.get("plan", {})
    if isinstance(plan, Mapping):
        refuse_code("plan.schedule", plan.get("schedule"), allow_code)
    machine = Accelerator(name=content["name"], budgets=budgets, plan=plan, provenance=provenance, **values)
    with within("plan"):
        machine.heights(machine.plan)
    return machine


def _with_range(own: Provenance, other: Provenance) -> Provenance:
    """Where a number comes from, with the range of the one in whose place a user puts it, unless it says its own."""
    return own if own.status != "given" or own.low is not None else replace(own, low=other.low, high=other.high)


def _parameter(name: str, entry: object) -> tuple[Any, Provenance]:
    if not isinstance(entry, Mapping):
        entry = {"value": entry}
    check_mapping("", entry, ("value", *PROVENANCE_KEYS), ("value",))
    if entry.get("unit", UNITS[name]) != UNITS[name]:
        raise refuse("unit", UNITS[name], entry["unit"])
    value: Any = in_unit("value", entry["value"], UNITS[name])
    provenance = provenance_from({"unit": UNITS[name], **entry})
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
            fields = check_mapping("", entry, (*known, *PROVENANCE_KEYS), known)
            name = str(label).upper()
            if name in budgets:
                raise refuse("label", "each label once, in capitals or not", label)
            clock_hz = in_unit("clock_hz", fields["clock_hz"], "Hz")
            origin = provenance_from(fields)
            budgets[name] = Budget(num_macs=fields["num_macs"], clock_hz=clock_hz, provenance=origin)
    return budgets


def accelerator_names() -> list[str]:
    """Names of the accelerators of tiles that ship."""
    return [path.stem for path in shipped("accelerators")]


def shipped_accelerators() -> tuple[Accelerator, ...]:
    """All accelerators that ship with sharp."""
    return tuple(load_accelerator(path) for path in shipped("accelerators"))


def find_accelerator(name: str, *, allow_code: bool = False) -> Accelerator:
    """The machine of tiles of a shipped name, or of a file.

    Parameters
    ----------
    name : str
        "sharp"; "epur" or "epur-intergate", E-PUR on SHARP's hardware in two readings; "epur-own", its own machine; or
        the path of a YAML file ("mine.yaml").
    allow_code : bool
        As in `load_accelerator`.

    Returns
    -------
    Accelerator

    Raises
    ------
    SpecificationError
        Where there is no such name or file (with the nearest names), or the file is refused.

    Examples
    --------
    >>> import sharp
    >>> machine = sharp.find_accelerator("sharp")
    >>> machine.name, machine.plan.schedule, sorted(machine.budgets)
    ('sharp', 'unfolded', ['16K', '1K', '4K', '64K', '96K'])
    """
    path = find_file(name, "accelerators")
    if path is None:
        known = accelerator_names()
        raise refuse("accelerator", f"{', '.join(known)} or a YAML file", name, suggestion(name, known))
    return load_accelerator(path, allow_code=allow_code)
