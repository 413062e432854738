"""A small course of one lesson, with an instructor who starts a term of it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from course.authoring.build import main_build
from course.term.plan import TermPlan, read_due

LESSON = "02_dice"
SECTION = '''# %% [markdown]
# # 0. A die has no memory
#
# *Reading 1 minute, playing 1, making 2.*

# %%
import random

# %% role="answer" grade_id="dice-throw"
def throw(seed):
    """Return the first throw, 1 to 6, of the die with this seed.

    Example: throw(1) returns 2.
    """
    ### BEGIN SOLUTION
    return random.Random(seed).randint(1, 6)
    ### END SOLUTION

# %% role="tests" grade_id="dice-throw-follows-its-seed" points=2 hint="The same seed, the same throw."
assert throw(1) == 2, f"expected 2, got {throw(1)}"
### BEGIN HIDDEN TESTS
for seed in (0xA4B1C2D3E4F5061728394A5B6C7D8E9F, 0x1B2C3D4E5F60718293A4B5C6D7E8F901):
    for step in range(8):
        expected = random.Random(seed + step).randint(1, 6)
        assert throw(seed + step) == expected, f"expected {expected}, got {throw(seed + step)}"
### END HIDDEN TESTS
'''
WRONG = '''# %% wrong="always-two" replaces="dice-throw" loses="dice-throw-follows-its-seed"
# Throws once and remembers.
def throw(seed):
    return 2
'''
