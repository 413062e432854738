"""The table as a laboratory: what each row does, and that a row stays closed until there is a bet on it."""

import pytest

from course.display import GREEN, VERMILLION
from course.labs.what_is_mlops.six_rows import (
    CLOSED,
    ERROR,
    NOT_YET,
    OTHER,
    ROWS,
    SAME,
    SixRowsLab,
    _colour,
    compare,
    describe_rows,
    draw_rows,
    simulate_rows,
)


@pytest.fixture(scope="module")
def opened():
    return simulate_rows(**dict.fromkeys(ROWS, OTHER)).set_index("concern")


def test_the_model_never_raises_and_the_program_does_in_three_rows(opened):
    assert not (opened["model"] == ERROR).any()
    loud = opened.index[opened["program"].str.startswith(ERROR)]
    assert set(loud) == {"Testing", "Failure mode", "Cost of being wrong"}
    assert (opened.drop(loud)["program"] == SAME).all()


def test_four_rows_give_other_answers_without_a_word(opened):
    other = opened[opened["model"] == OTHER]
    assert set(other.index) == {"Determinism", "Testing", "Failure mode", "Source of truth"}
    assert (other["changed"] > 0.005).all()


def test_other_answers_are_not_always_worse(opened):
    worse = opened["wrong_after"] > opened["wrong_before"]
    assert worse["Testing"] and worse["Failure mode"] and not worse["Source of truth"]


def test_float32_moves_scores_and_no_decision(opened):
    row = opened.loc["Works on my machine"]
    assert row["model"] == SAME and row["scores_changed"] > 0.5


def test_when_the_world_changes_the_same_answers_are_wrong(opened):
    row = opened.loc["Cost of being wrong"]
    assert row["model"] == SAME and row["wrong_after"] > row["wrong_before"] + 0.1


def test_a_row_without_a_bet_gives_nothing_away():
    table = simulate_rows(failure=SAME)
    closed = table[table["bet"] == NOT_YET]
    assert len(closed) == 5 and (closed["model"] == CLOSED).all() and closed["changed"].isna().all()
    said = describe_rows(simulate_rows("failure", failure=SAME), guess=2)
    assert "Failure mode" in said and "Determinism" not in said


def test_the_sentence_tells_of_the_newest_bet_and_counts_the_others():
    lab = SixRowsLab(2)
    lab.controls["failure"].value = SAME
    lab.controls["cost"].value = SAME
    assert lab.sentence.startswith("Cost of being wrong: program (a field is renamed upstream), an error: KeyError")
    assert "Failure mode" not in lab.sentence and "Open rows: 2 of 6" in lab.sentence
    lab.controls["cost"].value = NOT_YET
    assert lab.sentence.startswith("Open rows: 1 of 6")


def test_the_picture_says_what_befell_the_program_in_every_row():
    words = {text.get_text() for text in draw_rows(simulate_rows()).axes[0].texts}
    assert {f"{row.to_program}:" for row in ROWS.values()} <= words


def test_what_got_worse_is_never_in_the_colour_of_what_did_not(opened):
    colours = {row.Index: _colour(row) for row in opened.itertuples()}
    assert colours["Cost of being wrong"] == colours["Failure mode"] == VERMILLION
    assert colours["Works on my machine"] == colours["Source of truth"] == GREEN


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("bet", [SAME, OTHER, ERROR])
def test_a_bet_is_counted(row, bet):
    table = simulate_rows(**{row: bet})
    holds = (table["bet"] == table["model"]) & (table["bet"] != NOT_YET)
    assert f"Bets that hold: {holds.sum()} of 1." in describe_rows(table)


def test_the_guess_stands_beside_the_count():
    assert "0 of 6 so far; you guessed 3 of 6" in describe_rows(simulate_rows(**dict.fromkeys(ROWS, SAME)), guess=3)


def test_what_came_of_it_is_looked_up_and_not_believed():
    assert compare(lambda: [1, 2], lambda: [1, 2]).kind == SAME
    assert compare(lambda: [1, 2], lambda: [2, 2]).changed == 0.5
    assert compare(lambda: [1], lambda: [][0]) == (ERROR, "IndexError", *compare(lambda: [1], lambda: [][0])[2:])
    wrong = compare(lambda: [1, 1], lambda: [1, 0], ([1, 1], [1, 1]))
    assert (wrong.wrong_before, wrong.wrong_after) == (0.0, 0.5)


def test_where_nobody_knows_which_bet_came_last_each_open_row_is_told():
    said = describe_rows(simulate_rows(failure=ERROR, cost=SAME))
    assert "Failure mode: program" in said and "Cost of being wrong: program" in said and "Testing" not in said
    newest = describe_rows(simulate_rows("cost", failure=ERROR, cost=SAME))
    assert "Failure mode" not in newest and newest in said.replace(said[: said.index("Cost of")], "")
