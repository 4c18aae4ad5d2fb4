"""Technologies from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sharp.checks import check_flag, check_list, check_mapping, check_name, refuse, suggestion, within
from sharp.energy.sram import NODES_NM, check_conditions
from sharp.energy.technology import (
    ENERGIES,
    FLAVOURS,
    PLACES,
    SETTING_UNITS,
    UNITS,
    Technology,
    check_node,
    check_setting,
    scale_energy,
    scaled_provenance,
)
from sharp.provenance import Provenance
from sharp.quantities import in_unit
from sharp.shipped import find_file, shipped
from sharp.yamlfile import read_yaml

_TEXTS = ("flavour", "cell_type")
_NUMBERS = (*PLACES, *_TEXTS, *UNITS)
_KEYS = ("value", "unit", "source", "status", "range", "input", "measured_at")


def find_technology(name: str) -> Technology:
    """The technology of a shipped name, or of a file.

    Parameters
    ----------
    name : str
        A name that `sharp list technologies` prints ("32nm"), or the path of a YAML file ("my_node.yaml").

    Returns
    -------
    Technology

    Raises
    ------
    SpecificationError
        Where there is no such name or file (with the nearest names), or the file is refused.

    Examples
    --------
    >>> import sharp
    >>> sharp.find_technology("32nm").temperature_k
    360
    """
    path = find_file(name, "technology")
    if path is None:
        known = [path.stem for path in shipped("technology")]
        raise refuse("technology", f"{', '.join(known)} or a YAML file", name, suggestion(name, known))
    return load_technology(path)


def shipped_technologies() -> tuple[Technology, ...]:
    """All technologies that ship with sharp."""
    return tuple(load_technology(path) for path in shipped("technology"))


def load_technology(path: Path) -> Technology:
    """Load a technology from a file.

    Parameters
    ----------
    path : Path
        A YAML file with every number of `Technology`, plain or as a mapping with value, unit, source, status, range and
        measured_at. An energy of logic that was measured elsewhere (``measured_at``, for one or for all) is scaled to
        the file's node. Or ``like: 32nm`` and what differs.

    Returns
    -------
    Technology

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    content = read_yaml(path)
    with within(f"{path}: "):
        return technology_from(content)


def technology_from(content: Mapping[str, Any]) -> Technology:
    """The technology that the content of a file describes."""
    base = _model(content)
    check_mapping(
        "technology", content, ("name", "like", *_NUMBERS, "measured_at"), ("name", *(() if base else _NUMBERS))
    )
    entries = {name: _entry(name, content[name]) for name in _NUMBERS if name in content}
    values = {name: entry["value"] for name, entry in entries.items()}
    provenance = {name: entry["provenance"] for name, entry in entries.items()}
    inputs = frozenset(name for name, entry in entries.items() if entry["input"])
    if base is not None:
        base = base.scaled(values.get("node_nm", base.node_nm), values.get("voltage_v", base.voltage_v))
        values = {name: getattr(base, name) for name in _NUMBERS} | values
        provenance = {**base.provenance, **provenance}
        inputs |= base.inputs - entries.keys()
    here = values["node_nm"], values["voltage_v"], check_name("flavour", values["flavour"], FLAVOURS)
    for name in (name for name in ENERGIES if name in entries):
        place = entries[name]["measured_at"] or content.get("measured_at")
        if place is not None:
            with within(f"{name}.measured_at"):
                factor, note = _from_place(place, *here)
            if factor != 1:
                values[name] = factor * values[name]
                provenance[name] = scaled_provenance(provenance[name], factor, note)
    technology = Technology(name=content["name"], inputs=inputs, provenance=provenance, **values)
    check_node("node_nm", technology.node_nm)
    check_conditions(technology.cell_type, technology.temperature_k, max(technology.node_nm, min(NODES_NM)))
    return technology


def _model(content: Mapping[str, Any]) -> Technology | None:
    """The technology that ships and that the file's is ``like``; None where it is like none."""
    if "like" not in content:
        return None
    known = {path.stem: path for path in shipped("technology")}
    path = known[check_name("like", content["like"], known)]
    if "like" in read_yaml(path):
        raise refuse("like", "a technology that is not itself like another", content["like"])
    return load_technology(path)


def _from_place(place: object, node_nm: float, voltage_v: float, flavour: str) -> tuple[float, str]:
    """The factor from where an energy was measured, and what it is."""
    start = check_mapping("", place, PLACES, PLACES)
    factor = scale_energy(1.0, start["node_nm"], start["voltage_v"], node_nm, voltage_v, flavour)
    return factor, f"from {start['node_nm']} nm, {start['voltage_v']} V"


def _entry(name: str, content: object) -> dict[str, Any]:
    """Value, provenance and place of one number or text."""
    with within(name):
        entry = check_mapping("", content if isinstance(content, Mapping) else {"value": content}, _KEYS, ("value",))
        unit = SETTING_UNITS.get(name, "1")
        if entry.get("unit", unit) != unit:
            raise refuse("unit", unit, entry["unit"])
        low, high = _range(entry.get("range"), unit)
        source, status = entry.get("source", "the user's file"), entry.get("status", "given")
        provenance = Provenance(source=source, status=status, unit=unit, low=low, high=high)
        value = entry["value"]
        if name not in _TEXTS:
            value = check_setting(name, in_unit("value", value, unit), "value")
        if name not in _TEXTS and not provenance.covers(value):
            raise refuse("value", f"a number in its own range {low} to {high}", value)
        is_input = check_flag("input", entry.get("input", False))
    return {"value": value, "provenance": provenance, "input": is_input, "measured_at": entry.get("measured_at")}


def _range(bounds: object, unit: str) -> tuple[float | None, float | None]:
    if bounds is None:
        return None, None
    numbers = [in_unit("range", bound, unit) for bound in check_list("range", bounds)]
    if len(numbers) != 2 or not all(isinstance(number, int | float) for number in numbers):
        raise refuse("range", "two numbers, the lower one first", bounds)
    return numbers[0], numbers[1]
