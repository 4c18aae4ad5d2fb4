"""A schedule of one's own, the worked example of the book: `--schedule just_enough.py:JustEnough`."""

from collections.abc import Iterator

from sharp import Run, Schedule, Segment, Task


class JustEnough(Schedule):
    """As unfolded, but only as many blocks run ahead as fill the wait for h; the others keep x and h in one segment."""

    name = "just-enough"

    def round(self, task: Task) -> Iterator[Run]:
        """First h of the blocks whose x ran ahead, then x and h of the others, then x of the next step."""
        phase = task.phases[0]
        size = task.size_of(phase)
        block = min(size, task.fused_block(phase))

        def segment(operand: str, first: int, cells: int, updated_cells: int = 0, lookahead: int = 0) -> Segment:
            return task.segment(phase.gates, operand, first, cells, updated_cells=updated_cells, lookahead=lookahead)

        cycles = task.accelerator.cycles
        all_of_x = [segment("x", first, cells) for first, cells, _ in task.blocks_of(phase, block)]
        wait = task.mvm_cycles(all_of_x) + cycles("activation_ns") + cycles("update_ns")
        each = task.array_cycles(segment("x", 0, block, lookahead=1))
        early = block * min(-(-wait // each), task.num_unfolded(phase) // block)

        for first, cells, repeats in task.blocks_of(phase, block, last=early):
            yield Run(segments=(segment(phase.operand, first, cells, cells),), repeats=repeats)
        for first, cells, repeats in task.blocks_of(phase, block, first=early):
            yield Run(segments=(segment(phase.columns, first, cells, cells),), repeats=repeats)
        for first, cells, repeats in task.blocks_of(phase, block, last=early):
            yield Run(segments=(segment("x", first, cells, lookahead=1),), repeats=repeats)
