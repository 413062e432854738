"""The state of the global generators: is what is read from their memory what they would say themselves?"""

from __future__ import annotations

import array
import random

import numpy as np
import pytest

from course.grading import dice


def said() -> list:
    """The state as the generators give it."""
    _, numbers, spare = random.getstate()
    _, keys, place, left, theirs = np.random.get_state()
    ours = numbers[-1], array.array("I", numbers[:-1]).tobytes(), spare
    return [ours, (place, keys.tobytes(), theirs if left else None)]


@pytest.fixture(autouse=True)
def kept():
    before = random.getstate(), np.random.get_state()
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])


@pytest.fixture(params=["as it is", "unknown"])
def layout(request, monkeypatch):
    """How the generators lie in memory."""
    if request.param == "unknown":
        monkeypatch.setattr(dice, "_is_laid_out_so", lambda: False)
        monkeypatch.setattr(dice, "_place_of_spare", lambda: 0)


THROWS = {
    "random": lambda: random.random(),
    "random.gauss once": lambda: random.gauss(0, 1),
    "random.gauss twice": lambda: (random.gauss(0, 1), random.gauss(0, 1)),
    "random.seed": lambda: random.seed(7),
    "numpy": lambda: np.random.rand(3),
    "numpy.normal once": lambda: np.random.normal(),
    "numpy.normal twice": lambda: (np.random.normal(), np.random.normal()),
    "numpy.seed": lambda: np.random.seed(7),
    "as many as there are keys": lambda: np.random.rand(313) + random.getrandbits(32 * 625) % 2,
    "a number left over, and nothing else": lambda: np.random.set_state((*np.random.get_state()[:3], 1, 0.25)),
}


@pytest.mark.parametrize("throw", THROWS)
@pytest.mark.usefixtures("layout")
def test_does_the_state_read_say_what_the_generators_say(throw):
    random.seed(1)
    np.random.seed(1)
    before = dice.get_chance()
    assert before == said() == dice.get_chance()
    THROWS[throw]()
    assert dice.get_chance() == said() != before


@pytest.mark.parametrize("throw", THROWS)
@pytest.mark.usefixtures("layout")
def test_do_the_dice_fall_again_as_they_did_from_a_state_that_is_set(throw):
    THROWS[throw]()
    state = dice.get_chance()
    fell = [random.random(), random.gauss(0, 1), np.random.normal(), np.random.rand()]
    dice.set_chance(state)
    assert dice.get_chance() == state
    assert [random.random(), random.gauss(0, 1), np.random.normal(), np.random.rand()] == fell


@pytest.mark.parametrize("other", [np.random.PCG64, np.random.MT19937])
def test_is_another_generator_behind_numpys_functions_noticed_and_put_right(other):
    was = np.random.get_bit_generator()
    before = dice.get_chance()
    try:
        np.random.set_bit_generator(other(1))
        now = dice.get_chance()
        np.random.rand()
        assert before != now != dice.get_chance()
        dice.set_chance(before)
        assert dice.get_chance() == before
        assert np.random.rand() == np.random.RandomState(was).rand()
    finally:
        np.random.set_bit_generator(was)


def test_is_it_known_here_how_the_generators_lie_in_memory():
    """Where it is not, the grader is right all the same, and slower."""
    assert dice._is_laid_out_so() and dice._place_of_spare() > 0


@pytest.mark.parametrize("state", [[], [(1, b"", None)], [(700, bytes(2496), None)], [("x", bytes(2496), None)]])
def test_is_what_is_no_state_refused(state):
    before = dice.get_chance()
    with pytest.raises((ValueError, TypeError, IndexError)):
        dice.set_chance(state)
    assert dice.get_chance() == before
