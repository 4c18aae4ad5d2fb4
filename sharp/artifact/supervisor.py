"""Start a Jupyter kernel that ends with whoever asked for it; run as a script, so it imports nothing of sharp.

The asker keeps the writing end of a pipe, the lifeline, and never writes to it. However the asker ends, the operating
system closes that end, and the supervisor, which waits at the other, kills the kernel and all that the kernel started.
That holds from the first moment: a supervisor that starts when the asker is already gone finds the pipe closed.
"""

import os
import signal
import sys
import threading


def main() -> None:
    """Become the supervisor, and in a child the kernel; arguments are the lifeline's number and the kernel's."""
    lifeline = int(sys.argv.pop(1))
    kernel = os.fork()  # of a process that has imported next to nothing, so it is fast and small
    if kernel:
        _supervise(lifeline, kernel)
    os.close(lifeline)
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder of this script, no place to import from
    os.environ["JPY_PARENT_PID"] = str(os.getppid())  # ipykernel's own watch: it ends within a second of its parent
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


def _supervise(lifeline: int, kernel: int) -> None:
    """Wait for the kernel or the lifeline to end, then kill what is left: the process group, this process in it."""
    for number in (signal.SIGINT, signal.SIGTERM):  # Jupyter sends them to the group; they are meant for the kernel
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_wait_for_end, args=(lifeline,), daemon=True).start()
    os.waitpid(kernel, 0)
    _end_group()


def _wait_for_end(lifeline: int) -> None:
    os.read(lifeline, 1)
    _end_group()


def _end_group() -> None:
    os.killpg(os.getpid(), signal.SIGKILL)  # Jupyter starts a kernel as the leader of a session of its own


if __name__ == "__main__":
    main()
