"""Networks of one layer."""

from __future__ import annotations

from sharp.workload.network import Network, RNNLayer


def square_lstm(hidden_size: int, seq_len: int = 25) -> Network:
    """One LSTM layer whose input is as wide as its hidden state (X = H), the paper's synthetic workload.

    Parameters
    ----------
    hidden_size : int
        Cells of the layer, and elements of its input x_t.
    seq_len : int
        Time steps; the paper's sweeps use 25.

    Returns
    -------
    Network
        Of this one layer, named after its sizes.

    Raises
    ------
    SpecificationError
        Where a size is not a positive integer.

    Examples
    --------
    >>> import sharp
    >>> sharp.square_lstm(512).name
    'lstm-512x512-t25'
    """
    return single_layer(RNNLayer(input_size=hidden_size, hidden_size=hidden_size), seq_len)


def single_layer(layer: RNNLayer, seq_len: int, batch_size: int = 1) -> Network:
    """One layer as a network, named after its sizes.

    Parameters
    ----------
    layer : RNNLayer
    seq_len : int
        Time steps.
    batch_size : int
        Sequences, equally long.
    """
    name = f"{layer.cell_name}-{layer.input_size}x{layer.hidden_size}-t{seq_len}" + f"-b{batch_size}" * (batch_size > 1)
    return Network(name=name, layers=(layer,), seq_len=seq_len, batch_size=batch_size)
