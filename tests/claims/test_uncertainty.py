"""Uncertainty: parameters as the files have them, samples as their distributions say, results as `simulate` does."""

from dataclasses import replace
from itertools import product
from math import ceil, isclose, pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from sharp import (
    Accelerator,
    Network,
    Plan,
    Provenance,
    RNNLayer,
    SpecificationError,
    evaluate_energy,
    find_accelerator,
    find_network,
    find_technology,
    simulate,
    square_lstm,
)
from sharp.claims.assumptions import Parameter, assumed_parameters, draw, nominal
from sharp.claims.uncertainty import Study, interval, sobol_indices
from sharp.energy.power import EnergyReport
from sharp.energy.technology import UNITS
from sharp.energy.technology import with_settings as with_technology_settings
from sharp.machine.accelerator import LATENCIES, with_settings

BUDGETS = ("1K", "4K", "16K", "64K")
MACHINE = find_accelerator("sharp")
TECHNOLOGY = find_technology("32nm-paper")
NETWORKS = tuple(map(find_network, ("eesen", "gmat", "bysdne", "rldradspr")))
PARAMETERS = assumed_parameters(MACHINE, TECHNOLOGY, NETWORKS)
BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}
WIDE = Network(
    name="wide",
    layers=(
        RNNLayer(input_size=300, hidden_size=512, bidirectional=True, projection_size=400),
        RNNLayer(input_size=800, hidden_size=512, bidirectional=True),
        RNNLayer(input_size=1024, hidden_size=64, cell="gru"),
    ),
    seq_len=700,
    batch_size=2,
    provenance={
        "seq_len": Provenance(source="a test", status="assumed", low=100, high=1200),
        "input_size": Provenance(source="a test", status="assumed", low=100, high=1000),
    },
)
"""Of several cells, some of whose sequences the I/H buffer does not hold."""


def continuous(**fields):
    return Parameter(**{"name": "x", "of": "machine", "nominal": 2.0, "low": 1.0, "high": 4.0} | fields)


# Parameters ----------------------------------------------------------------------------------------------------------


def test_parameters_are_the_uncertain_numbers_of_the_files():
    assert list(BY_NAME) == [
        *("activation_lanes", "rows_per_update_lane", *LATENCIES),
        *("fp16_add_pj", "fp16_multiply_pj", "fp16_divide_pj", "fp16_exponential_pj", "fp32_add_pj"),
        *("register_pj_per_bit", "controller_pj_per_mac", "idle_share", "dram_pj_per_bit"),
        *(
            "logic_leakage_mw_per_mm2",
            "temperature_k",
            "eesen.seq_len",
            "eesen.input_size",
            "gmat.seq_len",
            "gmat.input_size",
        ),
        *("bysdne.input_size", "rldradspr.seq_len", "rldradspr.input_size", "epur.tile_rows", "epur.schedule"),
    ]
    assert len(PARAMETERS) == len(BY_NAME)


def test_each_range_and_nominal_value_is_that_of_the_file():
    for name, parameter in BY_NAME.items():
        owner, _, field = name.rpartition(".")
        if parameter.of in ("machine", "technology"):
            holder = MACHINE if parameter.of == "machine" else TECHNOLOGY
            entry, own = holder.provenance[name], getattr(holder, name)
        elif parameter.of == "network":
            network = find_network(owner)
            own = network.seq_len if field == "seq_len" else network.layers[0].input_size
            entry = network.provenance[field]
        else:
            continue
        assert entry.status == "assumed" or parameter.of == "technology"
        assert parameter.nominal == own
        if not parameter.choices:
            assert (parameter.low, parameter.high) == (entry.low, entry.high)


def test_readings_of_epur_are_those_of_its_files():
    epur = find_accelerator("epur")
    tile, schedule = BY_NAME["epur.tile_rows"], BY_NAME["epur.schedule"]
    assert (tile.choices, tile.nominal, tile.of) == ((32, 64), epur.tile_rows[0], "reading")
    assert (epur.provenance["tile_rows"].low, epur.provenance["tile_rows"].high) == (32, 64)
    assert (schedule.choices, schedule.nominal) == (("sequential", "intergate"), epur.plan.schedule)


