"""Claims about models that fail and about the call that comes back in time."""

import math
import pickle
import subprocess
import sys
import threading
import time

import pytest

from course.faults import HANG_SECONDS, MODES, RAISED, FaultyModel, ModelError, call_with_timeout

PARCEL = {"distance_km": 640, "weight_kg": 3.5}


def test_a_healthy_model_answers_the_same_each_time_and_each_seed_is_another_model():
    answers = [FaultyModel("healthy", seed).predict(PARCEL) for seed in (1, 1, 2, 2**127 + 5)]
    assert answers[0] == answers[1]
    assert len(set(answers)) == 3
    assert all(0 < answer < 20 for answer in answers)


def test_a_letter_that_is_collected_in_the_shop_takes_no_time():
    assert FaultyModel("healthy", 3).predict({"distance_km": 0, "weight_kg": 0}) == 0.0


@pytest.mark.parametrize("kind", RAISED)
def test_a_model_that_raises_can_raise_every_kind(kind):
    with pytest.raises(kind):
        FaultyModel("raises", RAISED.index(kind)).predict(PARCEL)


def test_no_kind_that_is_raised_hides_behind_another_in_the_usual_lists():
    assert not issubclass(ModelError, RuntimeError | ValueError | OSError | ArithmeticError)


@pytest.mark.parametrize("seed", [4, 5])
def test_what_is_no_number_is_none(seed):
    assert math.isnan(FaultyModel("nan", seed).predict(PARCEL))
    assert math.isinf(FaultyModel("infinite", seed).predict(PARCEL))
    assert FaultyModel("none", seed).predict(PARCEL) is None


def test_the_sign_and_the_type_of_what_is_not_finite_depend_on_the_seed():
    assert FaultyModel("infinite", 1).predict(PARCEL) > 0 > FaultyModel("infinite", 2).predict(PARCEL)
    assert type(FaultyModel("nan", 1).predict(PARCEL)) is not type(FaultyModel("nan", 2).predict(PARCEL))


def test_a_model_that_answers_once_answers_once():
    model = FaultyModel("once", 6)
    assert model.predict(PARCEL) == FaultyModel("healthy", 6).predict(PARCEL)
    assert math.isnan(model.predict(PARCEL))
    assert model.asked == 2


def test_an_unknown_mode_is_refused_with_the_list_of_those_there_are():
    with pytest.raises(ValueError, match=r"healthy.*there is no 'hang'"):
        FaultyModel("hang", 1)


@pytest.mark.parametrize("mode", MODES)
def test_a_model_can_be_sent_to_another_process(mode):
    model = pickle.loads(pickle.dumps(FaultyModel(mode, 7, delay=0.5)))
    assert (model.mode, model.seed, model.delay) == (mode, 7, 0.5)


def test_the_call_hands_on_what_the_function_returns_and_raises():
    assert call_with_timeout(lambda: None, timeout=5) is None
    assert call_with_timeout(divmod, 7, 2, timeout=5) == (3, 1)
    for error in (KeyError, KeyboardInterrupt, SystemExit, TimeoutError):

        def fails(error=error):
            raise error("from inside")

        with pytest.raises(error, match="from inside"):
            call_with_timeout(fails, timeout=5)


def test_the_call_comes_back_in_time_when_the_model_hangs():
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"0\.2 seconds"):
        call_with_timeout(FaultyModel("hangs", 8).predict, PARCEL, timeout=0.2)
    assert 0.2 <= time.monotonic() - began < HANG_SECONDS / 2


def test_the_call_comes_back_in_time_when_the_function_never_rests():
    stop = threading.Event()

    def spins():
        while not stop.is_set():
            pass

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        call_with_timeout(spins, timeout=0.2)
    waited = time.monotonic() - began
    stop.set()
    assert waited < 2


def test_a_slow_model_is_waited_for():
    slow = FaultyModel("healthy", 9, delay=0.3)
    assert call_with_timeout(slow.predict, PARCEL, timeout=10) == FaultyModel("healthy", 9).predict(PARCEL)


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf])
def test_a_timeout_that_is_no_time_is_refused(timeout):
    with pytest.raises(ValueError, match="positive number of seconds"):
        call_with_timeout(print, timeout=timeout)


def test_a_call_that_hangs_for_ever_does_not_keep_python_from_ending():
    program = (
        "import threading; from course.faults import call_with_timeout\n"
        "try: call_with_timeout(threading.Event().wait, timeout=0.1)\n"
        "except TimeoutError: print('late')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "late\n", "")
