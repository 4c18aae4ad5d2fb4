"""Floating-point arithmetic as combinational hardware: multiply, add, convert, each bit-equal to IEEE 754.

Functions take Amaranth values and give one; where registers go is their caller's.
"""
