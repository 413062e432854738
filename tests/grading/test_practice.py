"""What the warm process practises: does it work, and does anything of it remain?"""

from __future__ import annotations

import random
import sys
import warnings

import numpy as np
import pandas
import pytest
import sklearn.ensemble

from course.grading import cells, practice, student_side
from course.grading.dice import get_chance

LIBRARIES = (np, pandas, sklearn.ensemble)


@pytest.mark.parametrize("module", practice.PRACTICE)
def test_does_each_part_work_with_the_libraries_of_this_course(module):
    assert all(library.__name__ in sys.modules for library in LIBRARIES)
    practice.PRACTICE[module]()


def test_do_dice_warnings_and_output_stay_as_they_were(monkeypatch, capsys):
    monkeypatch.setattr(practice, "_practised", set())
    random.seed(4)
    np.random.seed(4)
    before = get_chance(), list(warnings.filters)
    practice.practise()
    assert (get_chance(), list(warnings.filters)) == before
    assert practice._practised == set(practice.PRACTICE)
    assert student_side._server is None
    assert capsys.readouterr() == ("", "")


def test_does_a_cell_leave_nothing_that_is_called_for_the_next():
    shell = cells.Shell(1000)
    called = shell._shell.events.callbacks
    before = {event: len(functions) for event, functions in called.items()}
    for _ in range(3):
        assert shell.run("display(1)")[0] == "passed"
    assert {event: len(functions) for event, functions in called.items()} == before


def test_is_it_done_once(monkeypatch):
    done = []
    monkeypatch.setattr(practice, "_practised", set())
    monkeypatch.setattr(practice, "PRACTICE", {"numpy": lambda: done.append(1), "": lambda: None})
    practice.practise()
    practice.practise()
    assert len(done) == practice.TIMES


def test_does_a_library_that_fails_keep_nobody_from_grading(monkeypatch):
    monkeypatch.setattr(practice, "_practised", set())
    monkeypatch.setattr(practice, "PRACTICE", {"numpy": lambda: 1 / 0, "": lambda: None})
    practice.practise()
