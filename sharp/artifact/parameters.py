"""A notebook's parameters: what is given must be there and of the kind of the notebook's own value."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from sharp.checks import refuse, suggestion
from sharp.errors import SpecificationError
from sharp.quantities import in_unit

_TEXT, _NUMBER, _FLAG, _LIST, _MAPPING = "a text", "a number", "true or false", "a list", "a mapping"
_CALLS = {
    **dict.fromkeys(("list", "sorted", "range", "tuple", "set"), _LIST),
    **dict.fromkeys(("int", "float", "abs", "round", "sum", "len"), _NUMBER),
    **{"dict": _MAPPING, "str": _TEXT, "bool": _FLAG},
}
_ENDINGS = {
    **{"_bytes_per_s": "byte/s", "_bytes": "byte", "_hz": "Hz", "_ns": "ns", "_s": "s"},
    **{"_w": "W", "_mm2": "mm2", "_um2": "um2", "_nm": "nm", "_pj": "pJ"},
}
"""How names of quantities end, by the unit that they are in."""
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that JSON may hold but YAML may not, or takes for the end of a line."""


def read_defaults(notebook: Path, content: NotebookNode) -> dict[str, str]:
    """The notebook's own value of each parameter, as Python: what its cell tagged ``parameters`` assigns.

    Raises
    ------
    SpecificationError
        Where that cell is no Python.
    """
    cells = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
    source = re.sub(r"^\s*[%!].*", "", cells[0].source, flags=re.MULTILINE) if cells else ""  # IPython's own lines
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise SpecificationError(f"{notebook}: expected a cell of parameters that is Python, got: {error}") from None
    defaults = {}
    for statement in statements:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        if len(targets) == 1 and isinstance(targets[0], ast.Name) and value is not None:
            text = ast.get_source_segment(source, value) or ""
            defaults[targets[0].id] = ast.unparse(value) if "\n" in text else text
    return defaults


def check_name(where: str, name: object, defaults: Mapping[str, str]) -> None:
    """See that the notebook has a parameter of this name."""
    if name not in defaults:
        hint = suggestion(name, defaults) or f" (it has {', '.join(defaults) or 'none'})"
        raise SpecificationError(f"{where}: expected no parameter {name!r}{hint}")


def read_value(where: str, value: Any, name: str, default: str) -> Any:
    """A value that can be written down, and is of the kind of the notebook's own, where that can be told.

    Where the notebook has numbers under a name that ends in a unit, as ``deadline_s``, texts such as "50ms" are read.

    Parameters
    ----------
    where : str
        Names the value in the error.
    value : any
        As YAML gives it.
    name : str
        The parameter.
    default : str
        The notebook's own value, as Python.

    Raises
    ------
    SpecificationError
        For instance ``macs: expected a list, as the notebook's own ["1K"], got '64K'``.
    """
    try:
        plain = _is_plain(value)
    except RecursionError:
        plain = False
    if not plain:
        raise refuse(where, "texts, finite numbers, lists and mappings of texts to such", value)
    shown, own = default if len(default) <= 60 else default[:57] + "...", ast.parse(default, mode="eval").body
    unit = next((unit for ending, unit in _ENDINGS.items() if name.lower().endswith(ending)), "1")
    value = _in_unit(where, value, unit, own)
    _check_kind(where, value, own, f"as the notebook's own {shown}")
    return value


def write_parameters(parameters: Mapping[str, Any]) -> str:
    """Parameters as YAML that reads the same everywhere: JSON, which quotes what YAML would take for something else."""
    lines = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in parameters.items())
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", "".join(lines))


def _in_unit(where: str, value: Any, unit: str, own: ast.expr) -> Any:
    """A value in which texts are quantities of a unit where the notebook's own has numbers."""
    if isinstance(own, ast.List | ast.Tuple) and isinstance(value, list) and own.elts:
        return [_in_unit(f"{where}[{place}]", entry, unit, own.elts[0]) for place, entry in enumerate(value)]
    return in_unit(where, value, unit) if _kind(own) == _NUMBER else value


def _check_kind(where: str, value: Any, own: ast.expr, reason: str) -> None:
    """See that a value is of the kind of an expression, and its entries of that of its entries, if they share one."""
    kind = _kind(own)
    if kind is not None and _kind_of(value) != kind:
        raise refuse(where, f"{kind}, {reason}", value)
    entries = own.elts if isinstance(own, ast.List | ast.Tuple) else []
    if not isinstance(value, list) or len({_kind(entry) for entry in entries}) != 1:
        return
    sizes = {len(entry.elts) for entry in entries if isinstance(entry, ast.List | ast.Tuple)}
    for place, entry in enumerate(value):
        _check_kind(f"{where}[{place}]", entry, entries[0], reason)
        if len(sizes) == 1 and len(entry) not in sizes:
            raise refuse(f"{where}[{place}]", f"a list of {sizes.pop()}, {reason}", entry)


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return not re.search("[\ud800-\udfff]", value)
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(key) and _is_plain(entry) for key, entry in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))


def _kind_of(value: Any) -> str | None:
    if isinstance(value, bool):
        return _FLAG
    kinds = {str: _TEXT, int: _NUMBER, float: _NUMBER, list: _LIST, dict: _MAPPING}
    return kinds.get(type(value))


def _kind(node: ast.expr) -> str | None:
    """The kind of a Python expression as far as its form says; None where only running it would."""
    match node:
        case ast.Constant(value=value):
            return _kind_of(value)
        case ast.List() | ast.Tuple() | ast.Set() | ast.ListComp() | ast.SetComp():
            return _LIST
        case ast.Dict() | ast.DictComp():
            return _MAPPING
        case ast.JoinedStr():
            return _TEXT
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _kind(operand)
        case ast.BinOp(left=left, right=right):
            kinds = {_kind(left), _kind(right)} - {_NUMBER} or {_NUMBER}  # a number may only repeat the other side
            return kinds.pop() if len(kinds) == 1 else None
        case ast.Call(func=ast.Name(id=name)):
            return _CALLS.get(name)
    return None
