"""Door for notebooks of one's own: what saves a figure or a table with its numbers (book, page "Batches")."""

from sharp.artifact.outputs import save_figure, save_table

__all__ = ["save_figure", "save_table"]
