"""Delta networks: what changed, by hand and by law; the specification is compared in test_execute.py."""

from dataclasses import replace

import numpy as np
import pytest
from values_cases import Case, random_case

import sharp
from sharp.errors import SpecificationError
from sharp.values.delta import Encoder, check_threshold
from sharp.values.formats import find_format, numerics
from sharp.values.weights import DirectionWeights, random_weights

MACHINE = sharp.find_accelerator("sharp").with_macs("1K")


def encode(held, reference, threshold=0.25, label="fp32", scale=1.0):
    encoder = Encoder(threshold=threshold, scale=scale, operands=find_format(label))
    return [array.tolist() for array in encoder.encode(np.array(held), np.array(reference))]


def test_by_hand():
    # Beyond the threshold, on it, below it; the reference moves with what is multiplied.
    moved, reference, changed = encode([1.0, 0.25, 0.2], [0.5, 0.0, 0.0])
    assert (moved, reference, changed) == ([0.5, 0.0, 0.0], [1.0, 0.0, 0.0], [True, False, False])
    # Integers end at their greatest: what is left is another step's difference.
    moved, reference, changed = encode([127.0], [-127.0], label="int8", scale=0.01)
    assert (moved, reference, changed) == ([127.0], [0.0], [True])
    assert encode([127.0], reference, label="int8", scale=0.01)[:2] == [[127.0], [127.0]]
    # A rounded difference: the reference is what the sums have seen.
    moved, reference, _ = encode([2.0**-12], [1.0], label="fp16")
    assert (moved, reference) == ([-1.0], [0.0])


def test_what_is_no_number_has_changed():
    moved, reference, changed = encode([np.nan, np.inf, -np.inf], [0.0, 0.0, 0.0])
    assert changed == [True] * 3
    assert np.isnan(moved[0])
    assert np.isnan(reference[0])
    assert moved[1:] == [np.inf, -np.inf]
    moved, _, changed = encode([np.inf], [np.inf])
    assert changed == [True]
    assert np.isnan(moved[0])


def run(layer, x, threshold, weights=None, label="fp32/fp32", **fields):
    weights = weights or random_weights(layer, seed=1)
    return sharp.execute_layer(layer, weights, x, MACHINE, formats=numerics(label), delta_threshold=threshold, **fields)


CELLS = [
    {"cell": "lstm"},
    {"cell": "lstm", "peephole": True, "projection_size": 9},
    {"cell": "gru"},
    {"cell": "gru", "linear_before_reset": False},
    {"cell": "rnn", "bidirectional": True},
]


@pytest.mark.parametrize("fields", CELLS)
def test_without_a_threshold_to_pass_it_computes_the_same(fields):
    layer = sharp.RNNLayer(input_size=20, hidden_size=24, **fields)
    x = np.random.default_rng(1).normal(size=(12, 2, 20))
    whole, delta = run(layer, x, None, lengths=(12, 5)), run(layer, x, 0, lengths=(12, 5))
    assert np.abs(whole.output - delta.output).max() < 1e-5
    assert delta.changed["x"][:, :5].all()
    assert not delta.changed["h"][:, 0].any()  # h is zero at first
    assert delta.changed["h"][:, 1:5].all()
    assert not delta.changed["h"][:, 5:, 1].any()  # a sequence has ended
    assert whole.changed == {}


@pytest.mark.parametrize("fields", CELLS)
def test_more_is_skipped_and_lost_with_a_greater_threshold(fields):
    layer = sharp.RNNLayer(input_size=20, hidden_size=24, **fields)
    walk = np.cumsum(np.random.default_rng(1).normal(size=(40, 1, 20)) * 0.05, axis=0)  # changes little by little
    whole, shares, errors = run(layer, walk, None).output, [], []
    for threshold in (0.0, 0.02, 0.2, 100.0):
        values = run(layer, walk, threshold)
        shares.append(np.mean(np.concatenate([values.changed[name].ravel() for name in ("x", "h")])))
        errors.append(np.abs(values.output - whole).max())
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0
    assert errors == sorted(errors)


def test_an_input_that_stands_still_is_multiplied_once():
    layer = sharp.RNNLayer(cell="rnn", input_size=2, hidden_size=1)
    weights = (DirectionWeights(x={"h": [[0.5, 0.25]]}, operand={"h": [[0.5]]}),)
    x = np.array([[[1.0, 0.0]], [[1.0, 0.1]], [[1.0, 0.6]]])
    values = run(layer, x, 0.3, weights)
    assert values.changed["x"][0, :, 0].tolist() == [[True, False], [False, False], [False, True]]
    h = [np.tanh(0.5)]
    h.append(np.tanh(0.5 + 0.5 * h[0]))  # h moved by more than 0.3
    h.append(np.tanh(0.5 + 0.25 * 0.6 + 0.5 * h[0]))  # not again
    assert values.changed["h"][0, :, 0, 0].tolist() == [False, True, False]
    assert np.abs(values.output[:, 0, 0] - h).max() < 1e-6


def test_random_cases_have_thresholds():
    cases: list[Case] = [random_case(seed) for seed in range(60)]
    thresholds = [case.threshold for case in cases]
    assert {None, 0.0} < set(thresholds)
    skipped = [1 - np.mean(case.execute().changed["h"]) for case in cases if case.threshold and case.x.shape[0] > 1]
    assert min(skipped) < max(skipped)
    case = next(case for case in cases if case.threshold == 0.1 and not case.formats.operands.is_integer)
    assert replace(case, threshold=None).execute().changed == {}


@pytest.mark.parametrize("threshold", [-1, float("nan"), float("inf"), "0.1", True])
def test_thresholds_that_are_none_are_refused(threshold):
    with pytest.raises(SpecificationError, match=r"^delta_threshold: expected"):
        check_threshold(threshold)
