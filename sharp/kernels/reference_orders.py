"""The executable specification of orders across layers, in plain Python: layers of a network that run together.

It goes on from reference.py and reference_network.py, and shares no code with what is used elsewhere.

1. Segments, units and latencies are those of a layer, but L_mvm is one for all layers that run together, that of the
   widest tile of any of them. What differs is the order in which layers' steps are issued, and that a segment with x
   columns starts no earlier than all of the x that it reads is out. As the array serves in order, those behind it start
   no earlier, either.
2. ``steps``: step after step, each layer in the order of the list. What is read is of the same step.
3. ``steps`` under ``unfolded``: the h columns of the first product's first blocks, as many as the intermediate buffer
   holds the sums of, come before the x columns, which complete them. Behind a layer's first product come the h columns
   of the next layer of the list, behind the last layer's those of the first layer for the next step. If the layer's
   second product has no x columns, the last h segments, as few as cover L_mvm, come after it, and the others before;
   else all of them come after what the layer still has to do.
4. ``wavefront``: in round d a layer takes step d - (its depth), the depth being how many layers it is behind the first
   one on the longest way. It waits for all that was given by the round before, by itself and by those that it reads.
   Nothing runs ahead: ``unfolded`` is ``intergate``.
5. Frames arrive every `period` cycles, the first at cycle 0; what reads the network's input waits for its frame.
6. A layer with feedback waits, from its second step on, for what another one gave in the step before, and then for
   `delay` cycles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sharp.kernels.reference import (
    Chain,
    Counts,
    Engine,
    Layer,
    Machine,
    Orders,
    Plan,
    Segment,
    blocks,
    check_arguments,
)


class Together(NamedTuple):
    """A layer among those that run together: what it reads (-1: the input), and the layer that it hears from."""

    layer: Layer
    sources: tuple[int, ...] = (-1,)
    feedback: int = -1
    delay: int = 0


@dataclass
class Stage:
    """A layer on its way: its segments, and when all of its h of each step was out (from step 0, the state before)."""

    chain: Chain
    orders: Orders
    node: Together
    depth: int
    ahead: list[Segment] = field(default_factory=list)
    own: list[Segment] = field(default_factory=list)
    later: list[Segment] = field(default_factory=list)
    outs: list[int] = field(default_factory=lambda: [0])

    @property
    def segments(self) -> list[Segment]:
        """All of a step."""
        return [*self.ahead, *self.own, *self.later]

    def end_turn(self) -> None:
        """All of a step has been issued."""
        self.chain.h_before = self.chain.out["h"].copy()
        self.outs.append(self.chain.out["h"][-1])


def stages_of(
    machine: Machine, nodes: Sequence[Together], lengths: Sequence[int], plan: Plan, swaps: bool, share: float
) -> list[Stage]:
    """Every layer with its segments, of which a share streams; with `swaps` h columns come before those of x."""
    stages: list[Stage] = []
    for index, node in enumerate(nodes):
        check_arguments(machine, node.layer, lengths, plan)
        depth = max((stages[source].depth + 1 for source in node.sources if source >= 0), default=0)
        chain = Chain(index, list(lengths), max(lengths), node.layer.products)
        stage = Stage(chain, Orders(machine, node.layer, plan, share, len(lengths)), node, depth)
        first, *rest = node.layer.products
        if swaps and first.vector:
            cells_of = blocks(first, plan.tile_rows // first.gates)
            early = stage.orders.unfolded_blocks(first, len(cells_of))
            for block in cells_of[:early]:
                stage.ahead.append(stage.orders.segment(first, first.gates, block, "v")._replace(complete=False))
                after = stage.orders.segment(first, first.gates, block, "x", given=block)
                stage.own.append(after._replace(complete=True))
            stage.own += [stage.orders.segment(first, first.gates, block, given=block) for block in cells_of[early:]]
            stage.later = list(stage.orders.later(rest))
        else:
            stage.own = stage.orders.step()
        stages.append(stage)
    return stages


def round_of_steps(stages: Sequence[Stage], latency: int) -> Iterator[tuple[Stage, Segment | None, int]]:
    """What is issued in a round, with how many steps ahead of it; None: all of a layer's step has been issued."""
    for index, stage in enumerate(stages):
        following = (index + 1) % len(stages)
        ahead, wraps = stages[following].ahead, int(following == 0)
        products = stage.node.layer.products
        before = 0
        if following != index and stage.later and not products[1].inputs:
            before = len(ahead) - stages[following].orders.held_back(ahead, latency)
        yield from ((stage, segment, 0) for segment in stage.own)
        yield from ((stages[following], segment, wraps) for segment in ahead[:before])
        yield from ((stage, segment, 0) for segment in stage.later)
        yield stage, None, 0
        yield from ((stages[following], segment, wraps) for segment in ahead[before:])


