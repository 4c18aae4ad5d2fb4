"""A machine of one's own, the worked example of the book: `--accelerator dot_product.py:DotProduct`."""

from dataclasses import dataclass
from types import MappingProxyType

from sharp import CycleCounts, LayerRun, Machine, MachineReport, Network, Plan, RNNLayer
from sharp.machines import Progress


@dataclass(frozen=True, kw_only=True)
class DotProduct(Machine):
    """One dot product unit: it takes a row of the gates' matrix after another, some columns a cycle."""

    name: str = "dot-product"
    num_macs: int = 64
    """Multipliers: columns of a row that it takes a cycle."""
    clock_hz: float = 500e6
    """Hertz."""
    step_latency: int = 20
    """Cycles from the last row of a step to the first row of the next one, which needs its h."""
    weight_bytes: float = 2
    """Bytes of a weight."""
    settings = MappingProxyType({"num_macs": "multipliers", "clock_hz": "Hz", "step_latency": "cycles"})

    def run(self, network: Network, plan: Plan | None = None, *, progress: Progress | None = None) -> MachineReport:
        """Run layers, directions, sequences and steps one after the other."""
        self.check_no_plan(plan)
        work = zip(network.layers, network.layer_sequences, strict=True)
        layers = [LayerRun(layer=layer, counts=self.count(layer, batch.total_steps)) for layer, batch in work]
        return MachineReport(network=network, accelerator=self, layers=layers, notes=("the weights are on chip",))

    def count(self, layer: RNNLayer, steps: int) -> CycleCounts:
        """Cycles of a layer, all directions, and where they go."""
        steps *= layer.num_directions
        passes = sum(rows * -(-columns // self.num_macs) for rows, columns in layer.matrices)
        useful = sum(rows * columns for rows, columns in layer.matrices)
        return CycleCounts(
            num_macs=self.num_macs,
            total_cycles=steps * (passes + self.step_latency),
            useful=steps * useful,
            column_padding=steps * (passes * self.num_macs - useful),
            row_padding=0,
            dependency_stall=steps * self.step_latency,
            weight_load=0,
            fill_drain=0,
        )
