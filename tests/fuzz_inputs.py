"""Random command lines and the files that they name: good ones, good ones changed, and rubbish.

All of a case comes from one source of chance. Numbers are never so great that a right answer takes minutes.
"""

import functools
import json
import math
from itertools import pairwise
from pathlib import Path

import click
import yaml

from sharp.cli.group import COMMANDS, cli
from sharp.energy.technology import SETTINGS
from sharp.machine.accelerator import UNITS
from sharp.shipped import DATA
from sharp.space.scenario import COLUMNS

MODELS = [
    Path(__file__).with_name("workload") / "onnx_cases" / name
    for name in ("h02_two_way_by_hand.onnx", "h05_unrolled_cells.onnx")
]

# Values --------------------------------------------------------------------------------------------------------------

SIZES = [1, 2, 7, 8, 32, 64, 100, 340, 512]
# None so great that its cycles are below 2^63 and yet take minutes to count.
NUMBERS = [
    *(0, -1, -(2**63), 2**24, 2**53, 2**63 - 1, 2**63, 10**20, 10**40, 10**500, 0.5, 1.5, 8.0, 8e6, -0.0),
    *(1e-12, 1e-300, 1e30, 1e300, math.inf, -math.inf, math.nan),
]
TEXTS = [
    *(
        "",
        " ",
        "x",
        "é∑",
        "\n",
        "a\nb",
        "\x1b[31m",
        "\u2028",
        "\u202e",
        "{1}",
        "{",
        "}",
        "{x!r}",
        "%s",
        "%",
        "=1+1",
        "@x",
    ),
    *("..", "/", ".", "-", "--", "--help", "~", "[", "*", "nan", "null", "true", "0x10", "1e3", "1_000", "010", "१२"),
    *("sharp", "eesen", "best", "lstm", "gru", "unfolded", "streamed", "64K", "32nm", "brainwave", "nosuch.py:X"),
    *("x" * 300, "x" * 50_000, "a:b:c", ":", "a.py:", "/dev/null", "/dev/stdin", "nosuch/file.yaml", ",", "1,2", "3,,"),
]
VALUES = [*NUMBERS, *TEXTS, None, True, False, [], {}, [[]], [1, [2]], [None], [1, True], [1, "x"], {"value": 3}]
VALUES += [{"from": 1, "to": 9}, {"each": [1, 2]}, {1: 2}, [[[[[[[[1]]]]]]]], list(range(50)), {"x" * 1000: 1}]
GOOD = {
    "network": ["eesen", "bysdne", "deepbench-gru-h512-t1", "n.yaml", "n.yaml", "s.yaml", "a.onnx"],
    "accelerator": ["sharp", "sharp", "epur", "epur-own", "brainwave", "npu", "titan-xp", "m.yaml", "r.yaml", "k.yaml"],
    "accelerators": ["sharp,epur", "sharp,brainwave", "m.yaml", "r.yaml,sharp", "sharp, epur", "k.yaml,npu,sharp"],
    "technology": ["32nm", "t.yaml"],
    "schedule": ["sequential", "batch", "intergate", "unfolded", "interleaved", "own.py:Own"],
    "cell": ["lstm", "gru", "rnn"],
    "macs": ["1K", "4K", "64K", "96K", "1024", "1000"],
    "precision": ["fp16/fp32", "int8/int32"],
    "options": ["keep=0.5", "x=1"],
    "settings": [
        "clock_hz=1e9",
        "activation_lanes=128",
        "tile_rows=[32, 64]",
        "weight_buffer=8e6",
        "temperature_k=330",
    ],
    "lengths": ["3,2", "5"],
    "forwarding": ["barrier", "tilewise"],
    "weights": ["resident", "streamed", "auto"],
    "order": ["layers", "steps", "wavefront"],
    "arrival": ["10ms", "1us", "0.5s", "3"],
    "deadline": ["1ms", "50us", "1s", "1"],
    "period": ["10ms", "1ns"],
    "power": ["5W", "1mW"],
    "area": ["150mm2", "1um2"],
    "objective": ["energy", "latency", "area", "power"],
    "space": ["z.yaml"],
    "table": ["out.csv", "z.yaml"],
    "figure": ["out.svg"],
    "most": ["1", "3"],
    "model": ["a.onnx", "a.onnx", "h5.onnx"],
    "inputs": ["i.npz"],
    "file": ["a.onnx", "h5.onnx", "t.pt", "k.h5"],
    "sizes": ["batch=2", "N=1"],
    "alternative": ["1", "2"],
    "label": ["fp16", "int8", "fp8/fp32", "e6m9", "bf16"],
    "labels": ["fp16,int8", "fp32"],
    "state": ["fp32", "fp16"],
    "scales": ["row", "tensor"],
    "activation_table": ["1", "64"],
    "layer": ["0", "1"],
    "show_steps": ["1", "9"],
    "tile_rows": ["best", "32", "256"],
    "sram": ["table"],
    "trace": ["out.json", "m.yaml", "n.yaml"],
    "kind": ["all", "networks", "accelerators", "schedules", "technologies"],
    "files": ["n.yaml", "s.yaml", "m.yaml", "t.yaml", "r.yaml", "g.yaml", "b.yaml", "p.yaml", "x.yaml"],
    "points": ["g.yaml"],
    "notebook": ["nb.md", "n.yaml", "nosuch.ipynb"],
    "parameters": ["p.yaml"],
    "output": ["out", "out.csv", "out.csv", "g.yaml", "m.yaml"],
    "executed": ["out/executed.ipynb"],
    "grid": ["b.yaml"],
    "folder": ["figures"],
    "verdicts": ["v.json"],
    "save": ["out.json"],
    "first": ["1"],
    "jobs": ["1", "2"],
    "threads": ["1", "2"],
    "samples": ["2", "0"],
}
"""Values that a command may take, by the name of the option."""
OUTPUTS = ("output", "executed", "trace", "save", "table", "figure")
"""Options that name what a command writes."""
NEEDED = {
    "sweep": ["points", "output"],
    "batch": ["grid", "output"],
    "figure": ["notebook", "output"],
    "claims": ["samples"],
    "choose": ["deadline", "samples", "space"],
    "import": ["file"],
    "execute": ["model", "inputs"],
}
OWN = "from sharp.schedule import Unfolded\nclass Own(Unfolded):\n    name = 'own'\n"
NOTEBOOK = """---
kernelspec: {name: python3, display_name: Python 3, language: python}
jupytext: {text_representation: {extension: .md, format_name: myst}}
---

```{code-cell} ipython3
:tags: [parameters]

size = 3
sizes = [1, 2]
label = "x"
```
"""


