"""Machines of every kind by name or from a file: the one place that knows which kinds there are.

A file says its kind by its key ``kind``; one without is told by its other keys, as files were before there were kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharp.checks import check_kind, check_name, check_text, refuse, suggestion, within
from sharp.cycles.counting import Progress
from sharp.cycles.report import MachineReport
from sharp.errors import SpecificationError
from sharp.machine.accelerator import Accelerator
from sharp.machine.plan import Plan
from sharp.plugins import names_code, refuse_code
from sharp.rivals.machine import MACHINES, Machine
from sharp.shipped import shipped
from sharp.workload.files import networks_from
from sharp.workload.network import Network
from sharp.yamlfile import read_yaml

if TYPE_CHECKING:
    from sharp.energy.technology import Technology


def _tiles() -> type[Machine]:
    from sharp.rivals.tiles import Tiles

    return Tiles


def _vector() -> type[Machine]:
    from sharp.rivals.brainwave import BrainWave

    return BrainWave


def _npu() -> type[Machine]:
    from sharp.rivals.npu.machine import Npu

    return Npu


def _gpu() -> type[Machine]:
    from sharp.rivals.gpu import Gpu

    return Gpu


def _cpu() -> type[Machine]:
    from sharp.rivals.cpu import Cpu

    return Cpu


def _published() -> type[Machine]:
    from sharp.rivals.published import Published

    return Published


MACHINES.add("tiles", _tiles)
MACHINES.add("vector", _vector)
MACHINES.add("npu", _npu)
MACHINES.add("published", _published)
MACHINES.add("gpu", _gpu)
MACHINES.add("cpu", _cpu)


def shipped_rivals() -> dict[str, Machine]:
    """The models of machines without tiles that ship: BrainWave, GPUs and a CPU, fitted to latencies, and an NPU.

    Returns
    -------
    dict of str to Machine
        By name, as given to ``--accelerator``.

    Examples
    --------
    >>> from sharp.machines import shipped_rivals
    >>> "titan-xp" in shipped_rivals()
    True
    """
    kinds = [kind for kind in MACHINES if kind not in ("tiles", "published")]
    return {name: machine for kind in kinds for name, machine in shipped_machines(kind).items()}


def shipped_machines(kind: str) -> dict[str, Machine]:
    """The machines of a kind that ship, by name.

    Raises
    ------
    SpecificationError
        Where there is no such kind (with the nearest names).
    """
    found = MACHINES[check_name("kind", kind, MACHINES)]()
    return {name: found.named(name) for name in found.names()}


def find_machine(name: str, *, allow_code: bool = False) -> Machine:
    """The machine of a shipped name, of a file, or of one's own code.

    Parameters
    ----------
    name : str
        A name that `sharp list accelerators` prints ("sharp", "epur", "brainwave", "titan-xp"), a YAML file
        ("mine.yaml"), a class of a Python file ("mine.py:MyMachine"; its code runs), or the name of an entry point
        ``sharp.machines`` of an installed package.
    allow_code : bool
        As in `load_any`.

    Returns
    -------
    Machine
        One of tiles is the `sharp.Accelerator`, too.

    Raises
    ------
    SpecificationError
        Where there is no such name or file (with the nearest names), or what is found is refused.

    Examples
    --------
    >>> from sharp.machines import find_machine
    >>> find_machine("brainwave").num_macs
    96000
    """
    check_kind("accelerator", name, str)
    if name.endswith((".yaml", ".yml")) or ("/" in name and not names_code(name)):
        content = read_yaml(Path(name))
        if _described(content) != "accelerator":
            raise SpecificationError(f"{name}: expected an accelerator, got a file of another kind")
        return _machine_from(Path(name), content, allow_code)
    if names_code(name):
        return _own(name)
    known: list[str] = []
    for load in MACHINES.values():
        kind = load()
        if name in kind.names():
            return kind.named(name)
        known += kind.names()
    installed = [entry for entry in MACHINES.installed() if entry not in MACHINES]
    if name in installed:
        return _own(name)
    known += installed
    raise refuse("accelerator", f"{', '.join(known)} or a YAML file", name, suggestion(name, known))


def _own(name: str) -> Machine:
    from sharp.rivals.own import own_machine  # only code of others needs it

    return own_machine(*MACHINES.load(name))


def as_machine(machine: Machine | Accelerator) -> Machine:
    """The machine that an accelerator of tiles is; any other is one already."""
    if isinstance(machine, Machine):
        return machine
    check_kind("machine", machine, Accelerator)
    from sharp.rivals.tiles import Tiles

    return Tiles.of(machine)


def run_on(
    machine: Machine | Accelerator, network: Network, plan: Plan | None = None, *, progress: Progress | None = None
) -> MachineReport:
    """Run a network on a machine of any kind.

    Parameters
    ----------
    machine : Machine or Accelerator
        Such as `find_machine` gives.
    network : Network
    plan : Plan, optional
        By default the machine's own; refused where it has none to choose.
    progress : callable, optional
        Called with the share of the work done, 0 to 1.

    Returns
    -------
    MachineReport
        Cycles, latency, utilization and the split; a `sharp.Report` on a machine of tiles.

    Raises
    ------
    SpecificationError, InfeasibleMappingError
        As `sharp.simulate`, and where a rival has no measurements to say anything of the network.

    Examples
    --------
    >>> import sharp
    >>> from sharp.machines import find_machine, run_on
    >>> problem = sharp.find_network("deepbench-lstm-h1024-t25")
    >>> for name in ("sharp", "brainwave", "titan-xp"):
    ...     print(name, f"{run_on(find_machine(name), problem).latency_s * 1e6:.1f} us")
    sharp 6.5 us
    brainwave 75.4 us
    titan-xp 2018.9 us
    """
    return as_machine(machine).run(network, plan, progress=progress)


# Files ---------------------------------------------------------------------------------------------------------------


def load_any(path: Path, *, allow_code: bool = False) -> tuple[Network, ...] | Machine | Technology:
    """Load whatever a file describes; the file is read once, so it may be a pipe.

    With `allow_code` cells, schedules and kinds of machines that it names may be those of Python files.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    return described_by(path, read_yaml(path), allow_code=allow_code)[1]  # type: ignore[no-any-return]


