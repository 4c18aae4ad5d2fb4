"""The machine as hardware: a generator of its units and of the whole, co-simulation with the model.

It knows how cycles are counted and what is computed, as it has to equal both; nothing of energy, figures, the command.
"""
