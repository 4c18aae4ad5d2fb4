"""What a layer computes: the core equals the specification bit for bit, and both are right."""

import os
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from strategies import SHIPPED_CELLS
from values_cases import Case, random_case, reference_run

import sharp
from sharp import Plan, RNNLayer
from sharp.errors import SpecificationError
from sharp.kernels import values as kernel
from sharp.machine.accelerator import with_settings
from sharp.values.activations import Exact, Piecewise
from sharp.values.execute import execute_runs
from sharp.values.formats import numerics
from sharp.values.vectors import CellVector
from sharp.values.weights import DirectionWeights, random_weights, shapes_of

COUNT = 2000
CHUNKS = 8
MACHINE = sharp.find_accelerator("sharp").with_macs("1K")
SINGLE = numerics("fp32/fp32")


def same_bits(ours, theirs):
    """Equal numbers with equal signs; all that is not a number is alike."""
    return np.array_equal(ours, theirs, equal_nan=True) and np.array_equal(
        np.signbit(ours[~np.isnan(ours)]), np.signbit(theirs[~np.isnan(theirs)])
    )


def check(case, values, expected):
    size = case.layer.recurrent_size
    for direction, results in enumerate(expected):
        for sequence, result in enumerate(results):
            length = case.lengths[sequence]
            ours = values.output[:length, sequence, direction * size : (direction + 1) * size]
            assert same_bits(ours, result["h"])
            assert not values.output[length:, sequence].any()
            if "c" in values.final:
                assert same_bits(values.final["c"][direction, sequence], result["c"])


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_core_equals_the_specification_bit_for_bit(chunk):
    assert kernel.__file__.endswith((".so", ".pyd"))
    count = round(COUNT * float(os.environ.get("SHARP_EXAMPLES", "1")))
    for seed in range(chunk, count, CHUNKS):
        case = random_case(seed)
        try:
            check(case, case.execute(), reference_run(case))
        except AssertionError as error:
            raise AssertionError(f"random_case({seed})") from error


def test_random_cases_vary():
    cases = [random_case(seed) for seed in range(200)]
    assert len({case.formats.label for case in cases}) > 30
    assert len({(case.layer.cell, case.layer.linear_before_reset, case.plan.schedule) for case in cases}) >= 17
    for differs in (
        lambda case: case.layer.peephole,
        lambda case: case.layer.projection_size,
        lambda case: case.layer.bidirectional,
        lambda case: case.initial,
        lambda case: len(set(case.lengths)) > 1,
        lambda case: not np.isfinite(case.x).all(),
        lambda case: 0 < case.mapping().unfolded_cells < case.layer.hidden_size,
        lambda case: len({case.mapping().task.width(s.rows) for s in case.mapping().segments}) > 1,
    ):
        assert 3 <= sum(bool(differs(case)) for case in cases) <= 197


def layer_case(layer, formats=SINGLE, plan=None, seed=0, steps=5, sequences=2, scale=1.0) -> Case:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(steps, sequences, layer.input_size))
    lengths = (*(int(length) for length in rng.integers(1, steps + 1, sequences - 1)), steps)
    plan = plan or Plan(schedule="unfolded", tile_rows=32)
    return Case(layer, MACHINE, plan, formats, random_weights(layer, seed=seed, scale=scale), x, lengths, {})


# Against the equations ------------------------------------------------------------------------------------------------


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def gates_of(weights, x, h, gates, parts=1):
    """W x + U h + b of each gate, in doubles."""
    sums = {}
    for gate in gates:
        sums[gate] = weights.x[gate] @ x + weights.bias[gate]
        if gate in weights.operand:
            rows, columns = np.split(weights.operand[gate], parts), np.split(h, parts)
            sums[gate] += np.concatenate([row @ column for row, column in zip(rows, columns, strict=True)])
    return sums


def cifg(weights, x, h, c):
    s = gates_of(weights, x, h, "fgo")
    c = sigmoid(s["f"]) * c + (1 - sigmoid(s["f"])) * np.tanh(s["g"])
    return sigmoid(s["o"]) * np.tanh(c), c


