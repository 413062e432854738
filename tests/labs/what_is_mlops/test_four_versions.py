"""Section 2's laboratory: what the page says about it holds."""

import itertools

import pytest

from course.labs.what_is_mlops.four_versions import (
    GROUPS,
    accuracy_quiz,
    describe_versions,
    draw_versions,
    simulate_versions,
)


def changes(**versions):
    table = simulate_versions(**({"code": 1, "data": 1, "model": 1, "config": 1} | versions))
    gain = table.your_accuracy - table.first_accuracy
    return dict(zip(table.group, gain, strict=True)), dict(zip(table.group, table.changed, strict=True))


@pytest.fixture(scope="module")
def every_run():
    return {run: simulate_versions(*run) for run in itertools.product((1, 2, 3), repeat=4)}


def test_labels_corrected_in_clothes_only_move_shoes_and_gadgets():
    _, changed = changes(data=2)
    assert changed["shoes"] > 0 and changed["gadgets"] > 0


def test_a_tidy_change_of_code_costs_somebody():
    gain, changed = changes(code=2)
    assert changed["all"] < 0.05 and min(gain.values()) < 0


def test_two_changes_do_not_add_up_and_change_fewer_predictions_than_either_alone():
    code, config, both = (changes(**v)[1]["all"] for v in ({"code": 3}, {"config": 3}, {"code": 3, "config": 3}))
    assert 0 < both < min(code, config)


def test_no_run_of_the_81_is_best_for_every_group(every_run):
    best = {group: max(t.your_accuracy[t.group == group].item() for t in every_run.values()) for group in GROUPS}
    for run, table in every_run.items():
        reached = [table.your_accuracy[table.group == group].item() == best[group] for group in GROUPS]
        assert not all(reached), f"{run} is best for every group: it dominates"


def test_other_predictions_have_another_fingerprint(every_run):
    for table in every_run.values():
        first = every_run[1, 1, 1, 1]
        assert (table.fingerprint[0] != first.fingerprint[0]) == (table.changed[0] > 0)


def test_the_same_run_twice_is_the_same_run():
    assert simulate_versions(2, 3, 1, 2).equals(simulate_versions(2, 3, 1, 2))


def test_the_guess_never_crosses_a_number():
    for guess in (0, 5, 100):
        left, _ = draw_versions(simulate_versions(1, 2, 1, 1), guess).axes
        numbers = [text for text in left.texts if text.get_text().endswith(" %")]
        assert len(numbers) == 4
        assert all(text.get_position()[0] >= 1.3 * guess and text.get_ha() == "right" for text in numbers)


def test_the_picture_and_the_sentence_give_the_same_two_numbers():
    table = simulate_versions(1, 2, 1, 1)
    words = [text.get_text() for text in draw_versions(table).axes[1].texts]
    assert words[0] == "68.6 → 68.4" and "from 68.6 % to 68.4 %" in describe_versions(table)


def test_the_quiz_explains_every_choice():
    quiz = accuracy_quiz()
    assert len(quiz.right) == 1 and len(quiz.wrong) == 2


def test_nothing_moved_is_said_so():
    assert describe_versions(simulate_versions(1, 1, 1, 1)).startswith("Nothing moved")
