"""How the command line is read: each option once, and outputs that are files or folders."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from sharp.checks import refuse
from sharp.errors import SpecificationError


class Command(click.Command):
    """A command that takes each option once, but for those that say that they may be given again.

    Of two values click would take the last without a word.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, after a look at how often each option is given."""
        _, _, given = self.make_parser(ctx).parse_args(list(args))
        for parameter, times in Counter(given).items():
            if times > 1 and isinstance(parameter, click.Option) and not parameter.multiple:
                raise SpecificationError(f"{_name(parameter)}: expected it once, got it {times} times")
        return super().parse_args(ctx, args)


def _name(option: click.Option) -> str:
    """An option as its help has it, in full: "--output", "--reconfiguration/--no-reconfiguration"."""
    return "/".join([max(option.opts, key=len), *option.secondary_opts])


class Output(click.Path):
    """A file or a folder to write; a lone dash, which elsewhere means standard output, is refused."""

    def __init__(self, what: str) -> None:
        super().__init__(path_type=Path)
        self._what = what

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if value == "-" and isinstance(param, click.Option):
            raise refuse(_name(param), self._what, value)
        return super().convert(value, param, ctx)


OUTPUT_FILE = Output("a file (/dev/stdout is standard output, ./- a file of that name)")
OUTPUT_FOLDER = Output("a folder (./- is one of that name)")
