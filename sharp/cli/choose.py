"""The command that goes from a network and a deadline to designs: choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sharp.checks import refuse
from sharp.cli.effects import Asked, refuse_without_effect
from sharp.cli.limits import goal_of, limit_options
from sharp.cli.options import (
    fixed_columns,
    json_option,
    machine,
    machine_options,
    print_json,
    refuse_overruled,
    say_written,
    technology,
    technology_option,
    workload,
    workload_options,
)
from sharp.cli.parsing import OUTPUT_FILE, Command
from sharp.cli.progress import progress_bar
from sharp.design.axes import default_axes
from sharp.design.choice import SAMPLES, Choice, Design, choose
from sharp.design.files import SpaceFile, load_space
from sharp.design.goal import OBJECTIVES
from sharp.errors import SpecificationError
from sharp.files import replacing, write_text
from sharp.rivals.machines import as_machine
from sharp.space.scenario import Scenario


@click.command("choose", cls=Command)
@workload_options
@limit_options
@click.option("--objective", help=f"What is least in the best: {', '.join(OBJECTIVES)}.  [default: energy]")
@click.option(
    "--space",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What varies (YAML).  [default: see the book]",
)
@machine_options
@technology_option
@click.option("--samples", type=click.IntRange(min=0), default=SAMPLES, show_default=True, help="For the confidence.")
@click.option("--most", type=click.IntRange(min=1), default=5, show_default=True, help="How many designs to show.")
@click.option("--table", type=OUTPUT_FILE, metavar="FILE", help="Write every design here (CSV).")
@click.option("--figure", type=OUTPUT_FILE, metavar="FILE", help="Draw them here (SVG).")
@json_option
def command(
    space: Path | None, samples: int, most: int, table: Path | None, figure: Path | None, as_json: bool, **options: Any
) -> None:
    """Choose: the designs that run a network before a deadline, at least energy or what else is asked for."""
    found = SpaceFile({}, {}) if space is None else load_space(space, allow_code=options["allow_code"])
    goal = goal_of(found, options)
    if goal.deadline_s is None:
        raise SpecificationError("--deadline: expected a quantity such as 50ms, got none")
    network, accelerator = workload(options), machine(options)
    base = Scenario(network=network, machine=as_machine(accelerator), technology=technology(options))
    axes = _axes(found, base, options)
    if figure is not None and figure.suffix != ".svg":
        raise refuse("--figure", "a file whose name ends in .svg", str(figure))
    if table is not None and figure is not None and table.resolve() == figure.resolve():
        raise refuse("--table", "another file than --figure", str(table))
    with progress_bar("trying designs") as progress:
        choice = choose(
            network,
            goal,
            axes=axes,
            accelerator=accelerator,
            technology=technology(options),
            samples=samples,
            progress=progress,
        )
    refuse_without_effect(options, [_asked(design) for design in choice.designs])
    _write(choice, table, figure, as_json)
    warnings = [*base.cautions(found.axes), *choice.warnings(most)]
    if as_json:
        print_json(choice.as_dict(most) | {"warnings": warnings})
    else:
        from sharp.cli import console, tables

        tables.print_choice(choice, most)
        console.warn(warnings)


def _asked(design: Design) -> Asked:
    report = design.report
    streamed = report.plan.weights == "streamed" or not report.residency.fits
    return Asked(machine=as_machine(report.accelerator), streams=streamed, priced=True)


def _axes(found: SpaceFile, base: Scenario, options: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """What varies: the file's axes, or the usual ones but for what the options fix."""
    if found.axes:
        refuse_overruled(options, found.axes)
        return found.axes
    return {name: values for name, values in default_axes(base).items() if name not in fixed_columns(options)}


def _write(choice: Choice, table: Path | None, figure: Path | None, as_json: bool) -> None:
    """Write the files that are asked for, and say so."""
    if table is not None:
        with replacing(table) as stream:
            choice.table().to_csv(stream, index=False)
    if figure is not None:
        from sharp.artifact.design_plotting import draw_choice

        write_text(figure, draw_choice(choice))
    for path, what in ((table, f"{len(choice.designs):,} designs"), (figure, "the designs and their Pareto front")):
        if path is not None and not as_json:
            say_written(path, what)