# Files ---------------------------------------------------------------------------------------------------------------


@functools.cache
def shipped(kind):
    """The files of a kind that ship, as JSON, which is a copy for each case."""
    paths = sorted((DATA / kind).glob("*.yaml"))
    return [json.dumps(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in paths]


def originals(chance):
    """The files that are right, by name, as the values they hold."""

    def one_of(kind, other=None):
        return other if other is not None and chance.random() < 0.6 else json.loads(chance.choice(shipped(kind)))

    line = {
        "notebook": "fig_a.md", "notebook_sha256": "0", "parameters": {"size": "3"}, "inputs": {}, "version": "0",
        "code_sha256": "0", "machine": "x", "python": "3", "packages": {"numpy": "1"}, "outputs": {"fig_a.csv": "0"},
    }  # fmt: skip
    machine = {"name": "m", "like": "sharp", "num_macs": 4096, "clock_hz": {"value": 5e8, "range": [1e8, 1e9]}}
    machine |= {
        "plan": {"schedule": "batch", "weights": "streamed"},
        "budgets": {"1K": {"num_macs": 1024, "clock_hz": 1e9}},
    }
    network = {"name": "n", "title": "t", "seq_len": 5, "batch_size": 2, "layers": [
        {"cell": "gru", "input_size": 8, "hidden_size": 8, "linear_before_reset": False, "repeat": 2},
        {"input_size": 8, "hidden_size": 16, "projection_size": 8, "peephole": True, "bidirectional": True},
    ]}  # fmt: skip
    provenance = {"source": "me", "status": "assumed", "range": [1, 9], "unit": "1"}
    columns = {
        "hidden_size": {"from": 8, "to": 32, "step": 8},
        "macs": ["1K", 4096],
        "schedule": ["batch", "unfolded"],
        "tile_rows": ["best", 32],
        "projection_size": [None, 4],
        "cell": ["lstm", "rnn"],
        "weights": ["resident", "streamed"],
        "forwarding": "tilewise",
        "bidirectional": [True, False],
        "seq_len": 9,
        "batch_size": [1, 3],
        "lengths": [[3, 2]],
        **{name: [3, 200] for name in chance.sample(COLUMNS, 3)},
        **dict.fromkeys(chance.sample(list(SETTINGS), 1), 300),
    }
    kept = chance.sample(list(columns), chance.randint(1, 5))
    graph = {"name": "n", "seq_len": 4, "feedback_ns": 20, "feedback": ["out"], "layers": [
        {"name": "a", "input_size": 8, "hidden_size": 8},
        {"name": "b", "cell": "gru", "input_size": 8, "hidden_size": 8, "reads": ["a"]},
        {"name": "out", "cell": "rnn", "input_size": 16, "hidden_size": 8, "reads": ["a", "b"], "seq_len": 4},
    ]}  # fmt: skip
    axes = {
        "macs": ["1K", "4K"], "clock_hz": ["250MHz", 5e8], "tile_set": [[32], [32, 64]], "precision": ["int8/int32"],
        "schedule": ["unfolded", "interleaved"], "order": ["wavefront"], "weight_buffer": ["26MiB", 8388608],
        "activation_lanes": {"from": 32, "to": 96, "step": 32}, "node_nm": [22, 32], "weights": ["streamed"],
    }  # fmt: skip
    kinds = [
        {"kind": "vector", "native_dimension": 400, "num_macs": 96000, "clock_hz": "250MHz", "step_cycles": 650,
         "invocation_cycles": 2605},
        {"kind": "gpu", "num_macs": 3840, "clock_hz": 1.5e9, "launch_s": 1e-5, "startup_s": "20us",
         "bandwidth_bytes_per_s": "500GB/s", "half_peak_size": 64},
        {"kind": "npu", "tiles": 6, "lanes": 40, "clock_hz": "300MHz"},
        {"kind": "published", "device": "P", "latencies": "l.csv"},
        {"kind": "own.py:Own"},
    ]  # fmt: skip
    return {
        "n.yaml": one_of("networks", chance.choice([network | {"provenance": {"seq_len": provenance}}, graph])),
        "k.yaml": chance.choice(kinds),
        "z.yaml": {
            "axes": {name: axes[name] for name in chance.sample(list(axes), chance.randint(1, 3))},
            "deadline": "1ms", "power": "10W", "objective": "latency",
        },
        "s.yaml": {"suite": "s", "problems": [{"cell": "lstm", "hidden_size": 8, "seq_len": 3}]},
        "m.yaml": one_of("accelerators", machine),
        "t.yaml": one_of("technology"),
        "r.yaml": one_of("rivals"),
        "x.yaml": one_of("."),
        "g.yaml": {"hidden_size": [8, 100]} | {name: columns[name] for name in kept},
        "b.yaml": {"notebook": "nb.md", "parameters": {"size": {"each": [1, 2]}, "sizes": [3], "label": "x"}},
        "p.yaml": {"size": 4, "sizes": [1], "label": "y"},
        "v.json": {"area_mm2_1k": "agrees", "brainwave_utilization": "differs"},
        "figures/manifest.json": {"fig_a": line},
        "figures/record/manifest.json": {"fig_a": line | {"version": "1"}},
        "figures/fig_a.json": {"id": "fig_a", "headline": {"x": 1.5}},
        "figures/record/fig_a.json": {"id": "fig_a", "headline": {"x": 2.5}},
    }  # fmt: skip


PLAIN = {
    "own.py": OWN,
    "l.csv": (DATA / "rivals" / "plasticine_deepbench.csv").read_text(encoding="utf-8"),
    "nb.md": NOTEBOOK,
    "mine.txt": "not sharp's\n",
    "figures/fig_a.csv": "a,b\n1,2\n",
    "figures/record/fig_a.csv": "a,b\n1,3\n",
    "figures/record/SHA256SUMS": f"{'0' * 64}  fig_a.csv\n{'1' * 64}  fig_a.json\n",
}


def places(content, path=()):
    """Every place in nested mappings and lists."""
    yield path
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def changed(content, chance):
    """A value with something in it replaced, dropped, added, renamed or put elsewhere."""
    if not isinstance(content, dict | list) or not content:
        return chance.choice(VALUES)
    path = chance.choice(list(places(content)))
    if not path:
        return chance.choice([[content], {"x": content}, chance.choice(VALUES)])
    parent = content
    for key in path[:-1]:
        parent = parent[key]
    way = chance.choice(["value", "value", "value", "number", "drop", "add", "wrap", "text"])
    if way == "value":
        parent[path[-1]] = chance.choice(VALUES)
    elif way == "number":
        parent[path[-1]] = chance.choice(SIZES + NUMBERS)
    elif way == "drop":
        del parent[path[-1]]
    elif way == "add" and isinstance(parent, dict):
        parent[chance.choice([*TEXTS, "layers", "suite", "voltage_v", "like", "plan", 3, None, True])] = chance.choice(
            VALUES
        )
    elif way == "text":
        parent[path[-1]] = str(parent[path[-1]])
    else:
        parent[path[-1]] = [parent[path[-1]]]
    return content


def scrambled(text, chance):
    """A text with some of it lost, doubled or replaced."""
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 1, 1, 2, 20]))
        pieces = [
            "",
            text[start:end] * 2,
            *"[]{}:,'\"&*!|>%@`-#\t\n\0",
            "&a ",
            "*a",
            "<<: ",
            "!!python/name:x ",
            "[" * 99,
            "\ufeff",
        ]
        text = text[:start] + chance.choice(pieces) + text[end:]
    return text