def wait(engine: Engine, until: int) -> None:
    """Let the array do nothing before a cycle."""
    engine.counts.dependency_stall += max(0, until - engine.array_free)
    engine.array_free = max(engine.array_free, until)


def x_out(stage: Stage, stages: Sequence[Stage], step: int, period: int, of: Sequence[int]) -> int:
    """When all of the x of a step is out; `of` has the step of each layer that is waited for."""
    node = stage.node
    waited = [period * (step - 1) if source < 0 else stages[source].outs[of[source]] for source in node.sources]
    if node.feedback >= 0 and step > 1:
        waited.append(stages[node.feedback].outs[step - 1] + node.delay)
    return max(waited)


def simulate_together(
    machine: Machine,
    nodes: Sequence[Together],
    lengths: Sequence[int],
    plan: Plan,
    order: str,
    period: int = 0,
    share: float = 0.0,
) -> Counts:
    """Layers of as many steps, in the order "steps" or "wavefront"; a share of all their weights streams in each step.

    What stays on chip is there at the start. The share is `streamed_share` of all of them.
    """
    if plan.schedule == "interleaved" or plan.forwarding != "barrier" or order not in ("steps", "wavefront"):
        raise ValueError(f"no order {order!r} with {plan.schedule} and {plan.forwarding}")
    swaps = order == "steps" and plan.schedule == "unfolded"
    inside = Plan("intergate", plan.tile_rows, plan.reconfiguration)
    stages = stages_of(machine, nodes, lengths, plan if plan.schedule != "unfolded" or swaps else inside, swaps, share)
    engine = Engine(machine, plan, [segment for stage in stages for segment in stage.segments])
    longest = max(lengths)
    (step_after_step if order == "steps" else wave_after_wave)(engine, stages, longest, period)
    counts = engine.counts
    counts.total = max(out for stage in stages for out in stage.outs)
    counts.fill_drain = counts.total - engine.array_free
    counts.check(machine.num_macs)
    return counts


def step_after_step(engine: Engine, stages: Sequence[Stage], longest: int, period: int) -> None:
    """Rules 2 and 3."""
    items = list(round_of_steps(stages, engine.mvm))
    for step in range(longest + 1):
        for stage, segment, ahead in items:
            if segment is None:
                if step:
                    stage.end_turn()
            elif batch := stage.chain.running[step + ahead]:
                if segment.shape.x_columns:
                    wait(engine, x_out(stage, stages, step, period, [step] * len(stages)))
                engine.serve(stage.chain, step + ahead, batch, segment)


def wave_after_wave(engine: Engine, stages: Sequence[Stage], longest: int, period: int) -> None:
    """Rule 4."""
    for number in range(1, longest + max(stage.depth for stage in stages) + 1):
        given = [min(max(number - 1 - stage.depth, 0), longest) for stage in stages]  # steps done by the round before
        moving = [stage for stage in stages if 1 <= number - stage.depth <= longest]
        for stage in moving:
            step = number - stage.depth
            for segment in [*stage.own, *stage.later]:
                if segment.shape.x_columns:
                    wait(engine, x_out(stage, stages, step, period, given))
                engine.serve(stage.chain, step, stage.chain.running[step], segment)
        for stage in moving:
            stage.end_turn()
