"""What a run costs and what a machine takes up: technology, SRAM, implementation, breakdown, power.

Knows cycles; changes none of them.
"""