def written(name, content, chance):
    """The text of a file: its values, most of them right, or what is no text of its kind."""
    for _ in range(chance.choice([0, 0, 0, 1, 1, 2])):
        content = changed(content, chance)
    try:
        as_json = name.endswith(".json") or chance.random() < 0.8  # which is YAML as well, and written faster
        text = json.dumps(content, indent=1) if as_json else yaml.safe_dump(content, allow_unicode=True)
    except (ValueError, TypeError):
        text = repr(content)
    if chance.random() < 0.1:
        text = scrambled(text, chance)
    if chance.random() < 0.02:
        text = chance.choice(
            ["", "[" * 100_000, '{"a":' * 50_000, "a: [" + "1, " * 50_000 + "1]", "&a [" + "*a," * 9 + "1]", "\0"]
        )
    return (
        text.encode("utf-8", "surrogatepass")
        if chance.random() < 0.99
        else b"\xff\xfe" + text.encode("utf-16-le", "replace")
    )


@functools.cache
def models():
    """Files of ONNX, PyTorch and Keras, and inputs of one of them, as bytes."""
    import io

    import numpy as np

    inputs = io.BytesIO()
    np.savez(inputs, x=np.ones((3, 1, 20), np.float32))
    return {
        **{f"{name}.onnx": path.read_bytes() for name, path in zip(("a", "h5"), MODELS, strict=True)},
        "i.npz": inputs.getvalue(),
        "t.pt": b"PK\x03\x04" + inputs.getvalue()[4:],
        "k.h5": b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 4,
    }


