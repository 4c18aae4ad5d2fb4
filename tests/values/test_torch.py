"""Layers as PyTorch computes them: LSTM, GRU, RNN, projection, directions, lengths; `make test-torch` has PyTorch."""

from itertools import product

import numpy as np
import pytest
from test_execute import lstm_bound
from values_cases import Case

import sharp
from sharp.values.formats import numerics
from sharp.values.weights import DirectionWeights

torch = pytest.importorskip("torch")

MACHINE = sharp.find_accelerator("sharp").with_macs("1K")
GATES = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}
"""The gates in the order of PyTorch's rows, by our letters."""
INPUTS, HIDDEN, STEPS, LENGTHS = 30, 40, 11, (11, 4, 7)
CASES = [
    (cell, bidirectional, projection)
    for cell, bidirectional, projection in product(GATES, (False, True), (None, 9))
    if projection is None or cell == "lstm"
]


def split(array, gates):
    """Rows by gate, in doubles."""
    return dict(zip(gates, np.split(array.detach().double().numpy(), len(gates)), strict=True))


def direction_of(module, cell, suffix):
    """One direction's weights as ours."""
    gates = GATES[cell]
    w, u, b, c = (
        split(getattr(module, f"{name}_l0{suffix}"), gates) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    apart = {"n": c["n"]} if cell == "gru" else {}
    bias = {gate: b[gate] if gate in apart else b[gate] + c[gate] for gate in gates}
    if module.proj_size:
        u |= {"p": getattr(module, f"weight_hr_l0{suffix}").detach().double().numpy()}
    return DirectionWeights(x=w, operand=u, bias=bias, operand_bias=apart)


def make(cell, bidirectional, projection, seed=0):
    """A layer of PyTorch, the same of ours, and its weights."""
    torch.manual_seed(seed)
    options = {"proj_size": projection} if projection else {}
    module = getattr(torch.nn, cell.upper())(INPUTS, HIDDEN, bidirectional=bidirectional, **options)
    layer = sharp.RNNLayer(
        cell=cell,
        input_size=INPUTS,
        hidden_size=HIDDEN,
        bidirectional=bidirectional,
        projection_size=projection,
    )
    suffixes = ("", "_reverse") if bidirectional else ("",)
    return module, layer, tuple(direction_of(module, cell, suffix) for suffix in suffixes)


def run_torch(module, x):
    """Output of all steps, zero after a sequence's end, and the vectors and states after its last step."""
    lengths = torch.tensor(LENGTHS)
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), lengths, enforce_sorted=False)
    with torch.no_grad():
        output, last = module(packed)
    output, _ = torch.nn.utils.rnn.pad_packed_sequence(output)
    last = last if isinstance(last, tuple) else (last,)
    return output.double().numpy(), dict(zip("hc", (state.double().numpy() for state in last), strict=False))


@pytest.mark.parametrize(("cell", "bidirectional", "projection"), CASES)
@pytest.mark.parametrize("schedule", ["intergate", "unfolded"])
def test_it_is_what_pytorch_computes_in_single_precision(cell, bidirectional, projection, schedule):
    module, layer, weights = make(cell, bidirectional, projection)
    x = np.random.default_rng(1).normal(size=(STEPS, len(LENGTHS), INPUTS)).astype(np.float32)
    output, last = run_torch(module, x)
    plan = sharp.Plan(schedule=schedule, tile_rows=32)
    values = sharp.execute_layer(layer, weights, x, MACHINE, plan, numerics("fp32/fp32"), lengths=LENGTHS)
    assert np.abs(values.output - output).max() < 1e-5
    for name, state in last.items():
        assert np.abs(values.final[name] - state).max() < 1e-5


@pytest.mark.parametrize("label", ["fp16/fp32", "bf16/fp32"])
def test_in_narrow_formats_it_is_within_the_derived_bound_of_pytorchs_doubles(label):
    module, layer, weights = make("lstm", bidirectional=False, projection=None)
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(4, 1, INPUTS))
        case = Case(
            layer, MACHINE, sharp.Plan(schedule="unfolded", tile_rows=32), numerics(label), weights, x, (4,), {}
        )
        exact, bound = lstm_bound(case)
        with torch.no_grad():
            output, _ = module.double()(torch.tensor(x))
        theirs = output.numpy()[-1, 0]
        assert np.abs(exact - theirs).max() < 1e-12
        assert (np.abs(case.execute().output[-1, 0] - theirs) <= bound).all()