def heads(weights, x, h, c):
    s = gates_of(weights, x, h, "ifgo", parts=4)
    c = sigmoid(s["f"]) * c + sigmoid(s["i"]) * np.tanh(s["g"])
    return sigmoid(s["o"]) * np.tanh(c), c


def mingru(weights, x, h, c):
    s = gates_of(weights, x, h, "zn")
    return (1 - sigmoid(s["z"])) * h + sigmoid(s["z"]) * s["n"], c


OWN = {"cifg": (cifg, {}), "heads": (heads, {"options": {"heads": 4}}), "mingru": (mingru, {})}


@pytest.mark.parametrize("name", SHIPPED_CELLS)
@pytest.mark.parametrize("schedule", sharp.SCHEDULES)
def test_cells_of_ones_own_compute_their_equations(name, schedule):
    step, fields = OWN[name]
    layer = RNNLayer(cell=SHIPPED_CELLS[name], input_size=13, hidden_size=20, **fields)
    case = layer_case(layer, plan=Plan(schedule=schedule, tile_rows=32), seed=3)
    output = case.execute().output
    for sequence, length in enumerate(case.lengths):
        h = c = np.zeros(20)
        for place in range(length):
            h, c = step(case.weights[0], case.x[place, sequence], h, c)
            assert np.abs(output[place, sequence] - h).max() < 1e-6


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("linear", lambda values: values),
        ("relu", lambda values: np.maximum(values, 0)),
        ("sigmoid", sigmoid),
        ("tanh", np.tanh),
    ],
)
def test_dense_layers_are_products(activation, function):
    layer = RNNLayer(cell="dense", input_size=13, hidden_size=20, options={"activation": activation})
    case = layer_case(layer, plan=Plan(schedule="batch", tile_rows=32), sequences=1)
    expected = function(case.x[:, 0] @ case.weights[0].x["y"].T + case.weights[0].bias["y"])
    assert np.abs(case.execute().output[:, 0] - expected).max() < 1e-6


