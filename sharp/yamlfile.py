"""YAML as sharp reads it: safe, bounded, with 5e8 a number, and no key twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sharp.errors import SpecificationError
from sharp.files import read_input

_NOT_YAML = (ValueError, TypeError, AttributeError, RecursionError)
"""What PyYAML raises, besides errors of its own, for tags that do not fit their values."""


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Read a YAML file whose top is a mapping.

    Parameters
    ----------
    path : Path
        May be a pipe, which is read once.

    Returns
    -------
    mapping
        The values of JSON: mappings, lists, texts, integers, floats, booleans and None.

    Raises
    ------
    SpecificationError
        Where the file cannot be read, is no YAML, is larger or deeper than `sharp.files.MAX_BYTES` and
        `sharp.yamlloader` allow, or its top is no mapping.
    """
    content = parse(str(path), read_input(path, "YAML file"))
    if not isinstance(content, Mapping):
        got = "nothing" if content is None else type(content).__name__
        raise SpecificationError(f"{path}: expected a mapping at the top, got {got}")
    return content


def parse(where: str, text: str) -> Any:
    """Parse YAML; `where` names it in the error."""
    import yaml  # a quarter of the time that `import sharp` takes

    from sharp.yamlloader import Loader

    try:
        return yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, *_NOT_YAML) as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f", line {min(mark.line + 1, len(text.splitlines()))}" if mark else ""
        context = getattr(error, "context", None) or "while reading"
        said = problem if context.startswith("while") else f"{context} {problem}"
        raise SpecificationError(f"{where}{line}: expected YAML, got: {said or str(error).splitlines()[0]}") from None
