"""Energy: counts times prices and leakage over time, against the specification and by law."""

from dataclasses import asdict, fields, replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import WEIGHTS, Case, NetworkCase, cases, examples, network_cases, reference_machine, reference_prices

from sharp import (
    SCHEDULES,
    Accelerator,
    EnergyBreakdown,
    Gating,
    Implementation,
    Plan,
    RNNLayer,
    SpecificationError,
    find_accelerator,
    find_network,
    find_technology,
    implement,
    simulate,
)
from sharp.cycles.activity import Activity
from sharp.energy.breakdown import ACTIONS, break_down, full_speed, sum_energy
from sharp.energy.implementation import COMPONENTS, Prices
from sharp.energy.technology import with_settings as with_technology_settings
from sharp.kernels import reference_energy
from sharp.machine.accelerator import with_settings
from sharp.machine.plan import FORWARDING
from sharp.workload.single import single_layer

BUDGETS = ("1K", "4K", "16K", "64K")
PAPERS = ("eesen", "gmat", "bysdne", "rldradspr")
"""The paper's four networks."""
TECHNOLOGY = find_technology("32nm")
MADE = {label: implement(find_accelerator("sharp").with_macs(label), TECHNOLOGY) for label in BUDGETS}
ENERGIES = [field.name for field in fields(Prices) if field.name.endswith("_pj")]
GATINGS = [Gating(clock=clock, power=power) for clock, power in product((False, True), repeat=2)]

costs = st.one_of(st.just(0.0), st.floats(1e-6, 1e6))


def priced(accelerator: Accelerator, prices: Prices) -> Implementation:
    """A machine whose actions cost what they are said to."""
    return replace(MADE["1K"], accelerator=accelerator, prices=prices)


@st.composite
def implementations(draw: st.DrawFn, accelerator: Accelerator) -> Implementation:
    """The machine at random prices; leakage of a weight buffer asleep is at most that of one awake."""
    of = {name: draw(costs) for name in ENERGIES}
    of["dram_vector_pj"] = accelerator.weight_bytes * of["dram_byte_pj"]
    leakage = {name: draw(costs) for name in COMPONENTS if name != "dram"}
    asleep = leakage["weight_buffer"] * draw(st.floats(0, 1))
    return priced(accelerator, Prices(**of, leakage_w=leakage, asleep_w=asleep))


@st.composite
def priced_cases(draw: st.DrawFn) -> tuple[Activity, Implementation]:
    """What a layer of a random network does, on a machine at random prices."""
    case: NetworkCase = draw(network_cases())
    return draw(st.sampled_from(case.report().activities)), draw(implementations(case.accelerator))


# Against the specification -------------------------------------------------------------------------------------------


@examples(300)
@given(priced_cases(), st.sampled_from(GATINGS))
def test_energy_of_every_component_is_that_of_the_specification(case, gating):
    activity, made = case
    wanted = reference_energy.energy(
        reference_energy.Actions(**asdict(activity)),
        reference_machine(made.accelerator),
        reference_prices(made),
        made.accelerator.clock_hz,
        clock_gating=gating.clock,
        power_gating=gating.power,
    )
    energy = break_down(activity, made, gating)
    assert list(energy.dynamic_j) == list(energy.static_j) == list(COMPONENTS) == list(wanted)
    for name, (dynamic, static) in wanted.items():
        assert energy.dynamic_j[name] == pytest.approx(dynamic, rel=1e-12, abs=0), name
        assert energy.static_j[name] == pytest.approx(static, rel=1e-12, abs=0), name
        assert energy.of(name) == pytest.approx(dynamic + static, rel=1e-12, abs=0), name


def test_every_price_is_paid_by_one_component_and_every_count_is_used():
    assert sorted(action.price for action in ACTIONS) == sorted(ENERGIES)
    assert {action.component for action in ACTIONS} == set(COMPONENTS)
    counted = {name for action in ACTIONS for name in (action.count, action.gated_count) if name}
    computed = {"idle_cycles", "nothing"}
    assert counted | {"held_bytes"} == {field.name for field in fields(Activity)} | computed  # it says what sleeps


