"""The week of section 6 obeys its laws; its teams and tickets are what they promise; structure is checked as told."""

import copy
import itertools

import pytest

from course.labs.what_is_mlops.ownership import (
    ACCOUNTABLE,
    FIELD,
    LONGEST,
    LONGEST_MEDIAN,
    ON_CALL,
    ORPHAN_LIES,
    OWNS,
    ROLES,
    SIZES,
    STRAYS,
    TICKETS,
    TWO_AGREE,
    WORKERS,
    OwnershipLab,
    describe_week,
    draw_week,
    ml_people,
    sample_team,
    sample_tickets,
    simulate_week,
    team_of,
)
from course.labs.what_is_mlops.post_mortem import check_actions, check_timeline

WEEKS = {
    (size, rule, work): simulate_week(size, rule, work)
    for size, rule, work in itertools.product(SIZES, ACCOUNTABLE, WORKERS)
}
THE_ROLE, CALLED, NOTICES, TWO, NOBODY = ACCOUNTABLE


def measures(week) -> tuple:
    """What a rule costs: hours, hand-offs, orphans, doubles, the busiest person, what one illness takes away."""
    return (
        week["hours"].median(),
        week["handoffs"].sum(),
        week["orphaned"].sum(),
        (week["accountables"] > 1).sum(),
        week.attrs["busiest"],
        week.attrs["only_one"],
    )


# --- The organisation ------------------------------------------------------------------------------------------------


def test_the_roles_collapse_onto_one_or_two_people_and_split_again():
    assert [len(team_of(size)) for size in (3, 10)] == [1, 2]
    assert team_of(3) == [ROLES]
    for size in range(3, 301):
        team = team_of(size)
        assert len(team) == ml_people(size)
        assert {role for roles in team for role in roles} == set(ROLES), f"{size} people: a role is held by nobody"
    assert all(len(roles) == 1 for roles in team_of(300))


def test_the_lab_reaches_from_3_to_300_people():
    assert (min(SIZES), max(SIZES)) == (3, 300)


@pytest.mark.parametrize("key", WEEKS, ids=str)
def test_every_rule_and_size_gives_a_sound_week(key):
    week = WEEKS[key]
    assert week.equals(simulate_week(*key))
    assert len(week) == len(TICKETS) == 12
    assert (week["hours"] >= 1).all() and (week["mitigated"] > week["arrives"]).all()
    assert (week["accountables"].eq(0) == week["orphaned"]).all()
    assert week["accountables"].max() <= 2
    assert list(week.attrs["hours_by_size"]) == list(SIZES)
    assert week.attrs["hours_by_size"][key[0]] == pytest.approx(week["hours"].median())


@pytest.mark.parametrize("work", WORKERS)
def test_one_head_has_no_orphans_no_doubles_and_no_handoffs_whatever_the_rule(work):
    for rule in ACCOUNTABLE:
        _, handoffs, orphans, doubles, busiest, ill = measures(WEEKS[3, rule, work])
        assert (handoffs, orphans, doubles, ill) == (0, 0, 0, 12)
        assert busiest == sum(ticket.hours for ticket in TICKETS)


@pytest.mark.parametrize("work", WORKERS)
def test_naming_nobody_makes_more_orphans_the_larger_the_organisation(work):
    orphans = [int(WEEKS[size, NOBODY, work]["orphaned"].sum()) for size in SIZES]
    assert orphans == sorted(orphans) and orphans[0] == 0 and orphans[-1] == 10
    assert WEEKS[40, NOBODY, work]["orphaned"].sum() == 10


def test_only_naming_nobody_makes_orphans_and_only_naming_two_makes_doubles():
    for (_, rule, _), week in WEEKS.items():
        assert rule == NOBODY or not week["orphaned"].any()
        assert rule == TWO or (week["accountables"] <= 1).all()