def test_temperatures_are_every_ten_kelvin_that_leakage_is_known_at():
    assert BY_NAME["temperature_k"].choices == (300, 310, 320, 330, 340, 350, 360)
    other = with_technology_settings(TECHNOLOGY, {"temperature_k": 370})
    known = {parameter.name: parameter for parameter in assumed_parameters(MACHINE, other, [])}
    assert "temperature_k" not in known  # given, so not assumed
    assumed = replace(other, provenance=TECHNOLOGY.provenance)
    known = {parameter.name: parameter for parameter in assumed_parameters(MACHINE, assumed, [])}
    assert known["temperature_k"].choices[-2:] == (360, 370)  # and the one in use


def test_what_an_integer_machine_multiplies_is_a_parameter_of_it_alone():
    machine = with_settings(MACHINE, {"arithmetic": "integer"})
    names = {parameter.name for parameter in assumed_parameters(machine, TECHNOLOGY, ())}
    assert names - BY_NAME.keys() == {"int16_multiply_pj", "int32_add_pj"}  # its sums have 32 bits
    left_out = {name for name in UNITS if TECHNOLOGY.provenance[name].low is not None} - BY_NAME.keys()
    assert {name for name in left_out if not name.startswith("int")} == {
        *(*TECHNOLOGY.inputs, "fp32_multiply_pj", "clock_pj_per_bit", "wire_pj_per_bit_mm")  # left out in the paper's
    }


def test_numbers_that_are_not_assumed_are_no_parameters():
    provenance = {name: replace(entry, status="given") for name, entry in MACHINE.provenance.items()}
    parameters = assumed_parameters(replace(MACHINE, provenance=provenance), TECHNOLOGY, (square_lstm(64),))
    assert {parameter.of for parameter in parameters} == {"technology", "reading"}


# Distributions and samples -------------------------------------------------------------------------------------------


@given(shares=st.lists(st.floats(0, 1), min_size=2, max_size=20).map(sorted), place=st.integers(0, len(PARAMETERS) - 2))
@examples(100)
def test_quantiles_are_monotone_and_within_range(shares, place):
    parameter = PARAMETERS[place]  # the last one, the schedule, has no order
    values = parameter.quantile(np.array(shares))
    low, high = (
        (min(parameter.choices), max(parameter.choices)) if parameter.choices else (parameter.low, parameter.high)
    )
    assert (np.diff(values) >= 0).all()
    assert ((low <= values) & (values <= high)).all()
    whole = parameter.whole or all(isinstance(choice, int) for choice in parameter.choices or (0.5,))
    assert values.dtype.kind == ("i" if whole else "f")
    assert isclose(parameter.quantile(np.array([0.0]))[0], low)
    assert isclose(parameter.quantile(np.array([1.0]))[0], high)


def test_ranges_of_a_decade_are_uniform_in_the_logarithm():
    middle = np.array([0.5])
    assert {name for name, parameter in BY_NAME.items() if parameter.log} == {
        *("controller_pj_per_mac", "dram_pj_per_bit", "logic_leakage_mw_per_mm2")
    }
    assert continuous(high=10.0).quantile(middle) == pytest.approx([10**0.5])
    assert continuous(high=9.0).quantile(middle) == pytest.approx([5.0])
    assert continuous(high=9, whole=True).quantile(middle).tolist() == [5]
    assert continuous(high=99, whole=True).quantile(middle).tolist() == [50]


