"""A deadline in small, by the command that measures a large one."""

import subprocess
import sys

import pytest
from like_pods import ROOT, can_be_proxied

COMMAND = [sys.executable, str(ROOT / "tests" / "bench" / "exchange_load.py")]


def test_a_class_hands_in_at_once_while_the_exchange_is_killed_and_nothing_is_lost_or_doubled():
    if not can_be_proxied():
        pytest.skip("the hub's proxy is missing: install Node with npm, or Debian's node-configurable-http-proxy")
    words = ["--students", "30", "--seconds", "3", "--kilobytes", "200"]
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=180, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "30 students" in done.stdout and "Lost, doubled or changed: none; refused: 0." in done.stdout


@pytest.mark.parametrize("words", [["--students", "501"], ["--seconds", "0"], ["--kilobytes", "20000"]])
def test_a_load_without_bounds_is_refused_with_the_bounds(words):
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 2 and words[1] in done.stderr and "up to" in done.stderr
