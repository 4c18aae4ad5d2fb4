"""Weight locality: by hand, against a count that visits every tile of every step, by law."""

from dataclasses import replace
from itertools import chain, groupby

import pytest
from hypothesis import Phase, assume, find, given, settings
from hypothesis import strategies as st
from strategies import BASE, Case, cases, examples, network_cases

from sharp import (
    InfeasibleMappingError,
    MemoryLevel,
    Network,
    Plan,
    RNNLayer,
    SpecificationError,
    evaluate_energy,
    find_network,
    find_technology,
    implement,
    simulate,
)
from sharp.cycles.activity import Activity, count_activity
from sharp.cycles.mapping import LayerMapping, map_layer
from sharp.energy.locality import steps_that_share, with_weight_locality
from sharp.workload.single import single_layer

# 8 multipliers as tiles of 4 x 2, two of them beside each of 4 banks; a word of the intermediate buffer is 4 bytes.
MACHINE = replace(
    BASE, num_macs=8, tile_rows=(4,), lanes_per_unit=2, intermediate_buffer=MemoryLevel(capacity_bytes=10**6)
)
INTERGATE = Plan(schedule="intergate")
IN_TURNS = {"plan": Plan(schedule="interleaved"), "lengths": (6, 3), "bidirectional": True}


def words(count: int) -> MemoryLevel:
    return MemoryLevel(capacity_bytes=4 * count)


def pair(lengths=(6,), machine=MACHINE, plan=INTERGATE, **layer) -> tuple[Activity, Activity]:
    """Without and with, of a layer of 2 cells, its input 5 wide, over 6 steps."""
    network = single_layer(RNNLayer(**{"input_size": 5, "hidden_size": 2, **layer}), 1).with_lengths(lengths)
    report = simulate(network, machine, plan)
    (entry,), (activity,) = report.layers, report.activities
    return activity, with_weight_locality(entry.mapping, activity)


def test_an_lstm_by_hand():
    # A step is two segments of 4 rows over 5 + 2 columns: 2 tiles of x alone, one of x and h, one of h; 4 banks a tile.
    # A column is 2 banks of 2 rows; 4 of x are in tiles of x alone.
    before, after = pair()
    assert (before.bank_reads, before.used_bank_reads, before.sums_kept) == (6 * 2 * 4 * 4, 6 * 2 * 7 * 2, 0)
    assert after == replace(
        before,
        bank_reads=2 * (2 * 4) + 6 * 2 * (2 * 4),
        used_bank_reads=2 * (4 * 2) + 6 * 2 * (3 * 2),
        sums_kept=6 * 8,
    )


@pytest.mark.parametrize(
    ("changes", "bank_reads", "sums_kept"),
    [
        # 8 sums a step: a buffer of 32 words holds those of 4 steps, so 2 reads; of 16 words, 2 steps and 3 reads.
        ({"machine": replace(MACHINE, intermediate_buffer=words(32))}, 2 * 16 + 96, 48),
        ({"machine": replace(MACHINE, intermediate_buffer=words(39))}, 2 * 16 + 96, 48),
        ({"machine": replace(MACHINE, intermediate_buffer=words(16))}, 3 * 16 + 96, 48),
        # Fewer than two steps: as without.
        ({"machine": replace(MACHINE, intermediate_buffer=words(15))}, 192, 0),
        ({"lengths": (1,)}, 32, 0),
        # No tile of x alone: 1 column of x and 2 of h are 2 tiles.
        ({"input_size": 1}, 6 * 2 * 2 * 4, 0),
        # x fills whole tiles: 2 of x, 1 of h.
        ({"input_size": 4}, 16 + 6 * 2 * 1 * 4, 48),
        # Each direction has its own weights, and all of the buffer.
        ({"bidirectional": True}, 2 * (16 + 96), 96),
        ({"bidirectional": True, "machine": replace(MACHINE, intermediate_buffer=words(32))}, 2 * (32 + 96), 96),
        # Two sequences pass together, of 6 and 3 steps; they keep 16 sums a step: 24 words are too few, 32 are 2 steps.
        ({"lengths": (6, 3)}, 16 + 96, 72),
        ({"lengths": (6, 3), "machine": replace(MACHINE, intermediate_buffer=words(31))}, 192, 0),
        ({"lengths": (6, 3), "machine": replace(MACHINE, intermediate_buffer=words(32))}, 3 * 16 + 96, 72),
        # A GRU's x and h have tiles of their own: 3 of x, whose 3 rows a cell keep sums, and 1 of h.
        ({"cell": "gru"}, 6 * 2 * 4 + 2 * 3 * 4, 36),
        # r and z in a segment of 2 cells, x and h as the LSTM; W_n x of 2 rows keeps its sums anyway: 3 tiles; U_n: 1.
        ({"cell": "gru", "linear_before_reset": False}, (2 + 3) * 4 + 6 * (2 + 1) * 4, 6 * (4 + 2)),
        # P reads no x: 2 cells' outputs are one tile of one row. With h of 1, tiles of x alone are 2, of both 1.
        ({"projection_size": 1}, 2 * 2 * 4 + 6 * (2 * 1 + 1) * 4, 48),
        # One segment of 2 rows.
        ({"cell": "rnn"}, 2 * 4 + 6 * 2 * 4, 12),
        # Gate after gate, each 2 rows of a tile's 4.
        ({"plan": Plan(schedule="sequential")}, 4 * (2 * 4 + 6 * 2 * 4), 48),
        # All products with x run ahead: 3 tiles of x, 1 of h, and the sums were kept already.
        ({"plan": Plan()}, 2 * (3 * 4 + 6 * 4), 48),
        # In turns each direction and sequence reads: 6 + 3 steps, 32 words a step of all four chains together.
        (IN_TURNS, 2 * 2 * (2 * 12 + 9 * 4), 144),
        (
            IN_TURNS | {"machine": replace(MACHINE, intermediate_buffer=words(64))},
            2 * 2 * ((3 + 2) * 12 + 9 * 4),
            144,
        ),
    ],
)
def test_variants_by_hand(changes, bank_reads, sums_kept):
    before, after = pair(**changes)
    assert (after.bank_reads, after.sums_kept) == (bank_reads, sums_kept)
    assert replace(after, bank_reads=0, used_bank_reads=0, sums_kept=0) == replace(
        before, bank_reads=0, used_bank_reads=0, sums_kept=0
    )


