"""What a cell is: what makes no sense is refused in one sentence, when it is made or when a layer asks for it."""

from dataclasses import replace

import pytest

from sharp import Cell, CellOptions, Elementwise, Phase, RNNLayer, SpecificationError
from sharp.machine.accelerator import LATENCIES
from sharp.workload.cell import UPDATES, Options

PLAIN = Phase(gates="ab")
FIRST = Phase(gates="ab", gives="s")
NOTHING = Elementwise(0, 0)


def cell(*phases, elementwise=NOTHING, gates="a", **fields):
    """A cell of some phases, whatever its options."""
    return Cell(name="mine", gates=gates, phases=lambda _: phases, elementwise=lambda _: elementwise, **fields)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"gates": ""}, "gates: expected different letters of the alphabet, got ''"),
        ({"gates": "aa"}, "gates: expected different letters of the alphabet, got 'aa'"),
        ({"gates": "a1"}, "gates: expected different letters of the alphabet, got 'a1'"),
        ({"gates": ("a", "b")}, "gates: expected different letters of the alphabet, got ('a', 'b')"),
        ({"gates": None}, "gates: expected different letters of the alphabet, got None"),
        ({"size": 8}, "size: expected a printable text, got 8"),
        ({"operand_size": None}, "operand_size: expected a printable text, got None"),
        ({"reads_x": 1}, "reads_x: expected true or false, got 1"),
        ({"separate_sums": "yes"}, "separate_sums: expected true or false, got 'yes'"),
        ({"separate_sums": True, "reads_x": False}, "separate_sums: expected false where the gates do not multiply x"),
        ({"separate_sums": True, "operand": ""}, "separate_sums: expected false where the gates do not multiply x and"),
        ({"reads_x": False, "operand": ""}, "reads_x: expected true where no vector is multiplied, got False"),
        ({"parts": 0}, "parts: expected a positive integer, got 0"),
        ({"parts": "two"}, "parts: expected a positive integer, got 'two'"),
        ({"parts": 2, "operand": ""}, "parts: expected 1 where no vector is multiplied, got 2"),
        ({"linear_gates": "c"}, "linear_gates: expected none or different ones of ab, got 'c'"),
        (
            {"linear_gates": "ab", "tanh_gates": "b"},
            "linear_gates: expected other gates than b, which go through tanh, got 'ab'",
        ),
        (
            {"linear_gates": "a", "activation_passes": 0},
            "linear_gates: expected none where no value passes the activation unit, got 'a'",
        ),
        ({"operand": "hs"}, "operand: expected one letter other than x, got 'hs'"),
        ({"operand": None}, "operand: expected different letters of the alphabet, got None"),
        ({"operand": "x"}, "operand: expected one letter other than x, got 'x'"),
        ({"operand": 1}, "operand: expected different letters of the alphabet, got 1"),
        ({"gives": "x"}, "gives: expected one letter other than x, got 'x'"),
        ({"gives": ""}, "gives: expected different letters of the alphabet, got ''"),
        ({"activation_passes": -1}, "activation_passes: expected an integer of at least 0, got -1"),
        ({"activation_passes": 1.5}, "activation_passes: expected an integer of at least 0, got 1.5"),
        ({"activation_passes": True}, "activation_passes: expected an integer of at least 0, got True"),
        ({"update": "update"}, "update: expected update_ns, multiply_ns, add_ns, accumulate_ns, activation_ns, got"),
        ({"update": 3}, "update: expected update_ns, multiply_ns, add_ns, accumulate_ns, activation_ns, got 3"),
        ({"tanh_gates": "c"}, "tanh_gates: expected none or different ones of ab, got 'c'"),
        ({"tanh_gates": "aa"}, "tanh_gates: expected none or different ones of ab, got 'aa'"),
        (
            {"tanh_gates": "a", "activation_passes": 0},
            "tanh_gates: expected none where no value passes the activation unit, got 'a'",
        ),
    ],
)
def test_a_phase_that_makes_no_sense_is_refused(fields, sentence):
    with pytest.raises(SpecificationError) as refusal:
        Phase(**{"gates": "ab", **fields})
    assert str(refusal.value).startswith(sentence)