def test_whole_numbers_and_choices_are_equally_likely():
    shares = (np.arange(8000) + 0.5) / 8000
    for name, count in {"rows_per_update_lane": 8, "epur.tile_rows": 2, "epur.schedule": 2}.items():
        values, counts = np.unique(BY_NAME[name].quantile(shares), return_counts=True)
        assert len(values) == count
        assert set(counts.tolist()) == {8000 // count}


def test_samples_are_the_same_for_the_same_seed_and_balanced():
    first, again, other = (draw(PARAMETERS, 1000, seed=seed) for seed in (7, 7, 8))
    assert list(first) == list(BY_NAME)
    for name, values in first.items():
        assert values.shape == (1024,)  # the next power of two
        assert (values == again[name]).all()
        few = 1 <= len(BY_NAME[name].choices) <= 4  # scrambled bits may give each point the same choice again
        assert few or (values != other[name]).any()
    low, high = BY_NAME["fp16_divide_pj"].low, BY_NAME["fp16_divide_pj"].high
    counts, _ = np.histogram(first["fp16_divide_pj"], bins=np.linspace(low, high, 65))
    assert (counts == 16).all()
    assert (first["epur.schedule"] == "intergate").sum() == 512
    _, counts = np.unique(first["update_ns"], return_counts=True)
    assert np.abs(counts - 1024 / 29).max() < 2  # 29 durations


def test_latencies_are_the_whole_cycles_of_their_range():
    # 2 ns a cycle: update_ns from 24 to 80 ns takes 12 to 40 cycles, 29 durations; 18 cycles are the nominal 34.96 ns.
    entry, choices = MACHINE.provenance["update_ns"], BY_NAME["update_ns"].choices
    assert (entry.low, entry.high, len(choices), choices[18 - 12]) == (24, 80, 29, 34.96)
    for name in LATENCIES:
        entry, choices = MACHINE.provenance[name], BY_NAME[name].choices
        least, *between, most = [with_settings(MACHINE, {name: choice}).cycles(name) for choice in choices]
        assert [least, *between, most] == list(range(least, most + 1))
        assert (least, most) == (ceil(entry.low / 2), ceil(entry.high / 2))


# The study -----------------------------------------------------------------------------------------------------------


def run(samples, place: int, machine: str, network: Network, budget: str) -> EnergyReport:
    """One sample by `simulate` and `evaluate_energy`, from the shipped files alone."""
    of = {name: values[place].item() for name, values in samples.items()}
    names = {"sequential": "epur", "intergate": "epur-intergate"}
    made: Accelerator = MACHINE if machine == "sharp" else find_accelerator(names[of["epur.schedule"]])
    tile = {} if machine == "sharp" else {"tile_rows": of["epur.tile_rows"]}
    settings = {name: of[name] for name in ("activation_lanes", "rows_per_update_lane", *LATENCIES)}
    made = with_settings(made.with_macs(budget), settings | tile)
    first = replace(network.layers[0], input_size=of.get(f"{network.name}.input_size", network.layers[0].input_size))
    network = replace(
        network,
        layers=(first, *network.layers[1:]),
        seq_len=of.get(f"{network.name}.seq_len", network.seq_len),
    )
    technology = with_technology_settings(TECHNOLOGY, {name: of[name] for name in UNITS if name in of})
    return evaluate_energy(simulate(network, made), technology)


def check(samples, machine: str, network: Network, budget: str) -> None:
    """Every sample of a study is what its own run says."""
    study = Study(samples, MACHINE, TECHNOLOGY)
    cycles = study.total_cycles(machine, network, budget)
    for place in range(study.count):
        made = run(samples, place, machine, network, budget)
        report = made.report
        assert cycles[place] == report.counts.total_cycles
        assert study.latency_s(machine, network, budget)[place] == report.latency_s
        assert study.num_macs(network)[place] == report.network.num_macs
        assert study.area_mm2(budget, machine)[place] == pytest.approx(sum(made.implementation.area_mm2.values()))
        close = {
            "utilization": report.counts.utilization,
            "energy_j": made.energy.total_j,
            "power_w": made.power_w,
            "gflops_per_w": made.gflops_per_w,
            "gflops_per_w_paper": made.gflops_per_w_paper,
        }
        for name, value in close.items():
            assert getattr(study, name)(machine, network, budget)[place] == pytest.approx(value, rel=1e-9), name
    assert study.energy_j(machine, network, budget) is study.energy_j(machine, network, budget)  # kept
    assert not cycles.flags.writeable


@pytest.mark.parametrize("machine", ["sharp", "epur"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_the_nominal_study_is_what_the_shipped_files_give(machine, network):
    for budget in BUDGETS:
        check(nominal(PARAMETERS), machine, network, budget)


@pytest.mark.parametrize("machine", ["sharp", "epur"])
@pytest.mark.parametrize("network", [*NETWORKS, square_lstm(340), WIDE], ids=lambda network: network.name)
def test_random_samples_are_what_their_own_runs_give(machine, network):
    parameters = assumed_parameters(MACHINE, TECHNOLOGY, [network])
    check(draw(parameters, 16, seed=3), machine, network, "64K")
    check(draw(parameters, 8, seed=4), machine, network, "4K")


def test_random_samples_vary_in_all_that_matters():
    samples = draw(assumed_parameters(MACHINE, TECHNOLOGY, [WIDE]), 16, seed=3)
    for name in ("temperature_k", "epur.tile_rows", "epur.schedule", "rows_per_update_lane"):
        assert len(set(samples[name].tolist())) > 1, name
    given = 1024 * samples["wide.seq_len"] * 2
    held = given <= MACHINE.io_buffer.capacity_bytes // 4
    assert held.any()
    assert not held.all()


def test_an_assumed_price_of_the_dram_is_sampled_too():
    entry = replace(TECHNOLOGY.provenance["dram_pj_per_bit"], status="assumed")
    technology = replace(TECHNOLOGY, provenance={**TECHNOLOGY.provenance, "dram_pj_per_bit": entry})
    parameters = assumed_parameters(MACHINE, technology, NETWORKS[:1])
    assert "dram_pj_per_bit" in {parameter.name for parameter in parameters}
    for machine in ("sharp", "epur"):
        check(draw(parameters, 4, seed=1), machine, NETWORKS[0], "16K")


def test_what_samples_do_not_say_is_nominal():
    steps = np.array([300, 500])
    study = Study({"eesen.seq_len": steps}, MACHINE, TECHNOLOGY)
    for machine in ("sharp", "epur"):
        made = simulate(NETWORKS[0], find_accelerator(machine).with_macs("64K"))
        assert study.total_cycles(machine, NETWORKS[0], "64K")[1] == made.counts.total_cycles
    assert (study.total_cycles("sharp", NETWORKS[1], "64K") == study.total_cycles("sharp", NETWORKS[1], "64K")[0]).all()


def test_layers_of_several_sizes_are_what_their_own_runs_give():
    samples = draw(PARAMETERS, 4, seed=5)
    study = Study(samples, MACHINE, TECHNOLOGY)
    for retiled in (True, False):
        cycles = study.layers("total_cycles", "4K", (100, 340), reconfiguration=retiled)
        assert cycles.shape == (2, 4)
        for size, place in product(range(2), range(4)):
            settings = {name: samples[name][place].item() for name in ("activation_lanes", *LATENCIES)}
            settings["rows_per_update_lane"] = samples["rows_per_update_lane"][place].item()
            made = with_settings(MACHINE.with_macs("4K"), settings)
            report = simulate(square_lstm((100, 340)[size]), made, Plan(reconfiguration=retiled))
            assert cycles[size, place] == report.counts.total_cycles


def test_the_same_samples_on_another_machine():
    study, other = Study(nominal(PARAMETERS), MACHINE, TECHNOLOGY), with_settings(MACHINE, {"tile_rows": [512]})
    assert study.on(other).layers("tile_rows", "4K", [340]).tolist() == [[512]]
    assert study.on(other).samples.keys() == study.samples.keys()
    cycles = simulate(NETWORKS[2], other.with_macs("4K")).counts.total_cycles
    assert study.on(other).total_cycles("sharp", NETWORKS[2], "4K").tolist() == [cycles]


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (lambda: draw([], 8), "parameters: expected at least one, each name once, got []"),
        (lambda: draw([continuous(), continuous()], 8), "parameters: expected at least one, each name once"),
        (lambda: draw(PARAMETERS, 0), "count: expected a positive integer, got 0"),
        (lambda: draw(PARAMETERS, 8, seed=-1), "seed: expected an integer of at least 0, got -1"),
        (lambda: continuous(low=5.0), "x.range: expected two numbers of at least 0, the lower one first, got [5.0"),
        (lambda: continuous(low=1.5, whole=True), "x.range: expected two whole numbers of at least 0, the lower"),
        (lambda: continuous(nominal=5.0), "x.nominal: expected a number from 1 to 4, got 5.0"),
        (lambda: continuous(nominal="b", choices=("a",)), "x.nominal: expected one of a, got 'b'"),
        (lambda: interval(np.ones(3), 1.0), "share: expected a number between 0 and 1, got 1.0"),
        (lambda: Study({}, MACHINE, TECHNOLOGY), "samples: expected columns of one value a sample, all equally long"),
        (
            lambda: Study({"add_ns": np.ones(2), "multiply_ns": np.ones(3)}, MACHINE, TECHNOLOGY),
            "samples: expected columns of one value a sample, all equally long, got [2, 3]",
        ),
        (
            lambda: Study({"add": np.ones(2)}, MACHINE, TECHNOLOGY),
            "samples: expected one of 29 known names, got 'add' (did you mean 'add_ns'?)",
        ),
        (lambda: Study({"add_ns": np.ones(2)}, MACHINE, "32nm"), "technology: expected a Technology"),
        (
            lambda: Study(nominal(PARAMETERS), replace(MACHINE, plan={"weights": "streamed"}), TECHNOLOGY),
            "plan.weights: expected resident (layers do not wait for each other's weights), got 'streamed'",
        ),
        (
            lambda: Study(nominal(PARAMETERS), MACHINE, TECHNOLOGY).latency_s("epr", NETWORKS[0], "1K"),
            "machine: expected sharp, epur, got 'epr' (did you mean 'epur'?)",
        ),
        (
            lambda: Study({"epur.schedule": np.array(["batch"])}, MACHINE, TECHNOLOGY).latency_s(
                "epur", NETWORKS[0], "1K"
            ),
            "epur.schedule: expected sequential, intergate, got 'batch'",
        ),
        (
            lambda: Study(nominal(PARAMETERS), MACHINE, TECHNOLOGY).latency_s(
                "sharp", NETWORKS[0].with_lengths([3, 4]), "1K"
            ),
            "network.lengths: expected sequences of one length, as a study samples their steps, got (3, 4)",
        ),
        (
            lambda: Study(nominal(PARAMETERS), MACHINE, TECHNOLOGY).energy_j(
                "sharp", find_network("rldradspr-original"), "1K"
            ),
            "network.layers: expected layers without residual additions and sums of directions, got 'rldradspr-ori",
        ),
    ],
)
def test_bad_input_is_refused_in_a_sentence(action, sentence):
    with pytest.raises(SpecificationError) as error:
        action()
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_a_machine_without_epurs_tile_has_no_reading_of_it():
    parameters = assumed_parameters(with_settings(MACHINE, {"tile_rows": [64, 128]}), TECHNOLOGY, ())
    assert {entry.name for entry in PARAMETERS if "." not in entry.name} <= {entry.name for entry in parameters}
    assert "epur.tile_rows" not in {entry.name for entry in parameters}


def test_a_machine_that_the_technology_does_not_fit_says_why():
    with pytest.raises(SpecificationError, match=r"lanes_per_unit: expected a divisor of the tile height 16, got 32"):
        assumed_parameters(with_settings(MACHINE, {"tile_rows": [16]}), TECHNOLOGY, ())


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [np.inf]])
def test_no_interval_of_what_is_not_finite(values):
    with pytest.raises(SpecificationError, match=r"^values: expected finite numbers, at least one"):
        interval(np.array(values))


