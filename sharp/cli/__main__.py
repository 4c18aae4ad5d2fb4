"""``python -m sharp.cli``: the ``sharp`` command."""

from sharp.cli import main

main()
