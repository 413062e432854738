"""Claims about "Ship it?": no way to answer the five questions is best, and no answer is without a price."""

import itertools

import numpy as np
import pytest

from course.labs.what_is_mlops.ship_it import (
    AS_THE_NOTEBOOK_LEFT_IT,
    CAUSES,
    DAYS,
    IN_THE_NOTEBOOK,
    LOGGING,
    MEASURES,
    PROMISES_AN_HOUR,
    QUESTIONS,
    ShipItLab,
    describe_ship_it,
    draw_ship_it,
    ends_of,
    every_board,
    simulate_ship_it,
)

EVERY_ANSWER = [
    dict(zip(QUESTIONS, answers, strict=True)) for answers in itertools.product(*(list(q) for q in QUESTIONS.values()))
]
START = dict(AS_THE_NOTEBOOK_LEFT_IT)


@pytest.fixture(scope="module")
def costs() -> np.ndarray:
    """The measures of every board as numbers of which less is better."""
    boards = every_board()[list(MEASURES)].astype(float)
    boards["rebuildable"] *= -1
    return boards.to_numpy()


def board(**answers) -> dict:
    return simulate_ship_it(**(START | answers)).attrs["board"]


def test_there_are_324_ways_to_answer_and_none_raises():
    assert len(EVERY_ANSWER) == len(every_board()) == 324


def test_no_way_to_answer_is_best_on_every_measure(costs):
    assert not (costs == costs.min(axis=0)).all(axis=1).any()


def test_every_answer_belongs_to_a_board_that_no_other_board_beats(costs):
    unbeaten = [not ((costs <= own).all(axis=1) & (costs < own).any(axis=1)).any() for own in costs]
    boards = every_board()[unbeaten]
    assert len(boards) > 50
    for question, answers in QUESTIONS.items():
        assert set(boards[question]) == set(answers), f"an answer to {question} is never worth giving"


def test_every_question_moves_a_measure_whatever_the_other_answers_are():
    boards = every_board()
    for question in QUESTIONS:
        others = [name for name in QUESTIONS if name != question]
        kinds = boards.groupby(others)[list(MEASURES)].nunique()
        assert (kinds.max(axis=1) > 1).all(), f"somewhere {question} changes nothing"


def test_every_question_moves_what_it_is_about():
    boards = every_board()
    about = {
        "delivery": ["bad_share", "rollback_hours", "latency_ms", "cost_eur"],
        "retraining": ["bad_share", "cost_eur"],
        "logging": ["bad_share", "rollback_hours", "latency_ms", "cost_eur"],
        "on_harm": ["bad_share", "rollback_hours", "latency_ms", "cost_eur"],
        "reproducibility": ["cost_eur", "rebuildable"],
    }
    for question, measures in about.items():
        others = [name for name in QUESTIONS if name != question]
        moved = boards.groupby(others)[list(MEASURES)].nunique().max()
        assert set(measures) <= set(moved[moved > 1].index)


def test_any_change_of_one_answer_from_the_start_is_told_in_another_sentence():
    for question, answers in QUESTIONS.items():
        sentences = {describe_ship_it(simulate_ship_it(**(START | {question: answer}))) for answer in answers}
        assert len(sentences) > 1, f"no answer to {question} changes what is said"


def test_the_same_answers_give_the_same_half_year():
    first, second = simulate_ship_it(**START), simulate_ship_it(**START)
    assert first.equals(second)
    assert first.attrs == second.attrs


def test_shipped_as_the_notebook_left_it_more_than_three_times_as_many_promises_are_bad():
    assert 3 * IN_THE_NOTEBOOK < board()["bad_share"] < 0.2


@pytest.mark.parametrize("answers", EVERY_ANSWER[::11], ids=lambda answers: "/".join(answers.values()))
def test_the_causes_add_up_to_the_days_and_the_days_to_the_share(answers):
    table = simulate_ship_it(**answers)
    everything = table["bad_promises"].sum() / (PROMISES_AN_HOUR * 24 * DAYS)
    assert everything == pytest.approx(table.attrs["board"]["bad_share"], abs=1e-5)
    assert np.mean(table.attrs["daily"]) == pytest.approx(table.attrs["board"]["bad_share"])
    assert all(0 <= share <= 1 for share in table.attrs["daily"])
    assert (table["bad_promises"] >= 0).all()
    assert tuple(table["cause"]) == CAUSES


def test_the_more_is_kept_of_a_prediction_the_sooner_harm_ends():
    others = [name for name in QUESTIONS if name != "logging"]
    hours = every_board().pivot(index=others, columns="logging", values="rollback_hours")[list(LOGGING)]
    assert (hours.diff(axis=1).iloc[:, 1:] < 0).all(axis=None)


def test_a_trigger_without_logs_never_fires():
    waits, acts = board(retraining="when drift shows"), board(retraining="by hand")
    drift_only = simulate_ship_it(**(START | {"retraining": "when drift shows"})).set_index("cause")["bad_promises"]
    by_hand = simulate_ship_it(**START).set_index("cause")["bad_promises"]
    assert drift_only["drift"] == by_hand["drift"], "both wait for the release of day 104"
    assert waits["cost_eur"] > acts["cost_eur"], "the trigger is paid for all the same"
    logged = simulate_ship_it(**(START | {"retraining": "when drift shows", "logging": "audit record"}))
    assert logged.set_index("cause")["bad_promises"]["drift"] < drift_only["drift"] / 2


