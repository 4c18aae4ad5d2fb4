"""Options of what designs have to meet, of choose and search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sharp.design.files import SpaceFile, goal_fields
from sharp.design.goal import LIMITS, Goal

Command = Callable[..., Any]


def limit_options(command: Command) -> Command:
    """Add the options of limits, by the names of `LIMITS`."""
    for option in reversed(
        (
            click.option("--deadline", metavar="50ms", help="From the first input to the last output."),
            click.option(
                "--period",
                metavar="10ms",
                help="From one run to the next; it leaks until then.  [default: the deadline]",
            ),
            click.option("--power", metavar="5W", help="Most on average while it runs."),
            click.option("--area", metavar="150mm2", help="Most."),
        )
    ):
        command = option(command)
    return command


def goal_of(found: SpaceFile, options: dict[str, Any]) -> Goal:
    """The goal of a file, options before it."""
    fields = found.goal | goal_fields({name: options[name] for name in LIMITS if options[name] is not None})
    if options.get("objective") is not None:
        fields["objective"] = options["objective"]
    return Goal(**fields)
