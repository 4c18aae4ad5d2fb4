"""CPUs: the roofline with launch overhead that GPUs have (`sharp.rivals.gpu`), fitted to what we measured of one.

Weights are read from caches where they fit, so the fitted bandwidth lies between that of a cache and of the DRAM, and
its bound is that of the second level; one bandwidth for all sizes is what the fit's error is of.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sharp.rivals.data import cpu_devices
from sharp.rivals.gpu import Gpu, fitted_models
from sharp.shipped import DATA
from sharp.workload.network import Network

_MODELS = DATA / "rivals" / "cpu_models.csv"


@dataclass(frozen=True, kw_only=True)
class Cpu(Gpu):
    """A CPU on some threads, in a framework: what a service without an accelerator takes, by the model of a `Gpu`.

    Those that ship are fits to DeepBench's problems of batch 1 as ``benchmarks/cpu_rnn.py`` measured them.

    Examples
    --------
    >>> import sharp
    >>> from sharp.machines import find_machine, run_on
    >>> problem = sharp.find_network("deepbench-lstm-h1024-t25")
    >>> for threads in ("1-thread", "2-threads"):
    ...     run = run_on(find_machine(f"cpu-xeon-{threads}-onnx-runtime"), problem)
    ...     print(threads, f"{run.latency_s * 1e3:.0f} ms")
    1-thread 21 ms
    2-threads 14 ms
    """

    def notes(self, network: Network) -> tuple[str, ...]:
        """As of a GPU, and on what it was measured."""
        notes = super().notes(network)
        if not self.num_points:
            return notes
        return (*notes, f"{self.name} was measured on a virtual machine that others shared; its clock is not known")

    @classmethod
    def names(cls) -> Collection[str]:
        """The CPUs that ship."""
        return cpu_models()

    @classmethod
    def named(cls, name: str) -> Cpu:
        """The CPU of a shipped name."""
        return cpu_models()[name]


def cpu_models() -> dict[str, Cpu]:
    """The CPUs that ship, as fitted to our measurements (``sharp/data/rivals/cpu_models.csv``).

    Returns
    -------
    dict of str to Cpu
        By name, such as "cpu-xeon-1-thread-onnx-runtime".
    """
    return fitted_models(Cpu, _MODELS, cpu_devices())
