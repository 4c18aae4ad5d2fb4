"""A machine as a program: Verilator compiles it once, and every layer is only a file of commands for it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sharp.rtl.design import Design
from sharp.rtl.program import Fields, Program
from sharp.rtl.tools import verilator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HARNESS = Path(__file__).with_name("harness.cpp")
_LOAD, _RUN = 1, 2


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run of a direction gave."""

    cycles: int
    """From the start to the last h."""
    tiles: int
    """Tiles issued, of all sequences."""
    faults: int
    """Not 0 where a queue overflowed."""
    values_peak: int
    """Most segments that waited for the activation unit."""
    cells_peak: int
    """Most segments that waited for the updater."""
    outputs: NDArray[np.float16]
    """h of every step: (steps, sequences, cells); not-a-number of a control alone."""


def cache_folder() -> Path:
    """Where compiled machines are kept unless a user says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sharp" / "rtl"


def compiled(design: Design, folder: Path | None = None, *, trace: bool = False) -> Path:
    """The program that simulates a machine, compiled if it is not there yet.

    Parameters
    ----------
    design : Design
    folder : Path, optional
        Where compiled machines are kept; `cache_folder` by default.
    trace : bool
        Whether it can write waveforms.

    Raises
    ------
    SpecificationError
        Where a tool is not installed.
    RuntimeError
        Where a tool fails.
    """
    command, environment = verilator()
    home = (folder or cache_folder()) / _key(design, trace)
    program = home / f"V{design.top}"
    if program.exists():
        return program
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".making-") as name:
        made = Path(name) / "made"
        made.mkdir()
        for module, text in design.verilog().items():
            (made / f"{module}.v").write_text(text if module == design.top else _compiled_alone(text, module))
        done = subprocess.run(
            [*command, *_options(design, made, trace)],
            cwd=made,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"verilator: {(done.stdout + done.stderr)[-3000:]}")
        _keep(made, home, f"V{design.top}")
    return program


def _keep(made: Path, home: Path, program: str) -> None:
    """Put what is wanted of a build in its place, all at once; whoever was first there stays."""
    shutil.copy(made / "obj" / program, made / program)
    shutil.rmtree(made / "obj")
    try:
        made.rename(home)
    except OSError:
        if not (home / program).exists():
            raise


def _key(design: Design, trace: bool) -> str:
    """What a compiled machine depends on: its sizes, the files of the generator, how it is compiled."""
    here = Path(__file__).parent
    digest = hashlib.sha256(f"{design!r} {_options(design, here, trace)}".replace(str(here), "").encode())
    for folder in ("generator", "arithmetic"):
        for path in sorted((here / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    digest.update(_HARNESS.read_bytes())
    return f"{design.top}-{design.sizes.num_macs}-{digest.hexdigest()[:16]}"


def _compiled_alone(text: str, module: str) -> str:
    """A unit's Verilog, marked so that Verilator compiles it once for all of its instances."""
    return re.sub(rf"^module {module}\(.*?\);", r"\g<0> /* verilator hier_block */", text, count=1, flags=re.M | re.S)