# Against a count that visits every tile of every step ---------------------------------------------------------------


def tiles_of(mapping: LayerMapping) -> list[tuple[int, int, set[str], int]]:
    """Each tile of a round of a chain: its segment's number, used banks, vectors that its columns belong to, rows."""
    task, found, number = mapping.task, [], 0
    for run in mapping.runs:
        for segment in [segment for _ in range(run.repeats) for segment in run.segments]:
            height = task.tile_height(segment.rows)
            sizes = {"x": task.layer.input_size}
            sizes |= {segment.waits_for: sum(segment.columns) - sizes["x"] * ("x" in segment.operand)}
            parts = [[letter] * sizes[letter] for letter in segment.operand]
            banks = len(range(0, segment.rows, task.accelerator.lanes_per_unit))
            for columns in parts if len(segment.columns) > 1 else [list(chain(*parts))]:
                for first in range(0, len(columns), width := task.accelerator.num_macs // height):
                    tile = columns[first : first + width]
                    found.append((number, len(tile) * banks, set(tile), segment.rows))
            number += 1
    return found


def visit(mapping: LayerMapping, lengths: tuple[int, ...]) -> tuple[int, int, int]:
    """Bank reads, used ones and sums kept, every chain, step and tile for itself."""
    task, machine = mapping.task, mapping.task.accelerator
    tiles, in_turns = tiles_of(mapping), task.chains > 1
    early = {number: rows for number, _, vectors, rows in tiles if vectors == {"x"}}
    segments = groupby(tiles, lambda tile: tile[0])
    kept_anyway = {number for number, group in segments if all(vectors == {"x"} for _, _, vectors, _ in group)}
    together = task.layer.num_directions * len(lengths) if in_turns else len(lengths)
    room = machine.intermediate_buffer.capacity_bytes // machine.partial_sum_bytes
    words = sum(early.values()) * together
    share = room // words if words else 0
    share = share if min(share, max(lengths)) > 1 else 0
    reads = used = sums = 0
    for group in [[length] for length in lengths] if in_turns else [lengths]:
        for step in range(max(group)):
            running = sum(length > step for length in group)
            for _, banks, vectors, _ in tiles:
                if not (share and vectors == {"x"} and step % share):
                    reads += machine.num_macs // machine.lanes_per_unit
                    used += banks
            sums += running * sum(rows for number, rows in early.items() if share or number in kept_anyway)
    return tuple(task.layer.num_directions * count for count in (reads, used, sums))


@st.composite
def buffered_cases(draw: st.DrawFn) -> Case:
    """Half of them with an intermediate buffer for the sums of some steps, about."""
    case = draw(cases(cells=("lstm", "gru", "rnn"), weights=("resident",)))
    if draw(st.booleans()):
        return case
    step = 4 * case.layer.hidden_size * len(case.lengths) * case.accelerator.partial_sum_bytes
    buffer = MemoryLevel(capacity_bytes=draw(st.integers(step, step * max(case.lengths))))
    return replace(case, accelerator=replace(case.accelerator, intermediate_buffer=buffer))


def mapped(case: Case) -> LayerMapping:
    lanes = next(lanes for lanes in (4, 3, 2, 1) if all(rows % lanes == 0 for rows in case.accelerator.tile_rows))
    machine = replace(case.accelerator, lanes_per_unit=lanes)
    try:
        return map_layer(case.layer, case.sequences, machine, case.plan)
    except InfeasibleMappingError:
        assume(False)
        raise


@examples(200)
@given(buffered_cases())
def test_counts_are_those_of_visiting_every_tile(case: Case):
    mapping = mapped(case)
    assume(case.layer.num_directions * sum(case.lengths) * len(tiles_of(mapping)) < 10**5)
    before = count_activity(mapping, replace(case, accelerator=mapping.task.accelerator).count())
    after = with_weight_locality(mapping, before)
    assert (after.bank_reads, after.used_bank_reads, after.sums_kept) == visit(mapping, case.lengths)
    assert after.bank_reads <= before.bank_reads
    assert after.used_bank_reads <= before.used_bank_reads
    assert after.sums_kept >= before.sums_kept
    assert {type(value) for value in vars(after).values()} == {int}


@pytest.mark.parametrize(
    "kind",
    [
        lambda steps, longest, chains: steps < 2,
        lambda steps, longest, chains: 1 < steps < longest,
        lambda steps, longest, chains: 1 < steps == longest,
        lambda steps, longest, chains: steps > 1 and chains > 1,
    ],
    ids=["none", "some steps", "all steps", "in turns"],
)
def test_random_cases_have_every_kind(kind):
    def is_it(case):
        mapping = mapped(case)
        return kind(steps_that_share(mapping), max(case.lengths), mapping.task.chains)

    assert is_it(
        find(buffered_cases(), is_it, settings=settings(max_examples=2000, database=None, phases=[Phase.generate]))
    )


# In a report ---------------------------------------------------------------------------------------------------------

TECHNOLOGY = find_technology("32nm")


@examples(50)
@given(network_cases(max_layers=2))
def test_latency_and_products_stay_and_no_weight_is_read_more_often(case):
    report = case.report()
    for entry, before in zip(report.layers, report.activities, strict=True):
        after = with_weight_locality(entry.mapping, before)
        same = ("total_cycles", "array_cycles", "products", "useful_products", "vector_reads", "loaded_bytes")
        assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
        assert after.used_bank_reads <= after.bank_reads <= before.bank_reads
        if max(case.lengths) == 1:
            assert after == before


def large(accelerator):
    return replace(accelerator.with_macs("1K"), intermediate_buffer=MemoryLevel(capacity_bytes=6 * 2**20))


def test_a_report_with_and_without(accelerator):
    report = simulate(find_network("eesen").with_lengths([50]), large(accelerator), Plan(schedule="intergate"))
    without, shared = evaluate_energy(report, TECHNOLOGY), evaluate_energy(report, TECHNOLOGY, weight_locality=True)
    assert without.weight_locality is False
    assert without.activities == report.activities
    assert shared.energy.of("weight_buffer") < without.energy.of("weight_buffer")
    assert shared.energy.of("intermediate_buffer") > without.energy.of("intermediate_buffer")
    for name in ("compute_unit", "io_buffer", "cell_state_buffer", "mfu", "controller", "dram"):
        assert shared.energy.of(name) == without.energy.of(name)
    assert shared.power_w / without.power_w == pytest.approx(shared.energy.total_j / without.energy.total_j)
    content = shared.as_dict()
    assert (content["weight_locality"], without.as_dict()["weight_locality"]) == (True, False)
    reads = [layer["activity"]["bank_reads"] for layer in content["layers"]]
    assert reads == [activity.bank_reads for activity in shared.activities]
    assert sum(reads) == next(entry["count"] for entry in content["actions"] if entry["action"] == "read a bank")
    spent = sum(part["dynamic_j"] for part in content["components"].values())
    assert sum(entry["energy_j"] for entry in content["actions"]) == pytest.approx(spent)


def test_a_report_says_so_where_nothing_is_shared(accelerator):
    report = simulate(find_network("gmat"), accelerator.with_macs("1K"))  # 24 KiB hold the sums of one step
    shared = evaluate_energy(report, TECHNOLOGY, weight_locality=True)
    assert shared.energy == evaluate_energy(report, TECHNOLOGY).energy
    assert [text for text in shared.warnings if text.startswith("weight locality saves no read")]
    assert not [text for text in evaluate_energy(report, TECHNOLOGY).warnings if text.startswith("weight locality")]


def test_weights_that_come_in_every_step_are_not_shared(accelerator):
    layers = [RNNLayer(input_size=64, hidden_size=64), RNNLayer(input_size=64, hidden_size=32)]
    network = Network(name="two", layers=layers, seq_len=8)
    machine = replace(large(accelerator), weight_buffer=MemoryLevel(capacity_bytes=2 * layers[0].num_weights - 2))
    report = simulate(network, machine, Plan(schedule="intergate", weights="streamed"))
    too_large, fits = report.activities
    assert with_weight_locality(report.layers[0].mapping, too_large) == too_large
    assert with_weight_locality(report.layers[1].mapping, fits).bank_reads < fits.bank_reads


def test_it_is_a_flag(accelerator):
    machine = large(accelerator)
    report = simulate(find_network("bysdne"), machine)
    with pytest.raises(SpecificationError, match="weight_locality: expected true or false, got 'yes'"):
        evaluate_energy(report, implement(machine, TECHNOLOGY), weight_locality="yes")  # type: ignore[arg-type]
