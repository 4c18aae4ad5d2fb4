"""The machine in Amaranth, one file a unit: control, operands, tree, accumulators, activation unit, updater."""
