"""Other machines, from what is published of them, and how a machine of any kind is found and run.

Knows no design space.
"""