def test_updates_are_the_latencies_of_a_machine():
    assert set(UPDATES) == set(LATENCIES)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "name: expected a printable text, got ''"),
        ({"name": None}, "name: expected a printable text, got None"),
        ({"gates": "ff"}, "gates: expected different letters of the alphabet, got 'ff'"),
        ({"phases": (PLAIN,)}, "phases: expected a function of the options, got (Phase("),
        ({"elementwise": NOTHING}, "elementwise: expected a function of the options, got Elementwise("),
        ({"fields": ["peephole"]}, "fields: expected some of projection_size, peephole, linear_before_reset, got ['"),
        ({"fields": ("peephol",)}, "fields: expected projection_size, peephole, linear_before_reset, got 'peephol'"),
        ({"options": ("heads",)}, "options: expected a mapping of names to defaults, got ('heads',)"),
        (
            {"options": {"a b": 1}},
            "options: expected names that a layer has no other use for, such as heads, got 'a b'",
        ),
        ({"options": {"hidden_size": 1}}, "options: expected names that a layer has no other use for, such as heads"),
        ({"options": {"peephole": 1}}, "options: expected names that a layer has no other use for, such as heads"),
        ({"options": {"heads": 0}}, "options.heads: expected a positive integer, got 0"),
        ({"options": {"rate": -0.5}}, "options.rate: expected a positive number, got -0.5"),
        ({"options": {"heads": None}}, "options.heads: expected a printable text, got None"),
        ({"options": {"heads": [1]}}, "options.heads: expected a printable text, got [1]"),
    ],
)
def test_a_cell_that_makes_no_sense_is_refused(fields, sentence):
    given = {"name": "mine", "gates": "ab", "phases": lambda _: (PLAIN,), "elementwise": lambda _: NOTHING}
    with pytest.raises(SpecificationError) as refusal:
        Cell(**given | fields)
    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (cell(), "phases: expected at least one sharp.Phase in a tuple, got ()"),
        (cell(PLAIN, "b"), "phases: expected at least one sharp.Phase in a tuple, got (Phase("),
        (cell(PLAIN, gates="abc"), "phases: expected products of every gate of abc, got 'ab, without c'"),
        (
            cell(FIRST, Phase(gates="c"), gates="abc"),
            "phases: expected a phase that waits for s, or h would be out before it, got",
        ),
        (
            cell(FIRST, Phase(gates="bc")),
            "phases[1].gates: expected other gates than ab, which the phases before have, got 'bc'",
        ),
        (
            cell(Phase(gates="a", size="hiden_size")),
            "phases[0].size: expected input_size, hidden_size, recurrent_size,",
        ),
        (
            cell(Phase(gates="a", size="num_weights")),
            "phases[0].size: expected input_size, hidden_size, recurrent_size,",
        ),
        (
            cell(Phase(gates="a", size="projection_size")),
            "phases[0].size: expected a size of a layer without a projection (options.projected), got 'projection",
        ),
        (cell(Phase(gates="a", operand_size="heads")), "phases[0].operand_size: expected input_size, hidden_size, rec"),
        (cell(Phase(gates="a", size="input_size")), "phases[0].size: expected hidden_size, as h has, got 'input_size'"),
        (
            cell(Phase(gates="a", operand_size="input_size")),
            "phases[0].operand_size: expected hidden_size, as h has, got 'input_size'",
        ),
        (cell(Phase(gates="a", operand="s")), "phases[0].operand: expected h, got 's'"),
        (cell(FIRST, Phase(gates="c", operand="t")), "phases[1].operand: expected h, s, got 't'"),
        (cell(Phase(gates="a", operand="s", gives="s"), PLAIN), "phases[0].operand: expected h, got 's'"),
        (
            cell(Phase(gates="a", size="input_size", gives="s"), Phase(gates="b", operand="s")),
            "phases[1].operand_size: expected input_size, as s has, got 'recurrent_size'",
        ),
        (cell(Phase(gates="a", gives="s")), "phases[0].gives: expected h, got 's'"),
        (
            cell(PLAIN, Phase(gates="c", operand="h")),
            "phases[0].gives: expected a vector that no other phase gives, got 'h'",
        ),
        (
            cell(FIRST, Phase(gates="c", gives="s"), Phase(gates="d")),
            "phases[1].gives: expected a vector that no other phase gives, got 's'",
        ),
        (cell(PLAIN, elementwise=(1, 2)), "elementwise: expected a sharp.Elementwise, got (1, 2)"),
        (cell(PLAIN, elementwise=Elementwise(-1, 0)), "elementwise.multiplications: expected an integer of at least 0"),
        (cell(PLAIN, elementwise=Elementwise(1, 0.5)), "elementwise.additions: expected an integer of at least 0, got"),
        (cell(PLAIN, elementwise=Elementwise(1, 0, True)), "elementwise.tanhs: expected an integer of at least 0, got"),
    ],
)
def test_products_that_make_no_sense_are_refused_when_a_layer_is_made(own, sentence):
    with pytest.raises(SpecificationError) as refusal:
        RNNLayer(cell=own, input_size=4, hidden_size=4)
    assert str(refusal.value).startswith(f"cell mine: {sentence}")
    assert "\n" not in str(refusal.value)


