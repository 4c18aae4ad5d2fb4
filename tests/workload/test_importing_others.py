"""Networks from files of PyTorch and Keras, of which neither is needed for it."""

import io
import json
import os
import pickle
import sys
import types
import zipfile
from collections import OrderedDict

import pytest

import sharp
from sharp.errors import SpecificationError
from sharp.workload.importing.files import import_file


class Weight:
    """What a tensor is to a pickle of PyTorch."""

    def __init__(self, *shape):
        self.shape = shape

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, ((), 0, self.shape, (), False, OrderedDict())


@pytest.fixture
def save(monkeypatch, tmp_path):
    """Write what torch.save would, with modules of its names in the place of PyTorch's."""
    parts = {name: types.ModuleType(name) for name in ("torch", "torch._utils", "torch.nn.modules.rnn", "mine")}

    def _rebuild_tensor_v2(*values):
        raise AssertionError("this ran")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    parts["torch._utils"]._rebuild_tensor_v2 = _rebuild_tensor_v2
    for module, name in (("torch.nn.modules.rnn", "LSTM"), ("torch.nn.modules.rnn", "Linear"), ("mine", "Net")):
        setattr(parts[module], name, type(name, (), {"__module__": module}))
    for name, module in parts.items():
        monkeypatch.setitem(sys.modules, name, module)

    def save(content, name="net.pt", old=False):
        path = tmp_path / name
        if old:
            stream = io.BytesIO()
            for entry in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, content, []):
                pickle.dump(entry, stream, protocol=2)
            path.write_bytes(stream.getvalue())
        else:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("net/data.pkl", pickle.dumps(content, protocol=2))
        return path

    return save


STATES = OrderedDict(
    {
        "conv.weight": Weight(8, 3, 3),
        "rnn.weight_ih_l0": Weight(48, 10),
        "rnn.weight_hh_l0": Weight(48, 16),
        "rnn.weight_ih_l0_reverse": Weight(48, 10),
        "rnn.weight_hh_l0_reverse": Weight(48, 16),
        "rnn.weight_ih_l1": Weight(48, 32),
        "rnn.weight_hh_l1": Weight(48, 16),
        "out.weight_ih": Weight(64, 5),
        "out.weight_hh": Weight(64, 16),
        "small.weight_ih_l0": Weight(64, 5),
        "small.weight_hh_l0": Weight(64, 4),
        "small.weight_hr_l0": Weight(4, 16),
    }
)


@pytest.mark.parametrize("old", [False, True])
def test_state_dicts_say_layers_by_their_shapes(save, old):
    imported = import_file(save({"epoch": 3, "model": STATES}, old=old), steps=7)
    found = [
        (layer.name, layer.cell, layer.input_size, layer.hidden_size, layer.projection_size, layer.reads)
        for layer in imported.networks[0].layers
    ]
    assert found == [
        ("rnn.0", "gru", 10, 16, None, ("input:rnn",)),
        ("rnn.1", "gru", 32, 16, None, ("rnn.0",)),
        ("out.0", "lstm", 5, 16, None, ("input:out",)),
        ("small.0", "lstm", 5, 16, 4, ("input:small",)),
    ]
    assert [layer.bidirectional for layer in imported.networks[0].layers] == [True, False, False, False]
    assert {layer.seq_len for layer in imported.networks[0].layers} == {7}
    assert imported.warnings


def net():
    """A module as PyTorch pickles it, whole."""
    whole, lstm, linear = (sys.modules["mine"].Net(), *_two(sys.modules["torch.nn.modules.rnn"]))
    vars(lstm).update(
        mode="LSTM", input_size=10, hidden_size=16, num_layers=2, bidirectional=True, proj_size=0, _modules={}
    )
    vars(linear).update(in_features=32, out_features=4, _modules={})
    vars(whole).update(_modules=OrderedDict(rnn=lstm, out=linear))
    return whole


def _two(module):
    return module.LSTM(), module.Linear()