def lstm_bound(case):
    """The exact h of an LSTM in doubles, and how far from it any run in the case's formats may be.

    A rounding of v is at most u|v| + l/2 off, l the least number of the format. A sum over C columns of a tile of N
    rounds ceil(log2 N) + ceil(C/N) times at most, and once more where x and h are apart, for a product, for the bias.
    Errors of h go through |U|, those of a gate's sum through the slope of its function, at most 1/4 or 1.
    """
    (weights,), layer, formats, task = case.weights, case.layer, case.formats, case.mapping().task

    def rounding(to, values):
        return to.unit_roundoff * np.abs(values) + to.least / 2

    def read(matrix, vector, off):
        """Of |matrix @ vector|, both rounded, the vector being off already."""
        w, v = rounding(formats.operands, matrix), rounding(formats.operands, np.abs(vector) + off) + off
        return w @ np.abs(vector) + np.abs(matrix) @ v + w @ v

    columns = layer.input_size + layer.hidden_size
    depth = (task.width(32) - 1).bit_length() + -(-columns // task.width(task.tile_rows)) + 3
    factor = depth * formats.sums.unit_roundoff / (1 - depth * formats.sums.unit_roundoff)
    h = c = error_h = error_c = np.zeros(layer.hidden_size)
    for x in case.x[:, 0]:
        sums, e = gates_of(weights, x, h, layer.gates), {}
        for gate in layer.gates:
            off = read(weights.x[gate], x, 0 * x) + read(weights.operand[gate], h, error_h)
            size = np.abs(weights.x[gate]) @ np.abs(x) + np.abs(weights.operand[gate]) @ np.abs(h)
            off = off + factor * (size + off + np.abs(weights.bias[gate])) + columns * formats.sums.least
            value = np.tanh(sums[gate]) if gate == "g" else sigmoid(sums[gate])
            slope = off * (1.0 if gate == "g" else 0.25)
            e[gate] = slope + rounding(formats.state, np.abs(value) + slope)
        i, f, o, g = sigmoid(sums["i"]), sigmoid(sums["f"]), sigmoid(sums["o"]), np.tanh(sums["g"])
        off = e["f"] * (np.abs(c) + error_c) + f * error_c + e["i"] * (np.abs(g) + e["g"]) + i * e["g"]
        c = f * c + i * g
        off = off + 3 * rounding(formats.elementwise, np.abs(f) + 1 + off)  # two products, of at most f|c| and 1; a sum
        off = off + 2 * formats.elementwise.unit_roundoff * np.abs(c)
        tanh = off + rounding(formats.state, 1.0)
        error_c = off + rounding(formats.state, np.abs(c) + off)
        error_h = e["o"] + (o + e["o"]) * tanh + rounding(formats.elementwise, 1.0) + rounding(formats.operands, 1.0)
        h = o * np.tanh(c)
    return h, error_h


@pytest.mark.parametrize(
    ("label", "greatest"),
    [("fp16/fp32", 0.2), ("bf16/fp32", 2.0), ("fp32/fp32", 5e-5), ("fp16/fp16", 1.0)],
)
@pytest.mark.parametrize("schedule", ["sequential", "unfolded"])
def test_errors_are_within_a_derived_bound(label, greatest, schedule):
    layer = RNNLayer(input_size=30, hidden_size=24)
    for seed in range(5):
        plan = Plan(schedule=schedule, tile_rows=64)
        case = layer_case(layer, numerics(label), plan, seed=seed, steps=4, sequences=1)
        exact, bound = lstm_bound(case)
        error = np.abs(case.execute().output[-1, 0] - exact)
        assert (error <= bound).all()
        assert bound.max() < greatest  # it is a worst case, and grows with every step


# Orders ---------------------------------------------------------------------------------------------------------------


def test_the_same_order_of_sums_is_the_same_result_and_another_is_not():
    layer = RNNLayer(input_size=100, hidden_size=80)
    outputs = {
        (schedule, rows): layer_case(layer, plan=Plan(schedule=schedule, tile_rows=rows)).execute().output
        for schedule in sharp.SCHEDULES
        for rows in (32, 64, 128, 256)
    }
    for rows in (32, 64, 128):  # which row stands where is no matter; with 256 rows some take a smaller tile
        assert np.array_equal(outputs["sequential", rows], outputs["batch", rows])
        assert np.array_equal(outputs["unfolded", rows], outputs["interleaved", rows])
    assert not np.array_equal(outputs["intergate", 32], outputs["unfolded", 32])  # x and h share no tile
    assert not np.array_equal(outputs["unfolded", 32], outputs["unfolded", 256])
    exact = outputs["sequential", 32]
    assert all(np.abs(output - exact).max() < 1e-6 for output in outputs.values())


def test_whole_numbers_give_the_same_in_every_order():
    layer = RNNLayer(cell="gru", input_size=50, hidden_size=40, bidirectional=True)
    outputs = [
        layer_case(layer, numerics("int8"), Plan(schedule=schedule, tile_rows=rows)).execute().output
        for schedule in sharp.SCHEDULES
        for rows in (32, 256)
    ]
    assert all(np.array_equal(output, outputs[0]) for output in outputs)


class FirstBlockAhead(sharp.Schedule):
    """As `unfolded`, but the first block's products with h are those of the next step."""

    name = "first-block-ahead"

    def __init__(self, *, too_early: bool) -> None:
        self.too_early = too_early

    def round(self, task):
        (phase,) = task.phases
        block, size = task.fused_block(phase), task.size_of(phase)
        first, *others = (self.run(task, "h", start, block, updated_cells=block) for start in range(0, size, block))
        ahead = replace(first, segments=(replace(first.segments[0], lookahead=1),))
        x = [self.run(task, "x", start, block, lookahead=1) for start in range(0, size, block)]
        # The last block gives the rest of h, which the first one reads.
        return [*others[:-1], *x, *([ahead, others[-1]] if self.too_early else [others[-1], ahead])]

    def run(self, task, operand, first, cells, **fields):
        return sharp.Run(segments=(task.segment("ifgo", operand, first, cells, **fields),), repeats=1)


def test_a_schedule_that_reads_h_too_early_is_refused_and_gives_a_wrong_h():
    layer = RNNLayer(input_size=16, hidden_size=32)
    case = layer_case(layer, steps=6, sequences=1)
    task, right = case.mapping().task, case.execute().output

    def run(schedule):
        with pytest.raises(SpecificationError, match=r"first-block-ahead: step 2, .* column of h before it exists"):
            replace(case, plan=Plan(schedule=schedule, tile_rows=32)).execute()
        runs, settings = schedule.round(task), {"activation": Exact(), "lengths": case.lengths}
        values = execute_runs(task, runs, case.weights, case.x, case.formats, **settings)
        ((expected,),) = reference_run(case, runs=(task, runs))
        assert same_bits(values.output[:, 0], expected["h"])
        return values.output

    assert np.array_equal(run(FirstBlockAhead(too_early=False)), right)  # not legal, but right
    wrong = run(FirstBlockAhead(too_early=True))
    assert np.abs(wrong - right).max() > 1e-3


def test_chains_that_take_turns_compute_as_one_after_the_other():
    layer = RNNLayer(cell="gru", input_size=20, hidden_size=24, bidirectional=True)
    plan = Plan(schedule="interleaved", tile_rows=32)
    together = layer_case(layer, plan=plan, sequences=3)
    for sequence, length in enumerate(together.lengths):
        alone = replace(together, x=together.x[:length, [sequence]], lengths=(length,))
        assert np.array_equal(alone.execute().output[:, 0], together.execute().output[:length, sequence])


# IEEE 754 -------------------------------------------------------------------------------------------------------------


def one_sum(x, weights, formats):
    """The sum of one row of a cell that gives it as it is."""
    cell = sharp.Cell(
        name="sum",
        gates="d",
        phases=lambda _: (sharp.Phase(gates="d", operand="", activation_passes=0),),
        elementwise=lambda _: sharp.Elementwise(multiplications=0, additions=1),
    )
    layer = RNNLayer(cell=cell, input_size=len(x), hidden_size=1)
    weights = (DirectionWeights(x={"d": [weights]}),)
    with np.errstate(all="raise"):  # nothing warns
        return sharp.execute_layer(layer, weights, [[x]], MACHINE, formats=formats).trace["h"][0, 0, 0, 0]


@pytest.mark.parametrize(
    ("label", "x", "weights", "expected"),
    [
        ("fp16/fp32", [60000.0, 60000.0], [1.0, 1.0], np.inf),  # h is fp16: 120000 is beyond
        ("fp16/fp32", [60000.0, 60000.0, 60000.0], [1.0, 1.0, -1.0], 60000.0),  # sums are not
        ("fp16/fp16", [60000.0, 60000.0, -60000.0], [1.0, 1.0, 1.0], np.inf),  # now they are
        ("fp32/fp32", [3e38, 3e38], [10.0, -10.0], np.nan),  # inf - inf
        ("fp32/fp32", [np.inf, 1.0], [0.0, 1.0], np.nan),
        ("fp32/fp32", [np.nan, 1.0], [1.0, 1.0], np.nan),
        ("fp16/fp32", [2.0**-24, 0.0], [1.0, 0.0], 2.0**-24),  # subnormal
        ("fp16/fp32", [2.0**-26, 0.0], [1.0, 0.0], 0.0),
        ("fp32/fp32", [2.0**-126, 0.0], [2.0**-23, 0.0], 2.0**-149),
        ("bf16/fp32", [2.0**-100, 0.0], [2.0**-60, 0.0], 0.0),  # the product underflows
        ("e4m3/fp32", [448.0, 0.0], [1.0, 0.0], 448.0),
        ("e4m3/fp32", [500.0, 0.0], [1.0, 0.0], np.nan),
        ("fp32/fp32", [1.0, 2.0**-24, 2.0**-24], [1.0, 1.0, 1.0], 1.0),  # (1 + t) + t; the pair t + t would count
        ("fp32/fp32", [2.0**-24, 2.0**-24, 1.0], [1.0, 1.0, 1.0], 1 + 2.0**-23),
    ],
)
def test_numbers_are_those_of_ieee_754(label, x, weights, expected):
    assert np.array_equal(one_sum(x, weights, numerics(label)), expected, equal_nan=True)


def test_integers_may_not_pass_the_greatest_sum():
    layer = RNNLayer(input_size=3, hidden_size=2)
    with pytest.raises(sharp.InfeasibleMappingError, match="sums of 5 products of int16 to fit int16, got up to"):
        sharp.execute_layer(
            layer, random_weights(layer, seed=0), np.ones((1, 1, 3)), MACHINE, formats=numerics("int16/int16")
        )
    with pytest.raises(SpecificationError, match="int8 has no not-a-number"):
        sharp.execute_layer(
            layer, random_weights(layer, seed=0), np.full((1, 1, 3), np.nan), MACHINE, formats=numerics("int8")
        )


def test_a_table_of_the_activation_unit_changes_values_by_about_its_error():
    layer = RNNLayer(input_size=12, hidden_size=12)
    weights, x = random_weights(layer, seed=0, scale=3.0), np.random.default_rng(0).normal(size=(3, 1, 12))
    exact = sharp.execute_layer(layer, weights, x, MACHINE, formats=SINGLE)
    for unit in (Piecewise(pieces=32), Piecewise(pieces=256, degree=2)):
        table = sharp.execute_layer(layer, weights, x, MACHINE, formats=SINGLE, activation=unit)
        assert 0.01 * unit.max_error < np.abs(table.output - exact.output).max() < 20 * unit.max_error


# What a cell says -----------------------------------------------------------------------------------------------------

STOCK = {
    "lstm": RNNLayer(input_size=6, hidden_size=8),
    "peephole": RNNLayer(input_size=6, hidden_size=8, peephole=True, projection_size=3),
    "gru": RNNLayer(cell="gru", input_size=6, hidden_size=8),
    "reset before": RNNLayer(cell="gru", input_size=6, hidden_size=8, linear_before_reset=False),
    "rnn": RNNLayer(cell="rnn", input_size=6, hidden_size=8),
    "dense": RNNLayer(cell="dense", input_size=6, hidden_size=8, options={"activation": "sigmoid"}),
    **{name: RNNLayer(cell=cell, input_size=6, hidden_size=8) for name, cell in SHIPPED_CELLS.items()},
}


@pytest.mark.parametrize("name", STOCK)
def test_a_cell_does_what_it_says_that_it_does(name, monkeypatch):
    # Its operations are counted and compared with `elementwise`, by which energy is counted.
    layer, done = STOCK[name], Counter()
    kinds = {"__add__": "add", "__radd__": "add", "__sub__": "add", "__rsub__": "add"}
    kinds |= {"__mul__": "multiply", "__rmul__": "multiply", "tanh": "tanh", "sigmoid": "sigmoid"}
    for method, kind in kinds.items():
        kept = getattr(CellVector, method)

        def counted(*args, kept=kept, kind=kind):
            done[kind] += args[0].values.shape[-1]
            return kept(*args)

        monkeypatch.setattr(CellVector, method, counted)
    layer_case(layer, steps=1, sequences=1).execute()
    work, size = layer.elementwise, layer.hidden_size
    biases = sum(len(gates) for gates in (layer.gates.replace("p", ""), *(phase.gate_apart for phase in layer.phases)))
    tanhs = sum(len(phase.tanh_gates) for phase in layer.phases) + work.tanhs
    linear = sum(len(phase.linear_gates) for phase in layer.phases)
    gates = sum(len(phase.gates) for phase in layer.phases if phase.activation_passes)
    assert done["multiply"] == work.multiplications * size
    assert done["add"] == (work.additions - biases) * size
    assert done["tanh"] == tanhs * size
    assert done["sigmoid"] == (gates - linear - tanhs + work.tanhs) * size


def broken_cell(equations):
    return sharp.Cell(
        name="broken",
        gates="ab",
        phases=lambda _: (sharp.Phase(gates="ab"),),
        elementwise=lambda _: sharp.Elementwise(multiplications=0, additions=0),
        equations=equations,
    )


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        (None, r"cell broken: equations\[0\]: expected what gates ab give h by, got None"),
        (lambda _: (), "cell broken: equations: expected a tuple of 1, one for each phase, got"),
        (lambda _: 1 / 0, "cell broken: equations, line .*: expected code that runs, got ZeroDivisionError"),
        (lambda _: (lambda cells: cells.sum("c"),), "cell broken: gate: expected a, b, got 'c'"),
        (lambda _: (lambda cells: cells.sum("a", "x"),), "cell broken: of: expected none, as the sums of a are one"),
        (
            lambda _: (lambda cells: {"c": cells.sum("a")},),
            "equations: expected a mapping with what the phase gives, h",
        ),
        (lambda _: (lambda cells: {"h": 3},), "cell broken: equations: h: expected a CellVector, got 3"),
        (
            lambda _: (lambda cells: {"h": cells.sums + 1},),
            "equations, line .*: expected code that runs, got TypeError",
        ),
        (lambda _: (lambda cells: cells.diagonal("a"),), "cell broken: diagonal: expected a gate of none, got 'a'"),
    ],
)
def test_a_cell_that_does_not_say_what_it_computes_is_refused(equations, message):
    layer = RNNLayer(cell=broken_cell(equations), input_size=3, hidden_size=2)
    with pytest.raises(SpecificationError, match=message):
        layer_case(layer, steps=1, sequences=1).execute()


