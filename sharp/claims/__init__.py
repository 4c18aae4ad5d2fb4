"""What is assumed, how far results move with it, and what that says of published numbers.

Knows no figure.
"""
