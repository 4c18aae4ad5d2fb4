"""Intel's NPU, a BrainWave-like processor whose RTL is public: its machine, its programs, their events and laws.

Knows nothing of SHARP's schedules and tiles.
"""
