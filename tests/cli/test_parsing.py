"""Each option once, outputs that are named."""

from importlib import import_module

import click
import pytest

from sharp.cli.group import COMMANDS
from sharp.cli.parsing import Output


def options(words, found):
    """The options of a command, and of those below it, each with the words that ask for it."""
    yield from ((words, option) for option in found.params if isinstance(option, click.Option))
    for name, below in getattr(found, "commands", {}).items():
        yield from options((*words, name), below)


OPTIONS = [pair for name in COMMANDS for pair in options((name,), import_module(f"sharp.cli.{name}").command)]
IDS = [f"{' '.join(words)} {max(option.opts, key=len)}" for words, option in OPTIONS]
SAID = {click.INT: "1", click.FLOAT: "1.0"}
"""A value that the type of an option takes, where not any text is one."""


def given(option):
    """An option as it is given once."""
    value = "3" if isinstance(option.type, click.IntRange) else SAID.get(option.type, "x")
    return [option.opts[0]] if option.is_flag else [option.opts[0], value]


@pytest.mark.parametrize(("words", "option"), OPTIONS, ids=IDS)
def test_an_option_is_given_once_or_all_times_count(command, words, option):
    outcome = command(*words, *given(option), *given(option))
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


OUTPUTS = [pair for pair in OPTIONS if isinstance(pair[1].type, Output)]
INPUTS = {"--space", "--input", "--verdicts", "--parameters"}


def test_every_path_is_an_input_or_such_an_output():
    paths = {max(option.opts, key=len) for _, option in OPTIONS if isinstance(option.type, click.Path)}
    outputs = {max(option.opts, key=len) for _, option in OUTPUTS}
    assert {"--output", "--table", "--figure", "--trace", "--executed", "--save"} <= outputs
    assert paths - outputs == INPUTS


@pytest.mark.parametrize(("words", "option"), OUTPUTS)
def test_a_dash_is_no_file(command, tmp_path, monkeypatch, words, option):
    monkeypatch.chdir(tmp_path)
    outcome = command(
        *words, *(("x",) if words[0] in ("sweep", "batch", "figure", "import") else ()), option.opts[-1], "-"
    )
    assert outcome.err.startswith(f"sharp: {max(option.opts, key=len)}: expected a f")
    assert outcome.err.endswith("got '-'\n")
    assert list(tmp_path.iterdir()) == []
