"""What one person's server may use on a hub without systemd: a memory group of the kernel where root may make one.

`jupyterhub-systemdspawner` does this on a machine that runs systemd, with the processor as well; in a container there
is none. Where no group can be made each process is limited by itself: many at once can still use more together.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Integer

GROUPS = Path("/sys/fs/cgroup")
OURS = "mlops-hub"


def memory_group(name: str, most: int, root: Path = GROUPS) -> Path | None:
    """Make a memory group that holds at most `most` bytes, swap included, or bring one up to date; None without one.

    Both kinds of Linux' control groups are tried, the unified and the older one.
    """
    unified = (root / "cgroup.controllers").exists()
    group = root / OURS / name if unified else root / "memory" / OURS / name
    try:
        group.mkdir(parents=True, exist_ok=True)
        if unified:
            # A group gives to those below it what it was told to give; the topmost gives only what the machine has on.
            for above in (group.parents[1], group.parent):
                (above / "cgroup.subtree_control").write_text("+memory")
            (group / "memory.max").write_text(str(most))
            swap = group / "memory.swap.max"
            if swap.exists():
                swap.write_text("0")
        else:
            limits = [group / "memory.limit_in_bytes", group / "memory.memsw.limit_in_bytes"]
            limits = [file for file in limits if file.exists()]
            # The one with swap must never lie below the one without.
            for file in reversed(limits) if _raises(limits[0], most) else limits:
                file.write_text(str(most))
    except (OSError, IndexError):
        return None
    return group


def _raises(file: Path, most: int) -> bool:
    return int(file.read_text()) < most


class LimitedSpawner(LocalProcessSpawner):
    """JupyterHub's spawner for Unix accounts, with limits on memory and on the number of processes."""

    processes = Integer(300, min=50, help="Processes and threads that one account may have.").tag(config=True)

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """Return what the child does before it is the person's server: go into its group, take limits, step down."""
        step_down = super().make_preexec_fn(name)
        most = int(self.mem_limit or 0)
        group = memory_group(name, most) if most else None
        if most and group is None:
            self.log.warning("no memory group can be made here: each process of %s has its own %d bytes", name, most)
        processes = self.processes

        def preexec() -> None:
            if group is not None:
                (group / "cgroup.procs").write_text(str(os.getpid()))
            elif most:
                resource.setrlimit(resource.RLIMIT_DATA, (most, most))
            resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            step_down()

        return preexec
