"""YAML as sharp reads it: safe, with 5e8 a number, and no key twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from sharp.errors import SpecificationError

_REPLACED = ("int", "float", "timestamp")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,30})$")
_FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$")
_NOT_YAML = (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError)
"""What PyYAML raises for text that is no YAML, or whose tags do not fit their values."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML with the numbers of YAML 1.2: 5e8 is one; 010, 1:30 and dates are texts. No key comes twice."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in _REPLACED]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        content = dict(super().construct_mapping(node, deep=deep))
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", node.start_mark)
        return content


_Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, "-+0123456789")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, "-+.0123456789")


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Read a YAML file whose top is a mapping.

    Raises
    ------
    SpecificationError
        Where the file cannot be read, is no YAML, or its top is no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SpecificationError(f"{path}: expected a readable YAML file, got: {reason}") from None
    content = parse(str(path), text)
    if not isinstance(content, Mapping):
        raise SpecificationError(f"{path}: expected a mapping at the top, got {type(content).__name__}")
    return content


def parse(where: str, text: str) -> Any:
    """Parse YAML; `where` names it in the error."""
    try:
        return yaml.load(text, Loader=_Loader)
    except _NOT_YAML as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f", line {min(mark.line + 1, len(text.splitlines()))}" if mark else ""
        raise SpecificationError(
            f"{where}{line}: expected YAML, got: {problem or str(error).splitlines()[0]}"
        ) from None
