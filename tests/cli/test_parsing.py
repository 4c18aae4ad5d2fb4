"""Each option once, outputs that are named."""

from importlib import import_module

import click
import pytest

from sharp.cli.group import COMMANDS
from sharp.cli.parsing import Output

OPTIONS = [
    (name, option)
    for name in COMMANDS
    for option in import_module(f"sharp.cli.{name}").command.params
    if isinstance(option, click.Option)
]
SAID = {click.INT: "1", click.FLOAT: "1.0"}
"""A value that the type of an option takes, where not any text is one."""


def given(option):
    """An option as it is given once."""
    value = "3" if isinstance(option.type, click.IntRange) else SAID.get(option.type, "x")
    return [option.opts[0]] if option.is_flag else [option.opts[0], value]


@pytest.mark.parametrize(
    ("name", "option"), OPTIONS, ids=[f"{name}{max(option.opts, key=len)}" for name, option in OPTIONS]
)
def test_an_option_is_given_once_or_all_times_count(command, name, option):
    outcome = command(name, *given(option), *given(option))
    assert ("expected it once, got it 2 times" in outcome.err) == (not option.multiple), outcome
    assert option.multiple or outcome == (2, "", outcome.err)
    assert option.multiple or outcome.err.startswith(f"sharp: {max(option.opts, key=len)}")


def test_options_of_the_whole_command_and_other_spellings_of_one_count_too(command):
    assert command("--debug", "--debug", "list").err == "sharp: --debug: expected it once, got it 2 times\n"
    both = ("--reconfiguration", "--no-reconfiguration")
    assert "--reconfiguration/--no-reconfiguration: expected it once" in command("run", *both).err
    assert "--output: expected it once" in command("sweep", "g.yaml", "-o", "a", "--output=b").err
    assert "--size: expected each name once, got 'a=2'" in command("import", "x", "--size", "a=1", "--size", "a=2").err
    assert (
        "--set: expected each name once, got 'macs=2'"
        in command(*("run", "--hidden", "8", "--set", "macs=1", "--set", "macs=2")).err
    )


OUTPUTS = [(name, option) for name, option in OPTIONS if isinstance(option.type, Output)]


def test_the_outputs_are_found():
    assert {max(option.opts, key=len) for _, option in OUTPUTS} == {
        *("--output", "--table", "--figure", "--trace", "--executed", "--save")
    }


@pytest.mark.parametrize(
    ("name", "option"), OUTPUTS, ids=[f"{name}{max(option.opts, key=len)}" for name, option in OUTPUTS]
)
def test_a_dash_is_no_file(command, tmp_path, monkeypatch, name, option):
    monkeypatch.chdir(tmp_path)
    outcome = command(name, *(("x",) if name in ("sweep", "batch", "figure", "import") else ()), option.opts[-1], "-")
    assert outcome.err.startswith(f"sharp: {max(option.opts, key=len)}: expected a f")
    assert outcome.err.endswith("got '-'\n")
    assert list(tmp_path.iterdir()) == []
