"""The command that shows what a machine is made of: area."""

from __future__ import annotations

from typing import Any

import click

from sharp.cli.effects import Asked, refuse_without_effect
from sharp.cli.options import (
    any_machine,
    implementation,
    json_option,
    machine_options,
    print_json,
    sram_option,
    technology_option,
)
from sharp.cli.parsing import Command
from sharp.energy.power import implementation_dict


@click.command("area", cls=Command)
@machine_options
@technology_option
@sram_option
@json_option
def command(as_json: bool, **options: Any) -> None:
    """Show a machine's area and leakage by component, its memories and its peak power."""
    machine = any_machine(options)
    made = implementation(options, machine)
    refuse_without_effect(options, [Asked(machine=machine, runs=False, streams=True, priced=True)])
    if as_json:
        print_json(implementation_dict(made))
    else:
        from sharp.cli import tables

        tables.print_area(made)