def test_energy_by_hand():
    # Each action costs 1 pJ and is done as often as its place says; the chip leaks 9 components x 2 W for 17 cycles.
    counts = {field.name: place for place, field in enumerate(fields(Activity), start=1)}
    assert (counts["total_cycles"], counts["array_cycles"], counts["held_bytes"]) == (1, 2, 17)
    machine = with_settings(MADE["1K"].accelerator, {"clock_hz": 1e9, "weight_buffer": 34})
    prices = Prices(**dict.fromkeys(ENERGIES, 1.0), leakage_w=dict.fromkeys(COMPONENTS[:-1], 2.0), asleep_w=0.5)
    activity = Activity(**{**counts, "total_cycles": 17})
    energy = break_down(activity, priced(machine, prices))
    by_hand = {
        "compute_unit": 3 * 3 + 15,  # products, and idle cycles: 17 less the 2 that the array works
        "weight_buffer": 5 + 15,  # bank_reads, loaded_bytes
        "io_buffer": 7 + 8,
        "cell_state_buffer": 2 * 14,
        "intermediate_buffer": 2 * 9,
        "mfu": 10 + 11 + 12 + 13,
        "controller": 17,
        "wires": 3 + 7 + 5,  # products, vector_reads, bank_reads
        "clock": 17,
        "dram": 15 + 16,  # loaded_bytes, dram_vectors
    }
    assert energy.dynamic_j == pytest.approx({name: count * 1e-12 for name, count in by_hand.items()}, rel=1e-12)
    assert energy.static_j == pytest.approx({name: 2 * 17e-9 * (name != "dram") for name in COMPONENTS}, rel=1e-12)
    gated = break_down(activity, priced(machine, prices), Gating(clock=True, power=True))
    changed = {"compute_unit": 3 * 4, "weight_buffer": 6 + 15, "wires": 4 + 7 + 6}  # useful, used
    changed |= {"controller": 2, "clock": 2}  # array_cycles
    assert gated.dynamic_j == pytest.approx(
        {name: count * 1e-12 for name, count in (by_hand | changed).items()}, rel=1e-12
    )
    assert gated.static_j["weight_buffer"] == pytest.approx(
        (2 + 0.5) / 2 * 17e-9, rel=1e-12
    )  # half of it holds weights


# By law --------------------------------------------------------------------------------------------------------------


@examples(200)
@given(priced_cases(), st.sampled_from(GATINGS))
def test_parts_sum_to_the_total_and_none_is_negative(case, gating):
    energy = break_down(*case, gating)
    assert sum(map(energy.of, COMPONENTS)) == pytest.approx(energy.total_j, rel=1e-12, abs=0)
    assert min(*energy.dynamic_j.values(), *energy.static_j.values()) >= 0
    assert energy.static_j["dram"] == 0


@examples(200)
@given(priced_cases(), st.sampled_from(GATINGS))
def test_half_the_prices_are_half_the_dynamic_energy_and_leak_the_same(case, gating):
    activity, made = case
    half = replace(made.prices, **{name: getattr(made.prices, name) / 2 for name in ENERGIES})
    energy, cheaper = break_down(activity, made, gating), break_down(activity, replace(made, prices=half), gating)
    assert {name: 2 * joules for name, joules in cheaper.dynamic_j.items()} == energy.dynamic_j
    assert cheaper.static_j == energy.static_j


@examples(200)
@given(priced_cases())
def test_gating_never_costs_more_and_changes_what_it_gates_only(case):
    activity, made = case
    free, clock, power, both = (break_down(activity, made, gating) for gating in (GATINGS[i] for i in (0, 2, 1, 3)))
    assert clock.static_j == free.static_j
    assert power.dynamic_j == free.dynamic_j
    assert (both.dynamic_j, both.static_j) == (clock.dynamic_j, power.static_j)
    for name in COMPONENTS:
        assert clock.dynamic_j[name] <= free.dynamic_j[name]
        assert power.static_j[name] <= free.static_j[name] * (1 + 1e-15)
        if name not in ("compute_unit", "weight_buffer", "controller", "wires", "clock"):
            assert both.dynamic_j[name] == free.dynamic_j[name], name
        if name != "weight_buffer":
            assert both.static_j[name] == free.static_j[name], name


@examples(100)
@given(network_cases(), st.data())
def test_energy_of_layers_is_that_of_all_their_actions(case: NetworkCase, data):
    made = data.draw(implementations(case.accelerator))
    activities = case.report().activities
    apart = sum_energy(break_down(activity, made) for activity in activities)
    names = [field.name for field in fields(Activity)]
    together = Activity(**{name: sum(getattr(activity, name) for activity in activities) for name in names})
    whole = break_down(together, made)
    assert apart.dynamic_j == pytest.approx(whole.dynamic_j, rel=1e-12, abs=0)
    assert apart.static_j == pytest.approx(whole.static_j, rel=1e-12, abs=0)


# Waiting -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", ["1K", "64K"])
def test_an_array_that_waits_costs_a_share_of_what_it_costs_at_work(budget):
    machine = MADE[budget].accelerator
    (activity,) = simulate(single_layer(RNNLayer(input_size=340, hidden_size=340), 25), machine).activities
    assert activity.idle_cycles > 0
    for share in (0, 0.25, 1):
        made = implement(machine, with_technology_settings(TECHNOLOGY, {"idle_share": share}))
        of = made.prices
        cycle = machine.num_macs * (of.multiply_pj + of.add_pj + of.register_pj) * 1e-12
        cycles = activity.array_cycles + share * activity.idle_cycles
        energy, gated = (break_down(activity, made, gating) for gating in (Gating(), Gating(clock=True)))
        assert energy.dynamic_j["compute_unit"] == pytest.approx(cycles * cycle, rel=1e-12)
        useful = activity.useful_products / activity.products * activity.array_cycles
        assert gated.dynamic_j["compute_unit"] == pytest.approx(useful * cycle, rel=1e-12)