# What is refused ------------------------------------------------------------------------------------------------------

SMALL = RNNLayer(input_size=3, hidden_size=2)
WEIGHTS = random_weights(SMALL, seed=0)
X = np.ones((4, 2, 3))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x": np.ones((4, 3))}, r"x: expected an array of shape .steps, sequences, 3., got .4, 3."),
        ({"x": np.ones((4, 2, 5))}, r"x: expected an array of shape .steps, sequences, 3., got .4, 2, 5."),
        ({"x": np.ones((0, 2, 3))}, r"x: expected an array of shape"),
        ({"x": [["a"]]}, "x: expected an array of real numbers, got '<U1'"),
        ({"x": np.ones((4, 2, 3)) * 1j}, "x: expected an array of real numbers, got 'complex128'"),
        ({"x": [[1], [1, 2]]}, "x: expected an array of numbers, got"),
        ({"weights": WEIGHTS * 2}, "weights: expected 1 DirectionWeights, one for each direction, got"),
        ({"weights": 3}, "weights: expected 1 DirectionWeights"),
        ({"weights": [DirectionWeights(x={"q": [1]})]}, r"weights\[0\].x: expected no key 'q'"),
        (
            {"weights": [DirectionWeights(x={"i": [1]})]},
            r"weights\[0\].x\['i'\]: expected an array of shape \(2, 3\), got",
        ),
        ({"lengths": [4]}, "lengths: expected 2 lengths of at most 4 steps, got"),
        ({"lengths": [4, 5]}, "lengths: expected 2 lengths of at most 4 steps, got"),
        ({"lengths": [4, 0]}, "lengths: expected a positive integer, got 0"),
        ({"initial": {"h": np.ones(2)}}, r"initial\['h'\]: expected an array of shape \(1, 2, 2\), got \(2,\)"),
        ({"initial": {"cc": np.ones((1, 2, 2))}}, "initial: expected c, h, got 'cc'"),
        ({"layer": 3}, "layer: expected a RNNLayer"),
        ({"plan": Plan(tile_rows=48)}, "tile_rows: expected one of 32, 64, 128, 256"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(fields, message):
    given = {"layer": SMALL, "weights": WEIGHTS, "x": X, "accelerator": MACHINE, **fields}
    with pytest.raises(SpecificationError, match=message):
        sharp.execute_layer(**given)


def test_sums_that_are_merged_in_another_order_are_refused():
    merged = with_settings(MACHINE, {"accumulators": "interleaved"})
    sharp.execute_layer(SMALL, WEIGHTS, X, merged)  # an addition takes a cycle: one sum a row
    with pytest.raises(SpecificationError, match=r"accumulators: expected single .*, got 'interleaved'"):
        sharp.execute_layer(SMALL, WEIGHTS, X, with_settings(merged, {"accumulate_ns": 5}))


def test_what_is_not_given_is_zero_and_results_cannot_be_changed():
    values = sharp.execute_layer(SMALL, [DirectionWeights()], X, MACHINE)
    assert not values.output.any()
    assert values.tile_rows in MACHINE.tile_rows
    for array in (values.output, values.trace["h"], values.final["c"]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
    assert set(shapes_of(SMALL)["x"]) == set("ifgo")