@pytest.mark.parametrize("size", [size for size in SIZES if size >= 10])
def test_two_accountables_are_slower_and_change_hands_more_often_than_one(size):
    one, two = (WEEKS[size, rule, "the role that knows it"] for rule in (THE_ROLE, TWO))
    assert two["hours"].mean() > one["hours"].mean() and two["handoffs"].sum() > one["handoffs"].sum()


def test_most_orphans_go_between_20_and_10_people():
    """As the page says; at 10 people two hold the five roles."""
    orphans = {size: int(WEEKS[size, NOBODY, "the role that knows it"]["orphaned"].sum()) for size in SIZES}
    assert (orphans[3], orphans[5], orphans[10], orphans[20]) == (0, 0, 2, 9) and len(team_of(10)) == 2


def test_every_week_fits_the_axes_that_are_the_same_for_all():
    assert max(week["hours"].max() for week in WEEKS.values()) <= LONGEST
    assert max(week["hours"].median() for week in WEEKS.values()) < LONGEST_MEDIAN
    one, two = (draw_week(WEEKS[40, rule, "the role that knows it"]) for rule in (THE_ROLE, TWO))
    assert [ax.get_xlim() + ax.get_ylim() for ax in one.axes] == [ax.get_xlim() + ax.get_ylim() for ax in two.axes]


def test_no_setting_dominates():
    """Among those that are best on one measure none is best on all."""
    scores = {key: measures(week) for key, week in WEEKS.items()}
    best = [min(score[i] for score in scores.values()) for i in range(6)]
    assert not [key for key, score in scores.items() if list(score) == best]
    at_300 = {key: score for key, score in scores.items() if key[0] == 300}
    best = [min(score[i] for score in at_300.values()) for i in range(6)]
    assert not [key for key, score in at_300.items() if list(score) == best]


def test_the_assumptions_are_those_that_the_page_names():
    assert (ORPHAN_LIES, TWO_AGREE, FIELD, ml_people(40)) == (48, 6, 2.5, 6)


def test_a_rule_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="accountable is one of"):
        simulate_week(40, "the boss", "the accountable")


def test_the_words_and_the_picture_say_what_the_table_says():
    week = WEEKS[40, NOBODY, "the role that knows it"]
    said = describe_week(week, 4)
    assert "10 are orphaned" in said and "You guessed that 4" in said
    assert describe_week(WEEKS[40, THE_ROLE, "the role that knows it"], 4).count("0 are orphaned") == 1
    figure = draw_week(week, 4)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert sum(word.startswith("orphan") for word in words) == 10, "an orphan is said in words, not only in colour"
    assert any("your guess: 4" in text.get_text() for text in figure.texts)


def test_the_lab_begins_where_nobody_is_named():
    assert OwnershipLab(4).settings == {"people": 40, "accountable": NOBODY, "work": "the role that knows it"}


# --- Teams and tickets for the make ----------------------------------------------------------------------------------


@pytest.mark.parametrize("people", [1, 2, 3, 5, 7, 16, 60])
def test_a_team_holds_every_role_but_those_unheld(people):
    for seed, unheld in itertools.product(range(10), [(), (ON_CALL,), ROLES[1:]]):
        team = sample_team(seed, people, unheld)
        assert len(team) == people and all(team.values()), "somebody holds no role"
        assert {role for roles in team.values() for role in roles} == set(ROLES) - set(unheld)
        assert all(len(set(roles)) == len(roles) for roles in team.values())
        assert team == sample_team(seed, people, unheld)


def test_a_team_needs_a_person_and_a_role():
    for people, unheld in [(0, ()), (3, ROLES)]:
        with pytest.raises(ValueError, match="one person and one role"):
            sample_team(1, people, unheld)


