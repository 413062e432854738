"""`make bench-latency`: from a key pressed in JupyterLab to the frame with the new picture, section by section.

Runs the browser test that moves every control by keyboard, one section after another, and prints its medians: browser,
kernel, picture and back, on this machine now. Run it on an idle machine.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEST = "test_every_control_of_a_solved_section_moves_by_keyboard"
RECORDED = ["-o", "junit_family=xunit1"]  # the other family has no place for a test's properties


def main() -> None:
    """Print the table as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "tests/browser/test_sections.py", "-k", TEST]
        done = subprocess.run([*words, f"--junitxml={report}", *RECORDED], cwd=ROOT, check=False)
        if done.returncode:
            sys.exit("a control that does not move has no latency: mend what failed above")
        print("\n| Section | from the key to the new picture, median (ms) |\n|---|---|")
        for case in sorted(ElementTree.parse(report).iter("testcase"), key=lambda case: case.get("name", "")):
            section = case.get("name", "").partition("[")[2].rstrip("]")
            found = [entry.get("value") for entry in case.iter("property") if entry.get("name") == "milliseconds"]
            print(f"| `{section}` | {float(found[0] or 0):.0f} |")


if __name__ == "__main__":
    main()
