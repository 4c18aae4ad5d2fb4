"""Sentences about bad values: short, on one line, and true."""

import pickle

import pytest

from sharp import SpecificationError
from sharp.checks import check_integer, check_mapping, check_name, refuse, suggestion
from sharp.errors import LONGEST, SharpError

DEEP = [[[[["x" * 100] * 50] * 50] * 50] * 50] * 50


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, "a\nb\x1b[31m\u2028c", DEEP, {f"k{i}": DEEP for i in range(99)}, 10**9999, -(10**5000), b"b" * 10**6],
    ids=range(7),
)
def test_a_value_is_quoted_in_short(value):
    sentence = str(refuse("here", "a small number", value))
    assert len(sentence) < 400
    assert sentence.isprintable()
    assert sentence.startswith("here: expected a small number, got ")


def test_every_sentence_is_one_line_of_bounded_length():
    error = SharpError("a\n b \x1b[31mred\x1b[0m \u2028 " + "very long " * 10**5 + "end: no such file")
    assert str(error).startswith(r"a b \x1b[31mred\x1b[0m very long")
    assert str(error).endswith("end: no such file")
    assert len(str(error)) <= LONGEST
    assert str(error).isprintable()
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (SharpError, str(error))


@pytest.mark.parametrize("key", ["x" * 10**6, 3, None, 2.5])
def test_an_unknown_key_is_quoted_in_short(key):
    with pytest.raises(SpecificationError) as refusal:
        check_mapping("here", {key: 1}, ("one", "two"))
    assert len(str(refusal.value)) < 200
    with pytest.raises(SpecificationError, match="expected a key 'one', got "):
        check_mapping("here", {key: 1}, (key,), ("one",))


def test_hints_are_for_names():
    assert suggestion("hiden", ["hidden"]) == " (did you mean 'hidden'?)"
    assert suggestion("hidden" * 10**6, ["hidden" * 10**6]) == ""
    assert suggestion(["hidden"], ["hidden"]) == ""


@pytest.mark.parametrize("value", [None, 3, ["sharp"], {}, b"sharp", True])
def test_a_name_is_a_text(value):
    with pytest.raises(SpecificationError, match="here: expected sharp, epur, got "):
        check_name("here", value, ("sharp", "epur"))


def test_whole_numbers_however_they_are_written():
    assert [check_integer("here", value) for value in (8, 8e6, 1e12)] == [8, 8_000_000, 10**12]
    assert all(type(check_integer("here", value)) is int for value in (8e6, 8.0))
    for value in (8.5, float("nan"), float("inf"), 1e30, True, "8", None, -1.0, 0.0):
        with pytest.raises(SpecificationError, match="here: expected "):
            check_integer("here", value)
