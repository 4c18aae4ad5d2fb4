"""Docstrings: the examples run and print what they say; what `sharp` exports has one."""

import doctest
import inspect
from importlib import import_module
from pathlib import Path

import pytest

import sharp

PACKAGE = Path(sharp.__file__).parent
EXPORTED = [name for name in sharp.__all__ if callable(getattr(sharp, name))]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


WITH_EXAMPLES = [  # found without importing them
    ".".join(["sharp", *path.relative_to(PACKAGE).with_suffix("").parts])
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_print_what_they_say(name):
    outcome = doctest.testmod(import_module(name), optionflags=FLAGS)
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize("name", EXPORTED)
def test_what_sharp_exports_has_a_worked_example(name):
    assert ">>> " in inspect.getdoc(getattr(sharp, name))
