"""Results that texts report of rivals: each has a source and agrees with itself; unlike things are told apart."""

from dataclasses import replace
from itertools import combinations

import pytest

from sharp import CELLS, SpecificationError, evaluate_energy, find_accelerator, find_technology, simulate
from sharp.rivals.results import COUNTS, TOLERANCE, RivalResult, load_results, own_result, rival_results, unlike

MACHINES = {"EdgeDRNN", "Spartus", "ESE", "C-LSTM", "DeltaRNN", "Chipmunk", "MASR", "TPU", "GRNN", "DeepCPU"}
MACHINES |= {"Persistent RNN", "Plasticine", "FlashRNN"}


def of(machine, status="recalled"):
    return [result for result in rival_results() if (result.machine, result.status) == (machine, status)]


def test_what_ships():
    results = rival_results()
    assert {result.machine for result in results} == MACHINES
    assert {result.status for result in results} == {"published", "recalled"}
    for result in results:
        assert len(result.source) > 10
        assert result.note or result.status == "published"
    # Nothing that was only read in an abstract has sizes to run it with.
    assert {result.machine for result in results if result.network} == {"EdgeDRNN", "Spartus", "ESE", "C-LSTM"}
    assert all(result.status == "recalled" for result in results if result.network)


def test_what_is_recalled_meets_what_is_published():
    # By hand, from the abstracts: 2.52 TOPS; 18.8 times; 46 times 204 GOPS, and 9.4 TOPS at 1.1 TOPS a W; 20.2 GOPS.
    (ese,), (clstm,), (spartus,), (edge,) = map(of, ("ESE", "C-LSTM", "Spartus", "EdgeDRNN"))
    weights = 4 * 1024 * (153 + 512) + 512 * 1024
    assert ese.network.num_weights == clstm.network.num_weights == weights
    assert 2 * weights * 32 / ese.latency_us / 1e6 == pytest.approx(2.52, abs=0.0075)
    frames = clstm.throughput_gops * 1e9 / (2 * weights)
    assert frames / 17_544 == pytest.approx(18.8, abs=0.05)
    assert frames / clstm.power_w / 428 == pytest.approx(33.5, abs=0.1)
    assert frames * clstm.latency_us / 1e6 == pytest.approx(3, abs=0.01)
    assert 2 * spartus.network.num_macs / 1e6 == pytest.approx(9.4, abs=0.05)
    assert 2 * edge.network.num_macs / edge.latency_us / 1e3 == pytest.approx(20.2, abs=0.1)
    assert edge.throughput_gops / edge.power_w == pytest.approx(edge.efficiency_gops_per_w, abs=0.05)


def test_the_tpus_lstms_are_below_what_its_memory_allows():
    for result, tpu in zip(of("TPU"), (64, 96), strict=True):
        assert result.batch_size == tpu
        assert 0.4 < result.throughput_gops / (2 * tpu * 34) < 1


def test_no_two_machines_are_alike_but_one_is_like_itself():
    for one, other in combinations(rival_results(), 2):
        assert unlike(one, other) == unlike(other, one)
        if one.machine != other.machine:
            assert len(unlike(one, other)) >= 4
    (ese,) = of("ESE")
    assert unlike(ese, replace(ese, machine="another", latency_us=80.0, note="")) == {}
    executed, dense = of("ESE", "published")
    assert unlike(executed, dense)["ops_counted"] == "differs"
    assert unlike(ese, replace(ese, batch_size=1, throughput_gops=None)) == {"batch_size": "differs"}
    assert unlike(ese, replace(ese, seq_len=2, throughput_gops=None)) == {"network": "differs"}
    assert unlike(ese, replace(ese, technology="", precision="8-bit")) == {
        "technology": "not known",
        "precision": "differs",
    }


