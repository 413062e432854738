"""A prediction is checked for its kind, and a likely slip is asked about."""

import pytest

from course.predict import Among, Between, check_prediction

PERCENT = Between(0, 100, "percent of payments")


@pytest.mark.parametrize("guess", [0.95, 0.5, 0.01])
def test_a_share_where_a_percentage_is_asked_passes_with_a_question(guess, capsys):
    check_prediction(guess, PERCENT)
    assert f"Your guess is {guess:g} %. Did you mean {100 * guess:g} %?" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("guess", "kind"),
    [(0, PERCENT), (1, PERCENT), (95, PERCENT), (0.5, Between(0, 6, "rows")), ("code", Among(["code", "data"]))],
    ids=str,
)
def test_any_other_guess_passes_without_a_question(guess, kind, capsys):
    check_prediction(guess, kind)
    assert capsys.readouterr().out == f"Passed: your prediction is {guess}. Now look what happens.\n"