def test_going_back_to_version_1_does_not_bring_a_lost_column_back():
    def lost(harm):
        return simulate_ship_it(**(START | {"on_harm": harm})).set_index("cause")["bad_promises"]["lost column"]

    assert lost("rollback") == lost("improvise")
    assert lost("fallback model") < lost("improvise") / 2


def test_a_fallback_model_does_not_see_a_bad_release():
    assert board(on_harm="fallback model")["rollback_hours"] == board()["rollback_hours"]


def test_going_back_is_as_quick_as_what_was_kept_allows():
    hours = [
        board(on_harm="rollback", delivery="streaming", reproducibility=kept)["rollback_hours"]
        for kept in QUESTIONS["reproducibility"]
    ]
    assert hours == sorted(hours, reverse=True)
    assert len(set(hours)) == 3


def test_only_all_four_artefacts_rebuild_version_1():
    boards = every_board()
    assert (boards["rebuildable"] == (boards["reproducibility"] == "all four")).all()


def test_an_unknown_answer_is_refused():
    with pytest.raises(KeyError, match="carrier pigeon"):
        simulate_ship_it(**(START | {"delivery": "carrier pigeon"}))


@pytest.mark.parametrize("guess", [0, 4, 15.5, 100])
def test_a_guess_is_shown_beside_the_start_and_only_there(guess):
    assert f"You guessed {guess:g} %" in describe_ship_it(simulate_ship_it(**START), guess)
    other = simulate_ship_it(**(START | {"logging": "predictions"}))
    assert "guessed" not in describe_ship_it(other, guess)
    days, _ = draw_ship_it(simulate_ship_it(**START), guess).axes
    assert "your guess" in [text.get_text() for text in days.texts]


def test_the_days_fit_the_picture():
    assert max(max(simulate_ship_it(**answers).attrs["daily"]) for answers in EVERY_ANSWER[::4]) < 0.57


def test_the_lab_waits_for_a_prediction_and_starts_as_the_notebook_left_it():
    assert ShipItLab(...).table is None
    lab = ShipItLab(12)
    assert lab.settings == START
    lab.controls["delivery"].value = "streaming"
    assert lab.error is None
    assert lab.table.attrs["answers"]["delivery"] == "streaming"


def test_the_sentence_says_whether_the_auditor_got_an_answer_and_why_day_0_is_worse():
    said = {kept: describe_ship_it(simulate_ship_it(**(START | {"logging": kept}))) for kept in LOGGING}
    assert "the auditor has no answer" in said["nothing"]
    assert "The auditor has an answer after 1 hour of work" in said["audit record"]
    assert "6 % from day 0 on" in said["nothing"]
    assert "day 0" not in describe_ship_it(simulate_ship_it(**(START | {"delivery": "streaming"})))


@pytest.mark.parametrize("delivery", QUESTIONS["delivery"])
@pytest.mark.parametrize("logging", LOGGING)
def test_the_picture_says_when_the_column_is_mended(delivery, logging):
    table = simulate_ship_it(**(START | {"delivery": delivery, "logging": logging}))
    days, _ = draw_ship_it(table).axes
    (mended,) = [text for text in days.texts if text.get_text() == "column mended"]
    day, daily = round(mended.get_position()[0] - 1), table.attrs["daily"]
    assert daily[day] < daily[day - 2], "nothing got better on the day of the mending"


def test_the_model_memo_quotes_what_the_lab_shows():
    start, recorded = board(), board(logging="audit record")
    assert f"{start['bad_share']:.1%}" == "15.5%"
    assert f"{recorded['bad_share']:.0%}" == "9%"
    assert recorded["latency_ms"] - start["latency_ms"] == 18
    assert LOGGING["audit record"].euro_a_day == 20
    assert LOGGING["nothing"].notice == 3 * 7 * 24


def test_the_sentence_names_the_lines_that_stand_at_their_best_end():
    """Who does not see the board can tell as well whether all five ends can be reached at once: they cannot."""
    boards = every_board()
    measures = ("bad_share", "rollback_hours", "latency_ms", "cost_eur")
    start = simulate_ship_it(**START)
    assert "At the best end of their lines: cost." in describe_ship_it(start, None)
    for answers in boards[list(START)].to_dict("records"):
        said = describe_ship_it(simulate_ship_it(**answers), None)
        named = said.partition("best end of their lines: ")[2]
        board = simulate_ship_it(**answers).attrs["board"]
        best = [board[measure] == boards[measure].min() for measure in measures] + [bool(board["rebuildable"])]
        words = ("bad promises", "hours until rollback", "latency", "cost", "version 1 rebuildable")
        assert [word in named for word in words] == best, said
        assert not all(best)


def test_the_table_says_how_far_each_line_of_the_board_is_from_its_ends():
    lab = ShipItLab(10)
    lab.controls["reproducibility"].value, lab.controls["on_harm"].value = "all four", "rollback"
    numbers = lab.numbers(lab.table).set_index("What")
    assert numbers.loc["version 1 rebuildable"].tolist() == ["yes", "no", "yes", "no"]
    days = [int(hours.removesuffix(" h")) for hours in numbers.loc["hours until rollback"]]
    board = lab.table.attrs["board"]["rollback_hours"]
    assert days[0] == board != days[1] and tuple(days[2:]) == ends_of("rollback_hours")
