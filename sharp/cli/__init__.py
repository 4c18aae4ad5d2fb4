"""The ``sharp`` command: options and results for people; what it computes is the library's.

It knows every other wing, and none knows it. Each command is a file of its own, loaded when it is asked for.
"""

import signal
import sys
from typing import Any

_AGAIN_S = 0.01


def main() -> None:
    """Run the command; whatever ends it ends in one sentence on the error stream (`sharp.cli.endings`)."""
    sys.unraisablehook = _interrupt_again
    try:
        from sharp.cli.endings import run_to_its_end

        run_to_its_end()
    except (KeyboardInterrupt, RuntimeError) as error:  # while sharp was loaded, or its last words were said
        if not isinstance(cause(error), KeyboardInterrupt):
            raise
        sys.stderr.write("sharp: interrupted\n")
        sys.exit(130)


def cause(error: BaseException) -> BaseException:
    """What an error came of: before 3.12, Python makes a RuntimeError of whatever ends the making of a class."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _interrupt_again(lost: Any) -> None:
    """Interrupt once more where Ctrl-C fell into a place that cannot pass it on, such as a callback of an import."""
    if lost.exc_type is KeyboardInterrupt:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
    else:
        sys.__unraisablehook__(lost)
