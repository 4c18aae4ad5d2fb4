"""The loader behind `sharp.yamlfile`: the values of JSON, no key twice, nothing deeper or larger than people write."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml
from yaml.composer import Composer, ComposerError
from yaml.events import AliasEvent, ScalarEvent
from yaml.nodes import ScalarNode

MAX_DEPTH = 50
"""Most mappings and lists inside each other."""
MAX_VALUES = 200_000
"""Most keys and values, with every alias counted as all that it stands for."""

_LONG_TEXT = 64
"""Characters of a text that count as a value: an alias of a long text stands for much, too."""
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)$")
_FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$")
_REPLACED = ("int", "float", "timestamp", "value")
_KEPT = ("null", "bool", "int", "float", "str", "seq", "map")
_MERGE = "tag:yaml.org,2002:merge"


class _Bounded(Composer):
    """Composes a document while it counts; PyYAML's own in C calls itself until the process ends."""

    def __init__(self) -> None:
        Composer.__init__(self)
        self._depth = self._values = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[attr-defined]
        if isinstance(event, AliasEvent):
            self._count(self._size(event), event)
            return super().compose_node(parent, index)
        first = self._values
        self._count(1 + len(getattr(event, "value", "")) // _LONG_TEXT, event)
        for known in (self.anchors, self._sizes):
            known.pop(event.anchor, None)  # YAML lets a later anchor take the name of an earlier one
        inside = not isinstance(event, ScalarEvent)
        self._depth += inside
        if self._depth > MAX_DEPTH:
            raise _error(f"more than {MAX_DEPTH} lists and mappings inside each other", event)
        node = super().compose_node(parent, index)
        self._depth -= inside
        if event.anchor is not None:
            self._sizes[event.anchor] = self._values - first
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        keys = set()
        for key, _ in node.value:
            if not isinstance(key, ScalarNode):
                raise _error("a key that is neither a text nor a number", key)
            content = key.value if key.tag == _MERGE else self.construct_object(key)  # type: ignore[attr-defined]
            if content in keys:
                raise _error(f"key {key.value!r} is given twice", key)
            keys.add(content)
        return node

    def _size(self, alias: Any) -> int:
        """Keys and values that an alias stands for."""
        if alias.anchor in self.anchors and alias.anchor not in self._sizes:
            raise _error(f"alias {alias.anchor!r} of what it stands in", alias)
        return self._sizes.get(alias.anchor, 0)

    def _count(self, number: int, event: Any) -> None:
        self._values += number
        if self._values > MAX_VALUES:
            raise _error(f"more than {MAX_VALUES:,} keys and values (an alias counts as what it stands for)", event)


def _error(problem: str, place: Any) -> ComposerError:
    return ComposerError(None, None, problem, place.start_mark)


_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(_Bounded, _Safe):  # type: ignore[misc]
    """The values of JSON, with the numbers of YAML 1.2: 5e8 is one; 010, 1:30 and dates are texts."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in _REPLACED]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        tag: constructor
        for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in _KEPT
    }

    def __init__(self, text: str) -> None:
        _Bounded.__init__(self)
        _Safe.__init__(self, text)


Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))
Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))
