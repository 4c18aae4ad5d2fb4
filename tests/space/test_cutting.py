"""Pieces: each point of a grid in exactly one, tables read for it as broadcasting says."""

from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sharp.space.cutting import PIECE_POINTS, Cut, Reader


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 100))
def test_pieces_are_the_grid(shape, seed):
    shape = tuple(shape)
    rng = np.random.default_rng(seed)
    whole = np.arange(prod(shape)).reshape(shape)
    some = tuple(length if rng.random() < 0.5 else 1 for length in shape)
    table, reader, cut = rng.random(some), Reader(), Cut(shape)
    numbers, values = [], []
    for number in range(len(cut)):
        piece = cut.piece(number)
        count = prod(piece.shape)
        assert count <= PIECE_POINTS
        numbers += np.broadcast_to(reader.read(whole, piece), count).tolist()
        values += np.broadcast_to(reader.read(table, piece), count).tolist()
    assert numbers == list(range(prod(shape)))
    assert values == np.broadcast_to(table, shape).reshape(-1).tolist()


def test_pieces_are_neither_small_nor_large():
    for shape in [(10**6,), (3, 200, 200), (10,) * 7, (2, 10**5, 2)]:
        cut = Cut(shape)
        assert prod(shape) / PIECE_POINTS <= len(cut) <= 3 * prod(shape) / PIECE_POINTS + 3