def damaged(content, chance):
    """Bytes with some of them lost, doubled or replaced."""
    for _ in range(chance.choice([0, 0, 1, 1, 3])):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice([0, 1, 1, 4, 200, len(content)]))
        pieces = [b"", content[start:end] * 2, bytes([chance.randrange(256)]), b"\xff" * (end - start), b"\0" * 9]
        content = content[:start] + chance.choice(pieces) + content[end:]
    return content


def write_files(folder, words, chance):
    """The files that a command line names, most of them right, and some that it does not."""
    for name, text in PLAIN.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(scrambled(text, chance) if chance.random() < 0.1 else text)
    for name, content in originals(chance).items():
        if any(name.split("/")[0] in word for word in words):
            (folder / name).write_bytes(written(name, content, chance))
    for name, content in models().items():
        if name in words:
            (folder / name).write_bytes(damaged(content, chance))
    if chance.random() < 0.05:
        (folder / "loop").symlink_to("loop")
    if chance.random() < 0.05:
        (folder / "out").write_text("mine, in the way\n")


# Command lines -------------------------------------------------------------------------------------------------------


def value_of(parameter, chance):
    """A value of an option, most of them right."""
    if parameter.name == "settings" and chance.random() < 0.5:
        return f"{chance.choice([*UNITS, *SETTINGS])}={chance.choice(SIZES + NUMBERS)}"
    good = GOOD.get(parameter.name, SIZES)
    if chance.random() < 0.93:
        return str(chance.choice(good))
    return str(chance.choice([*VALUES, *good])).replace("\0", "0")


def command_line(chance):
    """A command with some of its options, most of them right, and the words that name what it writes."""
    name = (
        chance.choice([*COMMANDS, "run", "sweep", "check", "check"]) if chance.random() < 0.98 else chance.choice(TEXTS)
    )
    words = [name]
    if name not in COMMANDS:
        return words, []
    known = cli.get_command(click.Context(cli), name).params
    shown = [parameter for parameter in known if parameter.name in NEEDED.get(name, ()) and chance.random() < 0.97]
    shown += chance.sample(known, chance.randint(0, min(4, len(known))))
    if name in ("run", "compare", "explore", "timeline", "choose") and chance.random() < 0.9:
        workload = chance.choice(["hidden_size", "network"])
        shown += [parameter for parameter in known if parameter.name == workload]
    for parameter in dict.fromkeys(shown):
        if isinstance(parameter, click.Argument):
            words += [
                value_of(parameter, chance) for _ in range(chance.choice([1, 1, 1, 2]) if parameter.nargs < 0 else 1)
            ]
            continue
        words.append(chance.choice([*parameter.opts, *parameter.secondary_opts]))
        if not parameter.is_flag and chance.random() < 0.99:
            words.append(value_of(parameter, chance))
    if chance.random() < 0.03:
        words.insert(chance.randrange(len(words) + 1), chance.choice(TEXTS).replace("\0", "0"))
    names = {option for parameter in known if parameter.name in OUTPUTS for option in parameter.opts}
    return words, [word for option, word in pairwise(words) if option in names]
