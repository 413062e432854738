"""`course hub-restore CLASS.toml FILE`: bring back what `course hub-backup` has saved, on this machine or a new one."""

from __future__ import annotations

import argparse
from pathlib import Path

from course.hub.backup import need_root, restore
from course.hub.class_plan import read_class

SUMMARY = "bring a saved class's hub, homes and accounts back (needs root)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course hub-restore`."""
    parser.add_argument("plan", type=Path, help="the class's TOML file, as it was")
    parser.add_argument("archive", type=Path, help="the archive")


def run(args: argparse.Namespace) -> int:
    """Restore, overwriting nothing."""
    plan = read_class(args.plan)
    need_root()
    found = restore(args.archive, plan.state)
    print(f"{len(found)} accounts, their homes and {plan.state} are back; start the hub as ever")
    return 0
