"""A scenario: what is asked, as one value; whatever evaluates, compares or varies something takes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sharp.checks import GREATEST_NUMBER, LEAST_NUMBER, MAX_INTEGER, check_kind, check_name, refuse
from sharp.cycles.counting import Progress
from sharp.cycles.report import MachineReport
from sharp.machine.accelerator import LATENCIES, UNITS, Accelerator, with_settings
from sharp.machine.memories import BUFFERS
from sharp.machine.plan import Plan
from sharp.provenance import unusual
from sharp.quantities import in_unit
from sharp.rivals.machine import Machine
from sharp.rivals.machines import as_machine
from sharp.workload.network import Network, RNNLayer
from sharp.workload.single import single_layer

if TYPE_CHECKING:
    from sharp.energy.breakdown import Gating
    from sharp.energy.implementation import Implementation
    from sharp.energy.power import EnergyReport
    from sharp.energy.technology import Technology

LAYER = ("input_size", "hidden_size", "cell", "projection_size", "linear_before_reset", "bidirectional")
BATCH = ("seq_len", "batch_size", "lengths")
PLAN = tuple(entry.name for entry in fields(Plan))
MACHINE = (
    *("macs", "clock_hz", *LATENCIES, "chained_levels", "activation_lanes", "rows_per_update_lane"),
    *("dram_bytes_per_s", *BUFFERS),
)
COLUMNS = (*LAYER, *BATCH, *PLAN, *MACHINE)
"""What `Scenario.at` changes by name; `macs` is a budget's label or a number, and sets the clock where it is a budget.

Options that a cell declares itself are names, too: ``options.heads``. With a technology, those of
`sharp.energy.technology.SETTINGS` are.
"""
OPTIONS = "options."
"""How names of a cell's own options begin."""

_WHOLE = (
    *("input_size", "hidden_size", "projection_size", "seq_len", "batch_size", "tile_rows", "macs"),
    *("chained_levels", "activation_lanes", "rows_per_update_lane", *BUFFERS),
)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A network on a machine under a plan, and in a technology where its energy is asked for.

    Examples
    --------
    >>> import sharp
    >>> from sharp.space.scenario import Scenario
    >>> machine = sharp.find_accelerator("sharp").with_macs("64K")
    >>> nominal = Scenario(network=sharp.square_lstm(340), machine=machine, technology=sharp.find_technology("32nm"))
    >>> for scenario in (nominal, nominal.at({"schedule": "batch", "activation_ns": 16.0})):
    ...     report = scenario.run()
    ...     print(report.counts.total_cycles, f"{1e6 * scenario.evaluate(report).energy.total_j:.0f} uJ")
    1711 207 uJ
    1650 215 uJ
    """

    network: Network
    machine: Machine
    """Of any kind; an accelerator of tiles is made one."""
    plan: Plan | None = None
    """The machine's own where none is given; None stays on a machine that has nothing to choose."""
    technology: Technology | None = None
    """None: energy is not asked for, or not known."""
    gating: Gating | None = None
    """What is switched off while it has nothing to do; nothing by default."""
    sram_source: str = "table"
    """Where SRAM comes from, one of `sharp.energy.sram.SOURCES`."""

    def __post_init__(self) -> None:
        check_kind("network", self.network, Network)
        object.__setattr__(self, "machine", as_machine(self.machine))
        if self.plan is None:
            object.__setattr__(self, "plan", self.machine.plan)
        if self.technology is None:
            if self.gating is not None:
                raise refuse("gating", "a technology with it", self.technology)
            return
        from sharp.energy.breakdown import Gating  # with SRAM and technology, only for energy
        from sharp.energy.technology import check_technology

        check_technology(self.technology)
        object.__setattr__(self, "gating", Gating.of(self.gating))

    def run(self, *, progress: Progress | None = None) -> MachineReport:
        """Run the network; a `sharp.Report` on a machine of tiles.

        Raises
        ------
        SpecificationError, InfeasibleMappingError
            As `sharp.simulate`, or as the machine says.
        """
        return self.machine.run(self.network, self.plan, progress=progress)

    @cached_property
    def implementation(self) -> Implementation:
        """The machine in the technology (`sharp.implement`)."""
        if self.technology is None:
            raise refuse("technology", "one, as energy is asked for", self.technology)
        return self.machine.implement(self.technology, sram_source=self.sram_source)

    def evaluate(self, report: Any, *, weight_locality: bool = False) -> EnergyReport:
        """What a run of this scenario costs (`sharp.evaluate_energy`)."""
        from sharp.energy.power import evaluate_energy

        return evaluate_energy(report, self.implementation, self.gating, weight_locality=weight_locality)

    def at(self, point: Mapping[str, Any]) -> Scenario:
        """The same scenario but for some numbers and names, all changed at once.

        Parameters
        ----------
        point : mapping of str to value
            By `COLUMNS`. Without ``input_size`` a layer of another hidden size reads as many inputs.

        Raises
        ------
        SpecificationError
            Where there is no such name (with the nearest ones), or the values do not fit it or each other.
        """
        point = {name: value_of(name, value) for name, value in point.items()}
        for name in point:
            check_column("scenario", name)
        return replace(
            self,
            network=self._network(point),
            machine=self._machine(point),
            plan=None if self.plan is None else replace(self.plan, **_some(PLAN, point)),
            technology=self._technology(point),
        )

    def _network(self, point: Mapping[str, Any]) -> Network:
        changes = _some(LAYER, point)
        own = {name.removeprefix(OPTIONS): value for name, value in point.items() if name.startswith(OPTIONS)}
        network, batch = self.network, _some(("seq_len", "batch_size"), point)
        if batch:
            network = replace(network, **batch, lengths=())
        if changes or own:
            if "hidden_size" in changes:
                changes = {"input_size": changes["hidden_size"], **changes}
            options = own if "cell" in changes else {**self.layer.options, **own}
            layer = replace(self.layer, **changes, options=options)
            lengths, network = network.lengths, single_layer(layer, network.seq_len, network.batch_size)
            network = network.with_lengths(lengths) if lengths else network
        return network.with_lengths(point["lengths"]) if point.get("lengths") else network

    def _machine(self, point: Mapping[str, Any]) -> Machine:
        settings = _some(MACHINE, point)
        if "macs" in settings:
            settings = {**self.tiles.budget(settings.pop("macs")), **settings}
        return as_machine(with_settings(self.tiles, settings)) if settings else self.machine

    def _technology(self, point: Mapping[str, Any]) -> Technology | None:
        names = [name for name in point if name not in COLUMNS and not name.startswith(OPTIONS)]
        if not names:
            return self.technology
        if self.technology is None:
            raise refuse("technology", f"one, as {names[0]} is a number of it", self.technology)
        from sharp.energy.technology import with_settings as with_technology_settings

        return with_technology_settings(self.technology, {name: point[name] for name in names})

    def cautions(self, others: Mapping[str, tuple[Any, ...]]) -> tuple[str, ...]:
        """What is odd of the numbers of machine and technology, and of some that take their place, a sentence each."""
        own = {**self.tiles.provenance, **(self.technology.provenance if self.technology else {})}
        known = {name: values for name, values in others.items() if name in own}
        made = self.technology.cautions if self.technology else ()
        return (*self.machine.cautions, *made, *unusual(known, {name: unit_of(name) for name in known}, own))

    @property
    def layer(self) -> RNNLayer:
        """The network's only layer.

        Raises
        ------
        SpecificationError
            Where it has several.
        """
        if len(self.network.layers) > 1:
            raise refuse("network", "one of a single layer", self.network.name)
        return self.network.layers[0]

    @property
    def tiles(self) -> Accelerator:
        """The machine, which has to be one of tiles."""
        return self.machine.as_tiles()

    def value(self, name: str) -> Any:
        """What the scenario has of one of `COLUMNS`; of a buffer, its bytes."""
        if name in PLAN:
            return getattr(self.plan, name)
        if name in LAYER:
            return getattr(self.layer, name)
        if name in BATCH:
            return getattr(self.network, name)
        return getattr(self.tiles, name).capacity_bytes if name in BUFFERS else getattr(self.tiles, name)


