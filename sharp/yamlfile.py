"""YAML as sharp reads it: safe, with 5e8 a number, and no key twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sharp.errors import SpecificationError


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML that reads 5e8 as a number and refuses a key given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", node.start_mark)
        return dict(super().construct_mapping(node, deep=deep))


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), "-+0123456789")


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
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f", line {min(mark.line + 1, len(text.splitlines()))}" if mark else ""
        raise SpecificationError(
            f"{where}{line}: expected YAML, got: {problem or str(error).splitlines()[0]}"
        ) from None
