"""`python -m course.hub.following COMMAND …`: become a command that ends when the hub does, even a hub that is killed.

The hub starts its services in sessions of their own; those of a hub that was killed would hold their ports for ever,
and the next hub could not start them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def follow(command: list[str]) -> None:
    """Ask the kernel for SIGTERM at the end of the parent, then become the command; Linux only."""
    parent = os.getppid()
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM):
        raise OSError(ctypes.get_errno(), "prctl refused")
    if os.getppid() != parent:  # it was gone before the kernel knew
        sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    follow(sys.argv[1:])