RAISES = """
from sharp import Cell, Elementwise, Phase

def phases(options):
    {phases}

def elementwise(options):
    {elementwise}

CELL = Cell(name="mine", gates="a", phases=phases, elementwise=elementwise)
"""


@pytest.mark.parametrize(
    ("phases", "elementwise", "sentence"),
    [
        ("return 1 / 0", "", "phases, line 5: expected code that runs, got ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)", "", "phases, line 5: expected code that runs, got SystemExit: 0"),
        ("return options.heads", "", "phases, line 5: expected code that runs, got AttributeError: a cell's options"),
        ("return Phase(gates='a', sice=3),", "", "phases, line 5: expected code that runs, got TypeError: "),
        ("return Phase(gates='a', size=3),", "", "size: expected a printable text, got 3"),
        ("", "", "phases: expected at least one sharp.Phase in a tuple, got None"),
        ("return Phase(gates='a'),", "return {}['a']", "elementwise, line 8: expected code that runs, got KeyError"),
        ("return Phase(gates='a'),", "", "elementwise: expected a sharp.Elementwise, got None"),
    ],
)
def test_functions_that_fail_are_refused_with_their_line(command, tmp_path, phases, elementwise, sentence):
    file = tmp_path / "mine.py"
    file.write_text(RAISES.format(phases=phases or "pass", elementwise=elementwise or "pass"))
    with pytest.raises(SpecificationError) as refusal:
        RNNLayer(cell=f"{file}:CELL", input_size=4, hidden_size=4)
    assert str(refusal.value).startswith(f"cell mine: {sentence}")
    outcome = command("run", "--hidden", "8", "--cell", f"{file}:CELL")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)


