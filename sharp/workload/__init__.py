"""Networks: layers, cells, sequences, and their files.

Knows no machine.
"""

from sharp.workload.network import Network, RNNLayer
from sharp.workload.sequences import Sequences
from sharp.workload.single import single_layer, square_lstm

__all__ = ["Network", "RNNLayer", "Sequences", "single_layer", "square_lstm"]