@pytest.mark.parametrize(("count", "strays"), [(0, 0), (1, 1), (40, 3)])
def test_tickets_are_about_owned_areas_and_as_many_strays_as_asked(count, strays):
    tickets = sample_tickets(4, count, strays)
    owned = {area for areas in OWNS.values() for area in areas}
    assert len(tickets) == count and tickets == sample_tickets(4, count, strays)
    assert sum(area in STRAYS for area in tickets.values()) == strays
    assert set(tickets.values()) <= owned | set(STRAYS)


def test_an_area_has_one_owner():
    areas = [area for owned in OWNS.values() for area in owned]
    assert len(areas) == len(set(areas)) and not set(areas) & set(STRAYS)


# --- The post-mortem's structure -------------------------------------------------------------------------------------

GOOD = {
    "incident": "bank",
    "timeline": [
        ("2022-01-03", "it began"),
        ("2022-02-01", "could be seen"),
        ("2022-02-01", "was seen"),
        ("2022-02-09", "was over"),
    ],
    "cause": "nothing compared the old population with the new",
    "detecting": {"action": "watch the share of blocked cards", "owner": "ML engineer", "due": "2022-02-09"},
    "preventing": {"action": "compare populations before each release", "owner": "Data engineer", "due": "2022-04-01"},
}


def changed(**edits) -> dict:
    return copy.deepcopy(GOOD) | edits


def test_a_whole_post_mortem_passes():
    check_timeline(GOOD)
    check_actions(GOOD)


@pytest.mark.parametrize("check", [check_timeline, check_actions])
def test_an_unwritten_post_mortem_is_not_implemented_and_says_so_in_one_line(check):
    with pytest.raises(NotImplementedError, match="write the post-mortem first") as caught:
        check(...)
    assert caught.type is NotImplementedError
    [line] = caught.value._render_traceback_()
    assert line.startswith("NotImplementedError: write the post-mortem first")


def test_the_words_are_counted_and_too_many_lose_no_points(capsys):
    check_actions(GOOD)
    assert capsys.readouterr().out == "28 of 60 words.\n"
    check_actions(changed(cause="because " * 75))
    assert capsys.readouterr().out == "95 words, and at most 60 are asked: shorten it before you hand it in.\n"


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("it was bad", "as a dict"),
        (changed(incident="zoo"), "an incident of notebook 5"),
        (changed(timeline="long ago"), "list of pairs"),
        (changed(timeline=GOOD["timeline"][:3]), "4 entries or more; yours has 3"),
        (changed(timeline=GOOD["timeline"][::-1]), "is in order"),
        (changed(timeline=[("2022-01-03", "a b")] * 4), "lasts weeks"),
        (changed(timeline=[*GOOD["timeline"], ("tomorrow", "a b")]), "has a day like"),
        (changed(timeline=[*GOOD["timeline"], (20220301, "a b")]), "has a day like"),
        (changed(timeline=[*GOOD["timeline"], "over"]), "is a pair"),
        (changed(timeline=[*GOOD["timeline"], ("2022-03-01", "")]), "2 words or more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_timeline_that_misses_something_is_told_what(report, said):
    with pytest.raises(AssertionError, match=said):
        check_timeline(report)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (changed(cause="Bob"), "the cause is told in 5 words"),
        (changed(detecting="watch it"), "detecting action as a dict"),
        (changed(detecting=GOOD["detecting"] | {"owner": "everybody"}), "owned by one role"),
        (changed(preventing=GOOD["preventing"] | {"due": "soon"}), "has a day like"),
        (changed(preventing=GOOD["preventing"] | {"due": "2022-02-08"}), "before the timeline's last day"),
        (changed(preventing=GOOD["detecting"]), "they are the same"),
        (changed(preventing=GOOD["preventing"] | {"action": "more care"}), "preventing action is told in 5 words"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_action_that_misses_something_is_told_what(report, said):
    with pytest.raises(AssertionError, match=said):
        check_actions(report)


def test_the_actions_are_judged_without_a_sound_timeline():
    for timeline in (None, [], [()], [("never", "x")], [3], 7):
        check_actions(changed(timeline=timeline))