def described_by(path: Path, content: Mapping[str, Any], *, allow_code: bool = False) -> tuple[str, Any]:
    """What the content of a file describes, and what that is.

    Returns
    -------
    tuple of str and value
        "network" and a tuple of networks, "accelerator" and a machine, or "technology" and a technology.
    """
    described = _described(content)
    if described == "network":
        return described, networks_from(path, content, allow_code=allow_code)
    if described == "accelerator":
        return described, _machine_from(path, content, allow_code)
    from sharp.energy.files import technology_from  # nothing else needs it yet, and start-up counts

    with within(f"{path}: "):
        return described, technology_from(content)


def _described(content: Mapping[str, Any]) -> str:
    """What a file describes; its ``kind`` is one of machines."""
    if "kind" in content:
        return "accelerator"
    if {"layers", "suite", "seq_len"} & set(content):
        return "network"
    like = {path.stem for path in shipped("technology")}
    return "technology" if "voltage_v" in content or content.get("like") in like else "accelerator"


def _machine_from(path: Path, content: Mapping[str, Any], allow_code: bool) -> Machine:
    with within(f"{path}: "):
        return _of_kind(path, content, allow_code)


def _of_kind(path: Path, content: Mapping[str, Any], allow_code: bool) -> Machine:
    kind = check_text("kind", content.get("kind", "vector" if "native_dimension" in content else "tiles"))
    refuse_code("kind", kind, allow_code)
    name = check_text("name", content.get("name", path.stem))
    rest = {key: entry for key, entry in content.items() if key not in ("kind", "name")}
    if kind in MACHINES:
        return MACHINES[kind]().read(name, rest, folder=path.parent, allow_code=allow_code)
    if not names_code(kind) and kind not in (installed := MACHINES.installed()):
        known = [*MACHINES, *installed]
        raise refuse("kind", ", ".join(known), kind, suggestion(kind, known))
    from sharp.rivals.own import read_own

    return read_own(*MACHINES.load(kind), name, rest, folder=path.parent, allow_code=allow_code)
