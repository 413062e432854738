"""The view that every laboratory shares: errors are shown as errors, and nothing shows before a prediction."""

import gc

import ipywidgets as widgets
import pandas as pd
import pytest

from course.display import new_figure
from course.labs.lab import Lab
from course.predict import Between


class TrapLab(Lab):
    """Breaks at 3, in an observer, where an exception would vanish."""

    title = "A trap"
    question = Between(0, 10, "steps")

    def make_controls(self):
        return {"step": widgets.IntSlider(1, 0, 5, description="step")}

    def simulate(self, step):
        if step == 3:
            raise RuntimeError("the third step is missing")
        return pd.DataFrame({"step": [step]})

    def describe(self, table, guess):
        return f"Step {table['step'][0]}; you guessed {guess}."

    def draw(self, table, guess):
        figure, (ax,) = new_figure(2, 1)
        ax.plot([0, table["step"][0]])
        return figure


def test_an_error_behind_a_control_is_shown_and_kept():
    lab = TrapLab(2)
    lab.controls["step"].value = 3
    assert isinstance(lab.error, RuntimeError)
    assert "the third step is missing" in lab._status.value and "Error" in lab._status.value


def test_a_lab_recovers_when_the_control_moves_on():
    lab = TrapLab(2)
    lab.controls["step"].value = 3
    lab.controls["step"].value = 4
    assert lab.error is None and lab._status.value == "" and lab.sentence.startswith("Step 4")


def test_an_error_at_the_first_showing_fails_the_cell():
    class BrokenLab(TrapLab):
        def make_controls(self):
            return {"step": widgets.IntSlider(3, 0, 5, description="step")}

    with pytest.raises(RuntimeError, match="third step"):
        BrokenLab(2)


def test_the_table_behind_the_picture_is_kept():
    lab = TrapLab(2)
    lab.controls["step"].value = 5
    assert lab.table["step"].tolist() == [5] and lab.settings == {"step": 5}


def test_a_table_that_was_opened_stays_open_when_its_numbers_change():
    lab = TrapLab(2)
    assert lab._numbers.layout.display == "none" and "Show" in lab._opener.description
    lab._opener.value = True
    lab.controls["step"].value = 5
    assert lab._opener.value and lab._numbers.layout.display is None and "Hide" in lab._opener.description
    assert ">5<" in lab._numbers.value


def test_a_table_is_written_when_somebody_looks_and_is_up_to_date_then():
    lab = TrapLab(2)
    lab.controls["step"].value = 5
    assert lab._numbers.value == "", "a closed table makes no step slower"
    lab._opener.value = True
    assert ">5<" in lab._numbers.value
    lab._opener.value = False
    lab.controls["step"].value = 4
    lab._opener.value = True
    assert ">4<" in lab._numbers.value
    assert ">4<" in lab._repr_mimebundle_()["text/html"], "a page without widgets has it too"


def test_old_words_and_pictures_fade_while_a_slow_lab_works():
    class SlowLab(TrapLab):
        slow = True

        def simulate(self, step):
            seen.append("course-old" in self.widget._dom_classes)
            return super().simulate(step)

    seen: list[bool] = []
    lab = SlowLab(2)
    lab.controls["step"].value = 3
    lab.controls["step"].value = 4
    assert seen == [False, True, True]
    assert "course-old" not in lab.widget._dom_classes
    for shown in (lab._picture, lab._words, lab._numbers):
        assert "course-outcome" in shown._dom_classes, "what fades"


def test_a_training_that_breaks_leaves_its_error_and_no_count_of_runs():
    class BreakingLab(TrapLab):
        slow = True

        def simulate(self, step):
            self._progress.value = f"Run {step} of 5 …"
            return super().simulate(step)

    lab = BreakingLab(2)
    lab.controls["step"].value = 3
    assert "the third step is missing" in lab._status.value and lab._progress.value == ""


def test_no_word_that_is_read_aloud_is_written_again_while_a_slow_lab_works():
    """An HTML widget writes its words anew whenever anything of it changes: a class, a layout, a style."""

    class SlowLab(TrapLab):
        slow = True

    lab = SlowLab(2)
    changed: list[str] = []
    lab._words.observe(lambda change: changed.append(change["name"]))
    lab.controls["step"].value = 4
    assert changed == ["value"]


def test_the_words_of_a_checkbox_have_the_whole_line():
    class TickLab(TrapLab):
        def make_controls(self):
            return {"step": widgets.Checkbox(description="a question as long as a line, and no column before it")}

    assert TickLab(2).controls["step"].indent is False


def test_nothing_is_simulated_before_the_prediction():
    lab = TrapLab(...)
    assert lab.table is None and lab.sentence == ""


@pytest.mark.parametrize("guess", [11, "two", True])
def test_a_guess_of_the_wrong_kind_is_answered_with_the_right_kind(guess):
    assert "a number from 0 to 10 (steps)" in TrapLab(guess).waiting_for


def test_the_words_are_escaped():
    class MarkupLab(TrapLab):
        def describe(self, table, guess):
            return "<script>alert(1)</script>"

    assert "<script>" not in MarkupLab(2)._words.value


def test_the_garbage_collector_runs_again_after_a_picture_and_after_one_that_fails():
    class NosyLab(TrapLab):
        def draw(self, table, guess):
            seen.append(gc.isenabled())
            if table["step"][0] == 4:
                raise RuntimeError("no picture")
            return super().draw(table, guess)

    seen: list[bool] = []
    lab = NosyLab(2)
    assert gc.isenabled()
    lab.controls["step"].value = 4
    assert isinstance(lab.error, RuntimeError) and gc.isenabled()
    assert seen == [False, False]


def test_a_garbage_collector_that_was_off_stays_off():
    gc.disable()
    try:
        TrapLab(2)
        assert not gc.isenabled()
    finally:
        gc.enable()