def test_ours_beside_theirs():
    (ese,) = of("ESE")
    machine, technology = find_accelerator("sharp").with_macs("1K"), find_technology("32nm")
    report = simulate(ese.network, machine)
    ours = own_result(evaluate_energy(report, technology), ese)
    assert (ours.machine, ours.technology, ours.status) == ("SHARP 1K", "32 nm", "derived")
    assert ours.latency_us == pytest.approx(1e6 * report.latency_s)
    assert ours.network.layers == ese.network.layers
    assert ours.network.batch_size == 32
    assert set(unlike(ese, ours)) == {"kind", "technology", "precision", "sparsity"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "FGPA"}, "kind: expected ASIC, FPGA, GPU, CPU, got 'FGPA' (did you mean 'FPGA'?)"),
        ({"ops_counted": "effective"}, f"ops_counted: expected {', '.join(COUNTS)}, got 'effective'"),
        ({"status": "read"}, "status: expected published, recalled, derived, assumed, given, got 'read'"),
        ({"cell": "lsmt"}, f"cell: expected {', '.join(CELLS)}, got 'lsmt' (did you mean 'lstm'"),
        ({"batch_size": "0"}, "batch_size: expected a positive integer, got 0"),
        ({"latency_us": "-1"}, "latency_us: expected a positive number, got -1.0"),
        ({"source": ""}, "source: expected a printable text, got ''"),
        ({"latency_us": "", "throughput_gops": ""}, "A: expected at least one of latency_us, throughput_gops, "),
        ({"speedup": "2"}, "speedup_over: expected a text where there is a speedup, and only there, got ''"),
        ({"power_of": "board"}, "power_of: expected a text where there is a power_w, and only there, got 'board'"),
        ({"latency_us": "2"}, "throughput_gops: expected about 0.8, as the other numbers of the row have it, got 1.6"),
        (
            {"power_w": "2", "power_of": "chip", "efficiency_gops_per_w": "1"},
            "efficiency_gops_per_w: expected about 0.8, as the other numbers of the row have it, got 1.0",
        ),
    ],
)
def test_a_bad_row_gets_one_sentence(tmp_path, changes, message):
    # 4 x 10 x (10 + 10) weights: 1,600 operations a step, 1.6 GOPS where it takes 1 us.
    row = {"machine": "A", "kind": "ASIC", "ops_counted": "dense", "batch_size": "1", "cell": "lstm", "num_layers": "1"}
    row |= {"input_size": "10", "hidden_size": "10", "seq_len": "1", "latency_us": "1", "throughput_gops": "1.6"}
    row |= {"power_w": "", "power_of": "", "efficiency_gops_per_w": "", "speedup": "", "source": "x", "status": "given"}
    path = tmp_path / "mine.csv"
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    (result,) = load_results(path)
    assert (result.network.num_macs, result.power_w, result.note) == (800, None, "")
    path.write_text(",".join(row) + "\n" + ",".join({**row, **changes}.values()) + "\n")
    with pytest.raises(SpecificationError) as error:
        load_results(path)
    assert str(error.value).startswith(f"{path}: line 2: {message}")


def test_columns_are_the_fields(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("machine,kind,source,status,latency_ms\n")
    with pytest.raises(SpecificationError, match=r"expected no key 'latency_ms' \(did you mean 'latency_us'"):
        load_results(path)
    path.write_text("machine,kind,source\n")
    with pytest.raises(SpecificationError, match="expected a key 'status'"):
        load_results(path)


def test_rounding_is_no_contradiction():
    # 20 GOPS of one digit may be 22: within the tolerance, and not beyond.
    known = {"machine": "A", "kind": "ASIC", "power_w": 1.0, "power_of": "chip", "source": "x", "status": "given"}
    RivalResult(**known, throughput_gops=20.0, efficiency_gops_per_w=20.0 * (1 + 0.9 * TOLERANCE))
    with pytest.raises(SpecificationError, match="efficiency_gops_per_w"):
        RivalResult(**known, throughput_gops=20.0, efficiency_gops_per_w=20.0 * (1 + 1.1 * TOLERANCE))
