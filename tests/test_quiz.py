"""A quiz explains every choice, and is no trap for whoever writes one."""

import pytest

from course.quiz import Quiz


@pytest.fixture
def quiz():
    return Quiz("Loud or silent?", right={"silent": "It answers."}, wrong={"loud": "It does not stop."})


def test_each_choice_explains_itself(quiz):
    assert quiz.answer("silent") == "Yes. It answers."
    assert quiz.answer("loud") == "Not quite. It does not stop."
    assert "It does not stop." in quiz._reply.value


def test_choosing_with_the_widget_shows_the_explanation(quiz):
    quiz._buttons.value = "loud"
    assert "Not quite" in quiz._reply.value
    quiz._buttons.value = None
    assert quiz._reply.value == ""


def test_nothing_is_chosen_before_the_reader_chooses(quiz):
    assert quiz._buttons.value is None and quiz._reply.value == ""


def test_the_place_of_a_choice_says_nothing():
    one = Quiz("?", right={"b": "."}, wrong={"a": ".", "c": "."})
    other = Quiz("?", right={"c": "."}, wrong={"b": ".", "a": "."})
    assert one.choices == other.choices


def test_several_right_choices_all_count():
    quiz = Quiz("?", right={"a": "so", "b": "and so"}, wrong={"c": "not so"})
    assert quiz.answer("a").startswith("Yes") and quiz.answer("b").startswith("Yes")


def test_a_quiz_without_a_right_choice_is_refused():
    with pytest.raises(ValueError, match="at least one right choice"):
        Quiz("?", right={}, wrong={"a": "no"})


def test_a_choice_cannot_be_right_and_wrong():
    with pytest.raises(ValueError, match="either right or wrong"):
        Quiz("?", right={"a": "yes"}, wrong={"a": "no"})


def test_without_widgets_every_choice_and_its_reason_stand_in_the_page(quiz):
    page = quiz._repr_mimebundle_()["text/html"]
    assert "Loud or silent?" in page and "It answers." in page and "It does not stop." in page
    assert page.count("<details>") == 2
