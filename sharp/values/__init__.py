"""What a network computes: number formats, a layer's values in the order in which its tiles add them, comparisons.

Knows the order of a schedule's segments; knows no cycle, no energy.
"""
