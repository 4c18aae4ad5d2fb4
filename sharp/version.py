"""The version, and what the code is, where every wing can read it."""

__version__ = "0.1.0"

_SOURCES = ("**/*.py", "**/*.pyx", "**/*.pxi", "data/**/*.csv", "data/**/*.json", "data/**/*.yaml")


def code_sha256() -> str:
    """SHA-256 of all sources and data of the package: results of equal inputs and equal code are equal."""
    import hashlib  # what runs nothing need not start with these
    from pathlib import Path

    package = Path(__file__).parent
    sources = sorted({path for pattern in _SOURCES for path in package.glob(pattern)})
    code = b"".join(path.relative_to(package).as_posix().encode() + path.read_bytes() for path in sources)
    return hashlib.sha256(code).hexdigest()
