"""The ``sharp`` command: options and results for people; what it computes is the library's.

It knows every other wing, and none knows it. Each command is a file of its own, loaded when it is asked for.
"""


def main() -> None:
    """Run the command; whatever ends it ends in one sentence on the error stream (`sharp.cli.endings`)."""
    try:
        from sharp.cli.endings import run_to_its_end

        run_to_its_end()
    except KeyboardInterrupt:  # while the rest of sharp was loaded, or its last words were said
        import sys

        sys.stderr.write("sharp: interrupted\n")
        sys.exit(130)