def test_a_file_that_makes_nonsense_is_refused_with_its_line(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from sharp import Phase\n\nPHASE = Phase(gates='aa')\n")
    with pytest.raises(SpecificationError) as refusal:
        RNNLayer(cell=f"{file}:CELL", input_size=4, hidden_size=4)
    assert str(refusal.value) == f"cell: {file}, line 3: gates: expected different letters of the alphabet, got 'aa'"


# Options of a cell's own ---------------------------------------------------------------------------------------------

OPTIONS = {"heads": 1, "tied": False, "rate": 0.5, "form": "plain"}


def with_options(**options):
    own = cell(PLAIN, options=OPTIONS)
    return RNNLayer(cell=own, input_size=4, hidden_size=4, options=options)


def test_options_are_by_default_what_the_cell_says():
    assert dict(with_options().options) == OPTIONS
    assert with_options(heads=1) == with_options()
    assert hash(with_options(heads=1)) == hash(with_options())
    assert with_options(heads=2) != with_options()
    assert with_options(heads=2).as_dict()["options"] == {**OPTIONS, "heads": 2}
    assert with_options(rate=2).options["rate"] == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"head": 2}, "options: expected no key 'head' (did you mean 'heads'?)"),
        ({"heads": 0}, "options.heads: expected a positive integer, got 0"),
        ({"heads": 2.5}, "options.heads: expected a positive integer, got 2.5"),
        ({"heads": True}, "options.heads: expected a positive integer, got True"),
        ({"tied": 1}, "options.tied: expected true or false, got 1"),
        ({"rate": "fast"}, "options.rate: expected a positive number, got 'fast'"),
        ({"form": ""}, "options.form: expected a printable text, got ''"),
    ],
)
def test_options_of_another_kind_are_refused(options, sentence):
    with pytest.raises(SpecificationError) as refusal:
        with_options(**options)
    assert str(refusal.value) == sentence


def test_functions_see_options_and_no_sizes():
    seen = []

    def phases(options):
        seen.append(options)
        return (PLAIN,)

    own = Cell(name="mine", gates="ab", phases=phases, elementwise=lambda _: NOTHING, options=OPTIONS)
    RNNLayer(cell=own, input_size=4, hidden_size=4, options={"heads": 2})
    RNNLayer(cell=own, input_size=40, hidden_size=40, options={"heads": 2})  # the same at every size
    (options,) = seen
    assert options == CellOptions(own=Options({**OPTIONS, "heads": 2}))
    assert (options.heads, options.tied, options.projected) == (2, False, False)
    with pytest.raises(AttributeError):
        _ = options.hidden_size


def test_a_size_can_be_an_option():
    """A product of low rank: s = V h has as many elements as an option says, and the gates multiply it."""
    down = Phase(gates="v", size="rank", reads_x=False, activation_passes=0, update=None, gives="s")
    gates = Phase(gates="ab", operand="s", operand_size="rank")
    own = cell(down, gates, gates="abv", options={"rank": 8})
    layer = RNNLayer(cell=own, input_size=10, hidden_size=32)
    assert layer.num_weights == 8 * 32 + 2 * 32 * (10 + 8)
    narrow = RNNLayer(cell=own, input_size=10, hidden_size=32, options={"rank": 3})
    assert narrow.num_weights == 3 * 32 + 2 * 32 * (10 + 3)


def test_parts_divide_the_cells_and_the_vector():
    own = cell(Phase(gates="ab", parts=3))
    layer = RNNLayer(cell=own, input_size=10, hidden_size=12)
    assert layer.num_weights == 2 * 12 * (10 + 4)
    with pytest.raises(SpecificationError) as refusal:
        RNNLayer(cell=own, input_size=10, hidden_size=13)
    assert str(refusal.value) == "hidden_size: expected a multiple of 3, the parts of gates ab, got 13"
    low_rank = cell(
        Phase(gates="v", size="rank", gives="s"), Phase(gates="a", operand="s", operand_size="rank", parts=2)
    )
    uneven = {"cell": replace(low_rank, options={"rank": 1}), "input_size": 10, "hidden_size": 12}
    with pytest.raises(SpecificationError) as refusal:
        RNNLayer(**uneven, options={"rank": 5})
    assert str(refusal.value) == "rank: expected a multiple of 2, the parts of gates a, got 5"


def test_gates_that_wait_for_nothing():
    layer = RNNLayer(cell=cell(Phase(gates="ab", operand="")), input_size=10, hidden_size=12)
    assert layer.num_weights == 2 * 12 * 10
    assert layer.phases[0].columns == "x"
    assert not layer.phases[0].runs_ahead
