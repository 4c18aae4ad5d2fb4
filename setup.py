"""Build of the Cython cores; everything else is in pyproject.toml.

``SHARP_CHECKED=1`` builds with bounds checking on, ``SHARP_SANITIZE=1`` with the address and undefined-behaviour
sanitizers, so that the same tests can run on such a core.
"""

import os
import platform

from Cython.Build import cythonize
from setuptools import Extension, setup

CHECKED = os.environ.get("SHARP_CHECKED") == "1"
SANITIZE = os.environ.get("SHARP_SANITIZE") == "1"
# Apart, or one build would take the other's files for its own.
BUILD = "build/with-checks" if CHECKED else "build/with-sanitizers" if SANITIZE else "build"
FLAGS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"] if SANITIZE else []

# What a compiler needs to know to use vector instructions: no errno, no traps, no infinities, and helpers inlined.
VECTOR_FLAGS = [
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-ffinite-math-only"),
    *([] if SANITIZE else ["-DCYTHON_INLINE=inline __attribute__((always_inline))"]),
]
# Every operation rounds by itself, as IEEE 754 says: none is fused with another, none moved.
IEEE_FLAGS = ["-ffp-contract=off", "-fno-trapping-math"]
LEVELS = {"": []}
if platform.machine() in ("x86_64", "AMD64"):
    LEVELS |= {"_v3": ["-march=x86-64-v3"], "_v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"]}


def extension(name: str, *flags: str) -> Extension:
    """A compiled module of `sharp.kernels`."""
    return Extension(
        f"sharp.kernels.{name}",
        [f"sharp/kernels/{name}.pyx"],
        extra_compile_args=["-O3", *flags, *FLAGS],
        extra_link_args=FLAGS,
    )


setup(
    ext_modules=cythonize(
        [
            extension("cycles"),
            *(extension(f"closed_form{level}", *VECTOR_FLAGS, *flags) for level, flags in LEVELS.items()),
            extension("values", *IEEE_FLAGS),
        ],
        compiler_directives={
            "language_level": 3,
            "boundscheck": CHECKED,
            "wraparound": False,
            "initializedcheck": CHECKED,
            "cdivision": True,
        },
        build_dir=f"{BUILD}/cython",
    ),
    options={"build": {"build_base": BUILD}, "build_ext": {"parallel": os.cpu_count()}},
)
