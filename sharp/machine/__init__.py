"""The accelerator, the plan it is run by, and its files.

Knows networks; knows no schedule by more than its name, and counts nothing.
"""
