"""Tables of what is reported of rivals: every result in words, ours beside those that can be run, with what differs."""

from sharp import find_accelerator, find_technology
from sharp.artifact.rival_tables import beside_table, own_results, results_table
from sharp.rivals.results import rival_results


def test_every_result_is_a_row_in_words():
    table = results_table(rival_results())
    assert len(table) == len(rival_results())
    (row,) = table[(table["machine"] == "ESE") & (table["status"] == "recalled")].to_dict("records")
    assert row["network"] == "lstm, 1 layer, 153 inputs, 1,024 cells, 512 outputs, 1 step"
    assert (row["batch"], row["operations"]) == ("32", "dense")


def test_ours_stands_beside_what_can_be_run():
    machines = [find_accelerator("sharp").with_macs(budget) for budget in ("1K", "4K")]
    pairs = own_results(rival_results(), machines, find_technology("32nm"))
    assert [result.machine for result, _ in pairs[::2]] == ["EdgeDRNN", "Spartus", "ESE", "C-LSTM"]
    table = beside_table(pairs)
    assert list(table["ours"]) == 4 * ["SHARP 1K", "SHARP 4K"]
    assert (table["our latency (µs)"] == [ours.latency_us for _, ours in pairs]).all()
    ese, spartus = (table[table["machine"] == name].iloc[0] for name in ("ESE", "Spartus"))
    assert (ese["differs"], ese["not known"]) == ("kind, technology, precision, sparsity", "")
    assert (spartus["differs"], spartus["not known"]) == ("kind, technology, sparsity", "precision")
