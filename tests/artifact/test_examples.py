"""Counter-examples contradict what they say; the worked examples are in tests/cycles/test_counting.py."""

import pytest

from sharp.artifact.examples import CounterExample, counter_examples


@pytest.mark.parametrize("example", counter_examples(), ids=lambda example: example.statement[:40])
def test_counter_examples_contradict(example: CounterExample):
    assert example.first_cycles > example.second_cycles + example.slack