@examples(100)
@given(network_cases())
def test_no_array_works_longer_than_its_layer_takes(case: NetworkCase):
    assert all(activity.idle_cycles >= 0 for activity in case.report().activities)


# Gating --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell_type", ["itrs-hp", "itrs-lstp"])
@pytest.mark.parametrize("temperature_k", [300, 330, 360])
@pytest.mark.parametrize("budget", BUDGETS)
def test_a_weight_buffer_asleep_leaks_less(cell_type, temperature_k, budget):
    technology = replace(TECHNOLOGY, cell_type=cell_type, temperature_k=temperature_k)
    prices = implement(MADE[budget].accelerator, technology).prices
    assert 0 < prices.asleep_w < prices.leakage_w["weight_buffer"]


def test_a_full_weight_buffer_stays_awake_and_an_empty_one_sleeps():
    made = MADE["1K"]
    full = full_speed(made.accelerator)
    awake, gated = (break_down(full, made, gating) for gating in (Gating(), Gating(power=True)))
    assert gated.static_j == awake.static_j
    asleep = break_down(replace(full, held_bytes=0), made, Gating(power=True))
    assert asleep.static_j["weight_buffer"] == pytest.approx(made.prices.asleep_w / 5e8, rel=1e-12)


@pytest.mark.parametrize("node_nm", [45, 28, 22, 16, 7])
def test_power_gating_is_refused_where_no_run_says_what_sleep_saves(node_nm):
    made = implement(MADE["64K"].accelerator, TECHNOLOGY.scaled(node_nm))
    sentence = (
        "power_gating: expected a technology with data on SRAM asleep, such as 32 nm, "
        f"got '{node_nm} nm, itrs-hp, 360 K'"
    )
    with pytest.raises(SpecificationError) as refusal:
        break_down(full_speed(made.accelerator), made, Gating(power=True))
    assert str(refusal.value) == sentence
    assert break_down(full_speed(made.accelerator), made, Gating(clock=True)).total_j > 0


@pytest.mark.parametrize("name", ["clock", "power"])
def test_gating_is_on_or_off(name):
    with pytest.raises(SpecificationError, match=f"^{name}_gating: expected true or false, got 1$"):
        Gating(**{name: 1})


# Peak, and what is small ---------------------------------------------------------------------------------------------


@examples(300)
@given(cases(cells=("lstm",)))
def test_no_unit_of_an_lstm_does_more_than_at_full_speed(case: Case):
    # What the cycles bound. They do not bound elements of x from the DRAM, nor sums written in a cycle.
    network = single_layer(case.layer, 1).with_lengths(case.lengths)
    machine = replace(case.accelerator, lanes_per_unit=case.accelerator.tile_rows[0])
    (activity,) = NetworkCase(network, case.lengths, machine, case.plan).report().activities
    of = MADE["64K"].prices
    idle = machine.num_macs * (of.multiply_pj + of.add_pj + of.register_pj)  # all that a cycle of work takes
    made = priced(machine, replace(of, idle_pj=idle))
    energy, cycle = break_down(activity, made), break_down(full_speed(machine), made)
    for name in ("compute_unit", "weight_buffer", "cell_state_buffer", "mfu", "controller"):
        assert energy.of(name) <= activity.total_cycles * cycle.of(name) * (1 + 1e-12), name


@examples(300)
@given(
    budget=st.sampled_from(BUDGETS),
    cell=st.sampled_from(["lstm", "gru"]),
    size=st.integers(1, 2048).flatmap(lambda hidden: st.tuples(st.integers(1, hidden), st.just(hidden))),
    steps=st.integers(1, 40),
    batch_size=st.integers(1, 8),
    plan=st.builds(
        Plan,
        schedule=st.sampled_from(list(SCHEDULES)),
        tile_rows=st.sampled_from(["best", 32, 256]),
        reconfiguration=st.booleans(),
        forwarding=st.sampled_from(FORWARDING),
        weights=st.sampled_from(WEIGHTS),
    ),
)
def test_average_power_is_below_the_peak_where_x_is_no_wider_than_h(budget, cell, size, steps, batch_size, plan):
    # A wider x comes from the DRAM faster than at full speed: the cycles do not wait for it.
    made, (input_size, hidden_size) = MADE[budget], size
    network = single_layer(RNNLayer(cell=cell, input_size=input_size, hidden_size=hidden_size), steps, batch_size)
    report = simulate(network, made.accelerator, plan)
    energy = sum_energy(break_down(activity, made) for activity in report.activities)
    cycle = break_down(full_speed(made.accelerator), made)
    assert energy.total_j <= report.counts.total_cycles * cycle.total_j


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("name", PAPERS)
def test_the_controller_takes_less_than_a_hundredth(budget, name):
    made = MADE[budget]
    activities = simulate(find_network(name), made.accelerator).activities
    energy: EnergyBreakdown = sum_energy(break_down(activity, made) for activity in activities)
    assert 0 < energy.of("controller") < 0.01 * energy.total_j