def _options(design: Design, folder: Path, trace: bool) -> list[str]:
    top, lanes = f"V{design.top}", design.sizes.update_lanes
    defines = [f"-DHEADER='\"{top}.h\"'", f"-DMODEL={top}", f"-DLANES={lanes}"]
    defines += ["-DCONTROL"] * design.control_only + ["-DTRACE"] * trace
    files = [f"{design.top}.v", *(path.name for path in sorted(folder.glob("*.v")) if path.stem != design.top)]
    return [
        *("--cc", "--exe", "--build", "-O3", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--Mdir", "obj"),
        *("--top-module", design.top, "-j", str(os.cpu_count() or 1)),
        *("-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O1"),
        *(["--hierarchical"] if not design.control_only else []),
        *(["--trace"] if trace else []),
        *("-CFLAGS", " ".join(defines)),
        *files,
        str(_HARNESS),
    ]


def run(
    program: Path, design: Design, loaded: Program, x: NDArray[np.float16], *, waves: Path | None = None
) -> Outcome:
    """Run a direction of a layer.

    Parameters
    ----------
    program : Path
        The simulator of the design.
    design : Design
    loaded : Program
    x : array of float16, (steps, sequences, inputs)
    waves : Path, optional
        A file for the waveforms (VCD); of a control alone for a byte a cycle, with a bit for each of array, activation
        unit and updater where it takes something.
    """
    import numpy as np

    cells = len(loaded.places) // loaded.registers["sequences"]
    with tempfile.TemporaryDirectory() as name:
        commands, results = Path(name) / "commands", Path(name) / "results"
        with commands.open("wb") as file:
            for words in _commands(design, loaded, x):
                file.write(np.asarray(words, dtype="<u4").tobytes())
        subprocess.run([program, commands, results, *([waves] if waves else [])], check=True)
        words = np.fromfile(results, dtype="<u4")
    *h, (_, cycles, tiles, faults, values_peak, cells_peak, ended) = _records(words)
    if not ended:
        raise RuntimeError(f"rtl: the machine did not end within {cycles} cycles")
    return Outcome(
        cycles=cycles,
        tiles=tiles,
        faults=faults,
        values_peak=values_peak,
        cells_peak=cells_peak,
        outputs=_outputs(h, x.shape[:2], cells, design.sizes.hidden),
    )


def _records(words: NDArray[np.uint32]) -> Iterator[tuple[int, ...]]:
    listed = words.tolist()
    place = 0
    while place < len(listed):
        length = 4 if listed[place] == _LOAD else 7
        yield tuple(listed[place : place + length])
        place += length


def _outputs(h: list[tuple[int, ...]], shape: tuple[int, ...], cells: int, most: int) -> NDArray[np.float16]:
    import numpy as np

    out = np.full((*shape, cells), np.nan, dtype=np.float16)
    if h:
        _, step, place, bits = np.array(h).T
        out[step - 1, place // most, place % most] = bits.astype(np.uint16).view(np.float16)
    return out


def _commands(design: Design, loaded: Program, x: NDArray[np.float16]) -> Iterator[list[int] | NDArray[np.uint32]]:
    """All loads, then the run."""
    import numpy as np

    from sharp.rtl.generator import words

    for place, fields in enumerate(loaded.segments):
        yield _load(words.LOAD_SEGMENTS, place, _packed(words.SEGMENT, fields))
    yield _load(words.LOAD_REGISTERS, 0, _packed(words.REGISTERS, loaded.registers))
    if not design.control_only:
        for place, tile in enumerate(loaded.tiles):
            yield _load(words.LOAD_WEIGHTS, place, np.ascontiguousarray(tile).view(np.uint32).ravel())
        for place, bits in enumerate(np.ascontiguousarray(x).view(np.uint16).ravel().tolist()):
            yield _load(words.LOAD_INPUTS, place, [bits])
        for place, bias in enumerate(loaded.biases.tolist()):
            yield _load(words.LOAD_BIASES, place, bias)
        for place, where in enumerate(loaded.places.tolist()):
            yield _load(words.LOAD_PLACES, place, [where])
    yield [_RUN, 2**31]


def _load(select: int, address: int, words: list[int] | NDArray[np.uint32]) -> list[int]:
    return [_LOAD, select, address, len(words), *map(int, words)]


def _packed(layout: object, fields: Fields) -> list[int]:
    """A word of the machine in words of 32 bits."""
    value, size = 0, layout.size  # type: ignore[attr-defined]
    for name, part in layout:  # type: ignore[attr-defined]
        number = fields.get(name, 0)
        if not 0 <= number < 1 << part.width:
            raise ValueError(f"{name}: {number} does not fit {part.width} bits")
        value |= number << part.offset
    return [value >> place & 0xFFFFFFFF for place in range(0, size, 32)]
