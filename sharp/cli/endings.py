"""How the command ends: in its output, or in one sentence on the error stream, whatever happened."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from sharp.cli import cause
from sharp.cli.group import cli
from sharp.errors import SharpError, as_sentence
from sharp.files import ReaderGoneError, output_stream

BAD_INPUT = 2
INTERRUPTED = 130
ENDED_BY = 128
"""Exit code of a command that a signal ends, less the signal's number."""
_ENDING = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


class _Terminated(BaseException):
    """A time limit, a shutdown or a terminal that closes asks us to end: an exception, so that files are whole."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run_to_its_end() -> None:
    """Run the command with the arguments of this process, and end the process where something went wrong."""
    settings = {"debug": False}
    try:
        with _named_output(), _ended_by_a_signal():
            cli.main(standalone_mode=False, obj=settings)
    except ReaderGoneError:
        return
    except (Exception, KeyboardInterrupt, _Terminated) as error:
        if settings["debug"]:
            _print_traceback(error)
        sentence, code = ending(cause(error))
        with suppress(OSError):  # the error stream may be a full disk; the exit code is said all the same
            click.echo(sentence, err=True)
        sys.exit(code)


def ending(error: BaseException) -> tuple[str, int]:
    """What is said of an error, with its true cause, and the exit code of the command."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            return error.format_message(), BAD_INPUT
        case _Terminated(number=number):
            return "sharp: terminated", ENDED_BY + number
        case KeyboardInterrupt() | click.Abort():
            return "sharp: interrupted", INTERRUPTED
        case click.ClickException():
            cause = error.format_message()
        case SharpError():
            cause = str(error)
        case MemoryError():
            cause = "memory: expected enough for what was asked, got too little"
        case OSError(filename=str() | bytes() as path, strerror=str(reason)):
            cause = f"{os.fsdecode(path)}: expected a file or folder that can be used, got: {reason}"
        case FileNotFoundError() if not _has_folder():
            cause = "the folder that it runs in: expected one that is there, got one that has been removed"
        case _:
            what = f"{type(error).__name__}: {error}"
            cause = f"unforeseen {what} (a fault of sharp; `sharp --debug ...` prints where it is)"
    return f"sharp: {as_sentence(cause)}", BAD_INPUT


def _has_folder() -> bool:
    """Whether the process still has a folder that relative paths start from."""
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _print_traceback(error: BaseException) -> None:
    """Print where an error comes from, with the errors that it was made of; a sentence hides them elsewhere."""
    link: BaseException | None = error
    while link is not None:
        link.__suppress_context__, link = False, link.__context__
    traceback.print_exception(error)


@contextmanager
def _named_output() -> Iterator[None]:
    """Give standard output its name, which errors of it then have, and leave no text that it cannot show."""
    stream = sys.stdout
    if stream is sys.__stdout__ and stream is not None:
        options = {"encoding": stream.encoding, "errors": "backslashreplace", "line_buffering": stream.isatty()}
        sys.stdout = output_stream(stream.fileno(), "w", "standard output", **options)
    try:
        yield
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


@contextmanager
def _ended_by_a_signal() -> Iterator[None]:
    before: dict[int, Any] = {number: signal.getsignal(number) for number in _ENDING}

    def terminate(number: int, *_: Any) -> None:
        signal.signal(number, before[number])  # asked twice, the process ends at once
        raise _Terminated(number)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, terminate)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