def check_column(where: str, name: object) -> None:
    """Refuse a name that `Scenario.at` does not know, and what is no name."""
    if name not in COLUMNS and not (isinstance(name, str) and name.startswith(OPTIONS)):
        from sharp.energy.technology import SETTINGS  # only energy needs it, and start-up counts

        check_name(where, name, (*COLUMNS, *SETTINGS))


def is_whole(name: str) -> bool:
    """Whether a number is a whole one."""
    return name in _WHOLE


def expected_of(name: str) -> str:
    """What a number has to be, for sentences."""
    if name == "macs":
        return "a budget such as 64K or a positive integer"
    if is_whole(name):
        return "a positive integer"
    low, high = bounds_of(name)
    return "a positive number" if low > 0 else f"a number from {low:g} to {high:g}"


def bounds_of(name: str) -> tuple[float, float]:
    """Least and greatest value of a number."""
    if is_whole(name):
        return 1, MAX_INTEGER
    positive = LEAST_NUMBER, GREATEST_NUMBER
    if name in COLUMNS or name.startswith(OPTIONS):
        return positive
    from sharp.energy.technology import BOUNDS  # only energy needs it, and start-up counts

    return BOUNDS.get(name, positive)


def unit_of(name: str) -> str:
    """The unit of a number of machine or technology; "1" where it has none."""
    if name in COLUMNS or name.startswith(OPTIONS):
        return UNITS.get(name, "1")
    from sharp.energy.technology import SETTING_UNITS  # only energy needs it, and start-up counts

    return SETTING_UNITS.get(name, "1")


def value_of(name: str, value: Any, where: str = "") -> Any:
    """A value as layers and machines take it: the number of "500MHz", whole numbers as integers where they are none.

    Raises
    ------
    SpecificationError
        Where the text of a number is no quantity of its unit; `where` says which.
    """
    value = in_unit(where or name, value.item() if hasattr(value, "item") else value, unit_of(name))
    return int(value) if name in _WHOLE and isinstance(value, float) and value.is_integer() else value


def _some(names: tuple[str, ...], point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: point[name] for name in names if name in point}