def test_whole_modules_say_layers_by_their_attributes(save):
    (network,) = import_file(save(net()), steps=7).networks
    found = [(layer.name, layer.cell, layer.input_size, layer.hidden_size, layer.reads) for layer in network.layers]
    assert found == [
        ("rnn.0", "lstm", 10, 16, ("input",)),
        ("rnn.1", "lstm", 32, 16, ("rnn.0",)),
        ("out", "dense", 32, 4, ("rnn.1",)),
    ]


def test_modules_in_python(save):
    network = sharp.from_torch(net(), seq_len=9, batch_size=2)
    assert (network.name, network.seq_len, network.batch_size) == ("Net", 9, 2)
    assert network.num_weights == 2 * 64 * (10 + 16) + 2 * 64 * (32 + 16) + 128
    with pytest.raises(SpecificationError, match="expected a recurrent layer of PyTorch"):
        sharp.from_torch({"weight": Weight(3, 4)}, seq_len=9)


class Malicious:
    """An object that makes a folder when it is loaded."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("old", [False, True])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(save, tmp_path, old):
    made = tmp_path / "made"
    path = save({"weight_ih_l0": Weight(8, 2), "other": Malicious(made)}, old=old)
    with pytest.raises(
        SpecificationError, match=r"net\.pt: expected tensors.* got a pickle that would run (posix|nt)\.mkdir"
    ):
        import_file(path, steps=3)
    assert not made.exists()


@pytest.mark.parametrize("name", ["eval", "exec", "getattr", "__import__", "breakpoint"])
def test_functions_of_python_are_not_called(tmp_path, name):
    path = tmp_path / "net.pt"
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C) + f"cbuiltins\n{name}\n(S'1'\ntR.".encode() * 3)
    with pytest.raises(SpecificationError, match=f"would run builtins.{name}"):
        import_file(path, steps=3)


def test_files_of_pytorch_that_are_broken_are_refused(save, tmp_path):
    whole = save(STATES).read_bytes()
    path = tmp_path / "cut.pt"
    for size in range(0, len(whole), 53):
        path.write_bytes(whole[:size])
        with pytest.raises(SpecificationError, match="expected"):
            import_file(path, steps=3)
    with pytest.raises(SpecificationError, match="expected --steps"):
        import_file(save(STATES))


# Keras ---------------------------------------------------------------------------------------------------------------


def layer(kind, inbound=None, **config):
    entry = {"class_name": kind, "config": config}
    if inbound is not None:
        history = [{"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}} for name in inbound]
        entry["inbound_nodes"] = (
            [{"args": history if len(history) == 1 else [history], "kwargs": {}}] if inbound else []
        )
    return entry


FUNCTIONAL = {
    "class_name": "Functional",
    "config": {
        "name": "tagger",
        "layers": [
            layer("InputLayer", [], name="words", batch_shape=[None, None]),
            layer("Embedding", ["words"], name="table", input_dim=50, output_dim=12),
            layer("InputLayer", [], name="marks", batch_shape=[None, None, 3]),
            layer("Concatenate", ["table", "marks"], name="both", axis=-1),
            layer(
                "Bidirectional",
                ["both"],
                name="rnn",
                merge_mode="sum",
                layer={"class_name": "LSTM", "config": {"units": 8, "return_sequences": True}},
            ),
            layer("Conv1D", ["rnn"], name="conv", filters=6, kernel_size=[3], strides=[2], padding="same"),
            layer("GRU", ["conv"], name="gru", units=5, reset_after=False, return_sequences=False),
            layer("Dense", ["gru"], name="out", units=2),
        ],
    },
}


def write_keras(tmp_path, model):
    path = tmp_path / "mine.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(model))
    return path


def test_functional_models(tmp_path):
    (network,) = import_file(write_keras(tmp_path, FUNCTIONAL), steps=11).networks
    found = [
        (layer.name, layer.cell, layer.input_size, layer.hidden_size, layer.seq_len, layer.reads)
        for layer in network.layers
    ]
    assert found == [
        ("rnn", "lstm", 15, 8, 11, ("input:words", "input:marks")),
        ("gru", "gru", 6, 5, 6, ("rnn",)),
        ("out", "dense", 5, 2, 1, ("gru",)),
    ]
    rnn, gru, _ = network.layers
    assert (rnn.merge, rnn.bidirectional, gru.linear_before_reset) == ("sum", True, False)
    assert network.not_modelled["Conv1D"].macs == 6 * 6 * 3 * 8
    assert sharp.find_network(str(tmp_path / "mine.keras"), steps=11).num_macs == sum(
        layer.macs for layer in network.layers
    )


def test_sequential_models(tmp_path):
    layers = [
        layer("InputLayer", name="x", batch_shape=[None, 20, 4]),
        layer("SimpleRNN", name="low", units=6, return_sequences=True),
        layer("TimeDistributed", name="each", layer={"class_name": "Dense", "config": {"units": 3}}),
        layer("LSTM", name="high", units=7),
    ]
    model = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}}
    (network,) = import_file(write_keras(tmp_path, model)).networks
    assert [(entry.cell, entry.input_size, entry.seq_len) for entry in network.layers] == [
        ("rnn", 4, 20),
        ("dense", 6, 20),
        ("lstm", 3, 20),
    ]


def test_models_inside_of_models(tmp_path):
    inside = [
        layer("InputLayer", name="x", batch_shape=[None, 20, 4]),
        layer("LSTM", name="low", units=6, return_sequences=True),
        layer("LSTM", name="high", units=7, return_sequences=True),
    ]
    pair = [
        layer("InputLayer", [], name="b", batch_shape=[None, 20, 5]),
        layer("InputLayer", [], name="a", batch_shape=[None, 20, 7]),
        layer("Concatenate", ["a", "b"], name="both"),
        layer("GRU", ["both"], name="gru", units=3),
    ]
    ends = {"input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["gru", 0, 0]]}
    layers = [
        layer("InputLayer", [], name="left", batch_shape=[None, 20, 4]),
        layer("InputLayer", [], name="right", batch_shape=[None, 20, 5]),
        layer("Sequential", ["left"], name="stack", layers=inside),
        layer("Functional", ["stack", "right"], name="pair", layers=pair, **ends),
        layer("Dense", ["pair"], name="out", units=2),
    ]
    model = {"name": "nested", "layers": layers}
    (network,) = import_file(write_keras(tmp_path, FUNCTIONAL | {"config": model})).networks
    assert [(each.name, each.cell, each.input_size, each.reads) for each in network.layers] == [
        ("stack/low", "lstm", 4, ("input:left",)),
        ("stack/high", "lstm", 6, ("stack/low",)),
        ("pair/gru", "gru", 12, ("stack/high", "input:right")),
        ("out", "dense", 3, ("pair/gru",)),
    ]


def test_files_of_h5(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "mine.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(FUNCTIONAL)
    assert len(import_file(path, steps=11).networks[0].layers) == 3
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SpecificationError, match="cut off"):
        import_file(path, steps=11)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"class_name": "Mine"}, "expected a Sequential or a Functional model, got 'Mine'"),
        ({"config": {"layers": [layer("Magic", ["a"], name="m")]}}, "expected the configuration of a Keras model"),
        ({"config": {"layers": [layer("InputLayer", [], name="a", batch_shape=[None, 4, 4]),
                                layer("ConvLSTM2D", ["a"], name="m")]}},
         r"layer 'm' \(ConvLSTM2D\): expected a layer that is known here"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_its_layer(tmp_path, change, sentence):
    with pytest.raises(SpecificationError, match=sentence):
        import_file(write_keras(tmp_path, FUNCTIONAL | change), steps=4)


def test_open_steps_are_asked_for(tmp_path):
    with pytest.raises(SpecificationError, match="expected --steps"):
        import_file(write_keras(tmp_path, FUNCTIONAL))
    with pytest.raises(SpecificationError, match=r"expected a name that ends in \.onnx or"):
        import_file(tmp_path / "mine.tflite")
