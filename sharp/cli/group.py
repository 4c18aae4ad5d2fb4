"""The command with its subcommands, each loaded from its own file when it is asked for."""

from __future__ import annotations

from importlib import import_module

import click

from sharp.checks import check_name
from sharp.cli.parsing import Command
from sharp.version import __version__

COMMANDS = (
    *("run", "compare", "area", "explore", "timeline", "execute", "sweep", "search", "choose", "claims"),
    *("rtl", "list", "check", "import", "figure", "batch", "verify"),
)
"""The subcommands, in the order of the help; each is ``command`` of the module of its name."""


class _Group(Command, click.Group):
    """Subcommands that are loaded when they are asked for, as what one needs another does not."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        command: click.Command = import_module(f"sharp.cli.{check_name('command', cmd_name, COMMANDS)}").command
        return command


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sharp")
@click.option("--debug", is_flag=True, help="Where something fails, print the traceback as well.")
@click.pass_obj
def cli(settings: dict[str, bool], debug: bool) -> None:
    """Cycles, energy, power and area of recurrent networks on the SHARP accelerator, and where they go."""
    settings["debug"] = debug