@pytest.mark.parametrize("values", [[1.0], np.nan])
def test_no_indices_of_what_is_no_function_of_samples(values):
    parameters = [Parameter(name=name, of="machine", nominal=1, low=1, high=2) for name in ("a", "b")]
    with pytest.raises(SpecificationError, match=r"^function: expected 32 finite numbers, one a sample"):
        sobol_indices(lambda samples: samples["a"] * values if values is np.nan else np.array(values), parameters, 8)


@pytest.mark.parametrize("name", ["epur.seq_len", "eesen.tile_rows"])
def test_samples_of_what_a_thing_does_not_have(name):
    with pytest.raises(SpecificationError, match=r"^samples: expected"):
        Study({name: np.array([32])}, MACHINE, TECHNOLOGY)


def test_users_plans_are_kept():
    machine = replace(MACHINE, plan={"schedule": "batch", "tile_rows": 64})
    study = Study(nominal(PARAMETERS), machine, TECHNOLOGY)
    expected = simulate(NETWORKS[2], MACHINE.with_macs("16K"), Plan(schedule="batch", tile_rows=64))
    assert study.total_cycles("sharp", NETWORKS[2], "16K").tolist() == [expected.counts.total_cycles]


# What the samples say ------------------------------------------------------------------------------------------------


def test_interval_holds_the_middle_share():
    assert interval(np.arange(1001.0)) == pytest.approx((25, 975))
    assert interval(np.arange(1001.0), 0.5) == pytest.approx((250, 750))
    assert interval(np.array([3.0])) == (3, 3)


