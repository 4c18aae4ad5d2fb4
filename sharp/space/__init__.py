"""Many points: grids, sweeps, surveys of networks, comparisons of machines.

Knows no claim and no notebook.
"""
