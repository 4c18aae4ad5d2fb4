"""Vanilla recurrent cell, ``h_t = tanh(W x_t + U h_{t-1} + b)``; h passes the cell updater, which alone writes h."""

from __future__ import annotations

from sharp.workload.cell import Cell, CellOptions, Elementwise, Phase


def _phases(_options: CellOptions) -> tuple[Phase, ...]:
    return (Phase(gates="h", tanh_gates="h"),)


def _elementwise(_options: CellOptions) -> Elementwise:
    return Elementwise(multiplications=0, additions=1)


CELL = Cell(name="rnn", gates="h", phases=_phases, elementwise=_elementwise)