def test_sobol_indices_of_the_ishigami_function():
    shifted = [continuous(name=name, nominal=4.0, low=4.0, high=4 + 2 * pi) for name in ("a", "b", "c", "idle")]

    def ishigami(samples):
        a, b, c = (samples[name] - 4 - pi for name in ("a", "b", "c"))
        return np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a)

    table = sobol_indices(ishigami, shifted, base_samples=4000, seed=0)
    assert table.index.tolist() == ["a", "b", "c", "idle"]
    known = {"a": (0.3139, 0.5576), "b": (0.4424, 0.4424), "c": (0.0, 0.2437), "idle": (0.0, 0.0)}
    for name, (first, total) in known.items():
        row = table.loc[name]
        assert abs(row["first"] - first) <= max(row["first_conf"], 1e-3)
        assert abs(row["total"] - total) <= max(row["total_conf"], 1e-3)
        assert 0 <= row["first_conf"] < 0.1
    assert table.equals(sobol_indices(ishigami, shifted, base_samples=4096, seed=0))


def test_sobol_indices_of_a_constant_are_zero():
    table = sobol_indices(lambda samples: np.full(len(samples["add_ns"]), 3.0), PARAMETERS, base_samples=8)
    assert table.shape == (len(PARAMETERS), 4)
    assert (table == 0).all(axis=None)


def test_cycles_depend_on_no_energy_and_leakage_on_temperature():
    def speedup(samples):
        study = Study(samples, MACHINE, TECHNOLOGY)
        return study.latency_s("epur", NETWORKS[2], "64K") / study.latency_s("sharp", NETWORKS[2], "64K")

    def power(samples):
        return Study(samples, MACHINE, TECHNOLOGY).power_w("sharp", NETWORKS[2], "1K")

    totals = sobol_indices(speedup, PARAMETERS, base_samples=256)["total"]
    idle = [name for name, parameter in BY_NAME.items() if parameter.of == "technology"]
    assert (totals[[*idle, "gmat.input_size"]] == 0).all()
    assert (totals[["epur.schedule", "update_ns", "bysdne.input_size"]] > 0).all()
    totals = sobol_indices(power, PARAMETERS, base_samples=256)["total"]
    assert totals.idxmax() == "temperature_k"
    assert (totals[["epur.schedule", "epur.tile_rows"]] == 0).all()
