"""Sequences of a batch: spans, lengths, steps that become one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import batches, examples

from sharp import Sequences, SpecificationError


@pytest.mark.parametrize(
    ("lengths", "spans"),
    [
        ([5], ((1, 5),)),
        ([5, 5, 5], ((3, 5),)),
        ([3, 5], ((2, 3), (1, 2))),
        ([5, 3, 3, 1], ((4, 1), (3, 2), (1, 2))),
        ([7, 2, 9], ((3, 2), (2, 5), (1, 2))),
    ],
)
def test_spans_of_sequences(lengths, spans):
    sequences = Sequences.of(lengths)
    assert sequences.spans == spans
    assert sequences == Sequences.of(sorted(lengths))
    assert (sequences.batch_size, sequences.num_steps, sequences.total_steps) == (
        len(lengths),
        max(lengths),
        sum(lengths),
    )
    assert sequences.are_equal == (len(set(lengths)) == 1)


def test_equal_sequences():
    assert Sequences.equal(5) == Sequences.of([5])
    assert Sequences.equal(5, 3) == Sequences.of([5, 5, 5])
    assert Sequences.equal(5, 2**62).total_steps == 5 * 2**62
    for arguments in ((0,), (1, 0), (1.5,), (True,)):
        with pytest.raises(SpecificationError, match=r"(seq_len|batch_size): expected a positive integer"):
            Sequences.equal(*arguments)
    for lengths in ([], [3, 0], [2.5]):
        with pytest.raises(SpecificationError, match="seq_len: expected"):
            Sequences.of(lengths)
    nonsense = [
        ((1, 5), (3, 5)),
        ((3, 5), (3, 2)),
        ((3, 0),),
        ((0, 3),),
        ((3, True),),
        ((3, 2.5),),
        (),
        ((3,),),
        3,
        [3],
        ((3, 4, 5),),
    ]
    for spans in nonsense:
        with pytest.raises(SpecificationError, match=r"spans.*: expected"):
            Sequences(spans)


@examples(300)
@given(lengths=batches(), num_frames=st.integers(1, 9))
def test_steps_of_each_sequence_are_what_it_was_made_of(lengths, num_frames):
    sequences = Sequences.of(lengths)
    assert sequences.lengths == tuple(sorted(lengths, reverse=True))
    assert sequences.stacked(num_frames) == Sequences.of([-(-length // num_frames) for length in lengths])
    assert sequences.last_steps == Sequences.of([1] * len(lengths))
