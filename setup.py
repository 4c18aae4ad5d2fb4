"""Build of the Cython cores; everything else is in pyproject.toml.

``SHARP_CHECKED=1`` builds with bounds checking on, so that the same tests can run on a checked core.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

CHECKED = os.environ.get("SHARP_CHECKED") == "1"
BUILD = "build/with-checks" if CHECKED else "build"  # apart, or one build would take the other's files for its own

setup(
    ext_modules=cythonize(
        [Extension("sharp.kernels.cycles", ["sharp/kernels/cycles.pyx"], extra_compile_args=["-O3"])],
        compiler_directives={
            "language_level": 3,
            "boundscheck": CHECKED,
            "wraparound": False,
            "initializedcheck": CHECKED,
            "cdivision": True,
        },
        build_dir=f"{BUILD}/cython",
    ),
    options={"build": {"build_base": BUILD}},
)
