"""Machines of every kind by name, and a network on any of them: tiles (SHARP, E-PUR), BrainWave, GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharp.checks import refuse, suggestion, within
from sharp.cycles.counting import Progress
from sharp.cycles.report import MachineReport
from sharp.cycles.simulate import simulate
from sharp.errors import SpecificationError
from sharp.machine.accelerator import Accelerator
from sharp.machine.files import accelerator_from, accelerator_names, find_accelerator
from sharp.machine.plan import Plan
from sharp.rivals.brainwave import BrainWave, brainwave_from, find_brainwave
from sharp.rivals.gpu import Gpu, gpu_models
from sharp.workload.files import networks_from
from sharp.workload.network import Network
from sharp.yamlfile import read_yaml

if TYPE_CHECKING:
    from sharp.energy.technology import Technology

Rival = BrainWave | Gpu
"""Machines that are no tiles: models fitted to published measurements."""
AnyMachine = Accelerator | Rival


def shipped_rivals() -> dict[str, Rival]:
    """The machines without tiles that ship: BrainWave and GPUs, fitted to published latencies.

    Returns
    -------
    dict of str to BrainWave or Gpu
        By name, as given to ``--accelerator``.

    Examples
    --------
    >>> from sharp.machines import shipped_rivals
    >>> "titan-xp" in shipped_rivals()
    True
    """
    return {"brainwave": find_brainwave(), **gpu_models()}


def load_any(path: Path, *, allow_code: bool = False) -> tuple[Network, ...] | Accelerator | Technology | BrainWave:
    """Load whatever a file describes, told apart by its keys; the file is read once, so it may be a pipe.

    With `allow_code` cells and schedules that it names may be those of Python files.

    Raises
    ------
    SpecificationError
        With the file, the key, what was expected and what was got.
    """
    return any_from(path, read_yaml(path), allow_code=allow_code)


def any_from(
    path: Path, content: Mapping[str, Any], *, allow_code: bool = False
) -> tuple[Network, ...] | Accelerator | Technology | BrainWave:
    """What the content of a file describes (`load_any`)."""
    if "native_dimension" in content:
        return brainwave_from(path, content)
    if {"layers", "suite", "seq_len"} & set(content):
        return networks_from(path, content, allow_code=allow_code)
    with within(f"{path}: "):
        if "voltage_v" not in content:
            return accelerator_from(content, allow_code=allow_code)
        from sharp.energy.files import technology_from  # nothing else needs it yet, and start-up counts

        return technology_from(content)


def find_machine(name: str, *, allow_code: bool = False) -> AnyMachine:
    """The machine of a shipped name, or of a file: one of tiles, BrainWave, or a GPU.

    Parameters
    ----------
    name : str
        A name that `sharp list accelerators` prints ("sharp", "epur", "brainwave", "titan-xp"), or the path of a YAML
        file.
    allow_code : bool
        As in `load_any`.

    Returns
    -------
    Accelerator, BrainWave or Gpu
        For `run_on`.

    Raises
    ------
    SpecificationError
        Where there is no such name or file (with the nearest names), or the file is refused.

    Examples
    --------
    >>> from sharp.machines import find_machine
    >>> find_machine("brainwave").num_macs
    96000
    """
    if name in accelerator_names():
        return find_accelerator(name)
    if name.endswith((".yaml", ".yml")) or "/" in name:
        loaded = load_any(Path(name), allow_code=allow_code)
        if not isinstance(loaded, Accelerator | BrainWave):
            raise SpecificationError(f"{name}: expected an accelerator, got a file of another kind")
        return loaded
    rivals = shipped_rivals()
    if name not in rivals:
        known = [*accelerator_names(), *rivals]
        raise refuse("accelerator", f"{', '.join(known)} or a YAML file", name, suggestion(name, known))
    return rivals[name]


def run_on(
    machine: AnyMachine, network: Network, plan: Plan | None = None, *, progress: Progress | None = None
) -> MachineReport:
    """Run a network on a machine of any kind.

    Parameters
    ----------
    machine : Accelerator, BrainWave or Gpu
        Such as `find_machine` gives.
    network : Network
    plan : Plan, optional
        For machines of tiles alone; by default the machine's own.
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
    if isinstance(machine, Accelerator):
        return simulate(network, machine, plan, progress=progress)
    if plan is not None:
        raise refuse("plan", f"none, as {machine.name} has no schedule to choose", plan.schedule_name)
    return machine.run(network)
