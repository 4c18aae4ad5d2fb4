"""Parameters: what a notebook has, and that what is given is of the kind of its own value."""

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharp import SpecificationError
from sharp.artifact.parameters import check_name, read_defaults, read_value, write_parameters
from sharp.yamlfile import parse

CELL = """%matplotlib inline
size = 3
label = "a = b"  # help
macs = ["1K",
        # the smaller ones
        "4K"]
widths: list = [1]
first, second = 1, 2
"""


def defaults(source, tags=("parameters",)):
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})
    return read_defaults("tab_x.md", nbformat.v4.new_notebook(cells=[cell]))


def test_the_defaults_are_what_the_cell_assigns():
    assert defaults(CELL) == {"size": "3", "label": '"a = b"', "macs": "['1K', '4K']", "widths": "[1]"}
    assert defaults(CELL, tags=()) == {}
    with pytest.raises(SpecificationError, match=r"^tab_x.md: expected a cell of parameters that is Python, got: "):
        defaults("size = = 3")


def test_an_unknown_name_is_refused_with_the_nearest():
    check_name("tab_x.md", "size", ["size", "label"])
    with pytest.raises(SpecificationError, match=r"^tab_x.md: expected no parameter 'sise' \(did you mean 'size'\?\)$"):
        check_name("tab_x.md", "sise", ["size", "label"])
    with pytest.raises(SpecificationError, match=r"^tab_x.md: expected no parameter 3 \(it has none\)$"):
        check_name("tab_x.md", 3, [])


@pytest.mark.parametrize(
    ("default", "good", "bad", "kind"),
    [
        ("3", [4, 0.5, -1], [True, "3", [3], None], "a number"),
        ("2**10", [4], ["4", [4]], "a number"),
        ("-0.5", [4, 0.5], ["4", {}], "a number"),
        ("True", [True, False], [1, 0, "true"], "true or false"),
        ('"1K"', ["4K", ""], [4, ["4K"], None], "a text"),
        ("f'{size}'", ["4K"], [4], "a text"),
        ('["1K"]', [["4K"], []], ["4K", 4, {"a": 1}, None], "a list"),
        ('["1K", 3]', [["4K"], [1], [None]], ["4K"], "a list"),
        ("list(range(128, 2945, 64)) + [3]", [[1]], [1], "a list"),
        ("[n for n in range(3)]", [[1]], [1], "a list"),
        ("{'a': 1}", [{}, {"b": [1]}], [["a"], "a"], "a mapping"),
        ("dict(a=1)", [{}], [1], "a mapping"),
    ],
)
def test_a_value_is_of_the_kind_of_the_default(default, good, bad, kind):
    for value in good:
        read_value("x", value, "x", default)
    for value in bad:
        with pytest.raises(SpecificationError, match=rf"^x: expected {kind}, as the notebook's own "):
            read_value("x", value, "x", default)


@pytest.mark.parametrize(
    ("default", "bad", "where", "kind"),
    [
        ('["1K", "4K"]', ["4K", 1], "x[1]", "a text"),
        ("[1, 2.5]", [1, True], "x[1]", "a number"),
        ("[[1, 2], [3]]", [[1], 2], "x[1]", "a list"),
        ("[[1, 2], [3]]", [[1], [2, "3"]], "x[1][1]", "a number"),
        ("[[1, 2], [3, 4]]", [[1, 2], [3]], "x[1]", "a list of 2"),
    ],
)
def test_entries_are_of_the_kind_of_the_defaults_entries(default, bad, where, kind):
    with pytest.raises(SpecificationError) as refused:
        read_value("x", bad, "x", default)
    assert str(refused.value).startswith(f"{where}: expected {kind}, as the notebook's own {default}, got ")
    read_value("x", bad[:1], "x", default)


@pytest.mark.parametrize("default", ["None", "math.pi", "find(3)", "a + [1]", "x if y else z"])
def test_where_the_kind_cannot_be_told_all_that_can_be_written_passes(default):
    for value in (3, "3", [3], {"a": None}, None, True):
        read_value("x", value, "x", default)


DEEP = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value", [float("inf"), float("nan"), {1: 2}, {"a": {None: 1}}, (1,), {1}, b"a", "\ud800", DEEP]
)
def test_what_cannot_be_written_down_is_refused(value):
    with pytest.raises(SpecificationError, match=r"^x: expected texts, finite numbers, lists and mappings of texts"):
        read_value("x", value, "x", "None")


texts = st.text(st.characters(exclude_categories=("Cs",)))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(values)
def test_what_is_written_reads_the_same(value):
    read = parse("x", write_parameters({"value": value}))
    assert repr(read) == repr({"value": value})


def test_awkward_texts_read_the_same():
    for text in (
        "a\u0085b",
        "\u2028",
        "\u2029",
        "\x7f",
        "\x9f",
        "\ufeff",
        "\ufffe",
        "\U0001f600",
        "1:30",
        "0x1",
        "~",
        "#",
    ):
        assert parse("x", write_parameters({"value": text})) == {"value": text}


@pytest.mark.parametrize(
    ("name", "given", "default", "read"),
    [
        ("deadline_s", "50ms", "1.0e-2", 0.05),
        ("deadlines_s", ["1ms", 2], "[1.0e-3, 1.0e-4]", [0.001, 2]),
        ("dram_bytes_per_s", "30GB/s", "3e10", 3e10),
        ("weight_bytes", "512KiB", "1", 524288.0),
        ("names_s", "50ms", '"all"', "50ms"),
    ],
)
def test_quantities_are_read_where_a_parameter_is_one(name, given, default, read):
    assert read_value("x", given, name, default) == read


def test_a_quantity_of_another_kind_is_refused():
    with pytest.raises(SpecificationError, match="x: expected a quantity such as 50ms"):
        read_value("x", "5 W", "deadline_s", "1e-3")
    with pytest.raises(SpecificationError, match="x: expected a number"):
        read_value("x", "50ms", "samples", "64")
