"""The version, where every wing can read it."""

__version__ = "0.1.0"
