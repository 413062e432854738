"""Section 7's laboratories and made-up machines: what the page says about them holds."""

import itertools
import json
import re

import pytest

from course.display import png_of
from course.doctor import THREAD_SETTINGS
from course.labs.what_is_mlops.machines import LOOKALIKES, SECRETS, lock_of_this_course, sample_machine
from course.labs.what_is_mlops.roadmap import (
    ASIDE,
    ASKED,
    EQUIPPED,
    EVERY,
    GOAL,
    LACKING,
    ON_TOP,
    PILLAR_COLOURS,
    RUNS,
    SHORT,
    MachineLab,
    RoadmapLab,
    describe_readiness,
    describe_roadmap,
    draw_readiness,
    draw_roadmap,
    fit_names,
    simulate_readiness,
    simulate_roadmap,
    wrapped,
)
from course.syllabus import load, weeks_for

PILLARS = [EVERY, *PILLAR_COLOURS]


def test_the_unit_that_the_prediction_asks_about_is_nearer_than_its_number():
    road = simulate_roadmap(unit=ASKED)
    needed = (road["needed"] != ASIDE).sum() - 1
    assert 3 <= needed <= (ASKED - 1) / 3


def test_every_road_past_section_2_uses_reproducibility_and_nearly_every_one_unit_4():
    course = load()
    late = [unit.number for unit in course.units if unit.section > 2]
    roads = {number: course.road_to(number) for number in late}
    assert all(any(course.pillar_of(n) == "Reproducibility" for n in road) for road in roads.values())
    assert sum(4 in road for road in roads.values()) >= 0.9 * len(roads)


def test_some_units_are_on_the_road_to_neither_game_day_nor_capstone():
    course = load()
    aside = {unit.number for unit in course.units} - {36, 44, *course.road_to(36), *course.road_to(44)}
    assert 41 in aside and len(aside) > 3


def test_the_table_holds_every_unit_once_and_the_road_first():
    for unit in (1, 2, 32, 44):
        table = simulate_roadmap(unit=unit)
        assert sorted(table["unit"]) == list(range(1, 45))
        on_road = (table["needed"] != ASIDE).tolist()
        assert on_road == sorted(on_road, reverse=True)
        assert table.loc[table["needed"] == GOAL, "unit"].tolist() == [unit]


def test_weeks_never_run_backwards_and_more_minutes_never_take_longer():
    last = []
    for minutes in range(30, 601, 30):
        weeks = simulate_roadmap(unit=44, minutes_a_week=minutes).sort_values("unit")["week"].dropna()
        assert weeks.is_monotonic_increasing and weeks.min() >= 1
        last.append(weeks.max())
    assert last == sorted(last, reverse=True) and last[0] > last[-1]


def test_only_the_minutes_of_the_road_are_counted():
    course = load()
    for unit, minutes in itertools.product((1, 2, 32, 44), (60, 120)):
        whole = course.minutes_of([*course.road_to(unit), unit])
        assert simulate_roadmap(unit=unit, minutes_a_week=minutes)["week"].max() == weeks_for(whole, minutes)


def test_only_the_road_has_weeks():
    table = simulate_roadmap(unit=18)
    assert (table["week"].notna() == (table["needed"] != ASIDE)).all()


def test_every_unit_and_pillar_gets_words_of_its_own():
    said = {
        (unit, pillar): describe_roadmap(simulate_roadmap(pillar, unit, 120), 12.0)
        for unit, pillar in itertools.product(range(1, 45), PILLARS)
    }
    assert len(set(said.values())) == len(said)
    assert not [text for text in said.values() if re.search(r"\bnan\b|\bNone\b|\b1 of the 1 ", text)]


def test_the_guess_is_said_beside_the_unit_that_was_asked_for_only():
    assert "You guessed 20" in describe_roadmap(simulate_roadmap(unit=ASKED), 20)
    assert "guessed" not in describe_roadmap(simulate_roadmap(unit=5), 20)


def test_a_map_is_the_same_picture_twice_and_another_for_another_unit():
    first, again = (png_of(draw_roadmap(simulate_roadmap(unit=32), 3)) for _ in range(2))
    assert first == again
    assert first != png_of(draw_roadmap(simulate_roadmap(unit=33), 3))


def test_no_setting_breaks_the_map():
    for unit, pillar in itertools.product((1, 2, 36, 44), PILLARS):
        draw_roadmap(simulate_roadmap(pillar, unit, 30))
    for section in range(9):
        draw_readiness(simulate_readiness(section))


def test_short_titles_fit_into_their_boxes():
    for unit in load().units:
        lines = wrapped(unit.short, SHORT).splitlines()
        assert len(lines) <= 2 and max(map(len, lines)) <= SHORT, f"unit {unit.number}: {lines}"
    for section in load().sections:
        assert len(wrapped(section.name, 17).splitlines()) <= 2


def test_names_of_missing_tools_fit_into_their_boxes():
    for check in simulate_readiness(0, here=set())["missing"]:
        assert len(fit_names(check)) <= 17, check


@pytest.mark.parametrize(
    ("here", "readiness"),
    [
        ({"ipywidgets", "scikit-learn", "pandas"}, (RUNS, EQUIPPED)),
        ({"pandas"}, (LACKING, LACKING)),
        (set(), (LACKING,) * 2),
    ],
)
def test_readiness_follows_the_tools(here, readiness):
    assert tuple(simulate_readiness(0, here)["readiness"][:2]) == readiness


def test_readiness_names_what_is_not_here_in_the_section_that_is_asked_for():
    text = describe_readiness(simulate_readiness(4, {"FastAPI"}))
    assert "6 units of section 4, Serving" in text and "uvicorn" in text and "Docker" not in text
    everything = {tool.name for tool in load().tools}
    assert "No tool is missing" in describe_readiness(simulate_readiness(4, everything))


def test_the_labs_say_this_machine_and_this_guess():
    assert "Python 3." in MachineLab().sentence
    assert "You guessed 7" in RoadmapLab(7).sentence
    assert RoadmapLab(7).controls["pillar"].options[-1] == ON_TOP


# --- The machines of the exercise -----------------------------------------------------------------------------------


def test_a_seed_is_a_machine():
    assert sample_machine(5) == sample_machine(5)
    assert sample_machine(5) != sample_machine(6)
    assert list(sample_machine(5).environ) == list(sample_machine(5).environ)


def test_machines_differ_in_what_a_report_must_tell_apart():
    machines = [sample_machine(seed) for seed in range(60)]
    set_threads = [sum(name in m.environ for name in THREAD_SETTINGS) for m in machines]
    assert set(set_threads) == {0, 1, 2, 3}
    assert all(any(name in m.environ for name in SECRETS) for m in machines)
    assert 0 < sum(any(name in m.environ for name in LOOKALIKES) for m in machines) < 60
    assert len({m.lock_text for m in machines}) == 60
    assert len({m.platform for m in machines}) == 4
    turned = [tuple(m.environ) != tuple(sorted(m.environ)) for m in machines]
    assert sum(turned) > 50, "the names of an environment come in any order"


def test_a_machine_is_plain_data():
    machine = sample_machine(9)
    assert json.loads(json.dumps(machine)) == list(machine)
    assert all(type(text) is str for text in [*machine[:3], *machine.environ, *machine.environ.values()])


def test_the_nearest_lock_above_is_taken(tmp_path):
    inner = tmp_path / "work" / "01_what_is_mlops"
    inner.mkdir(parents=True)
    (tmp_path / "requirements.lock").write_text("far==1\n", encoding="utf-8")
    assert lock_of_this_course(inner) == "far==1\n"
    (inner.parent / "requirements.lock").write_text("near==1\n", encoding="utf-8")
    assert lock_of_this_course(inner) == "near==1\n"


def test_without_a_lock_what_is_installed_stands_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr("course.labs.what_is_mlops.machines.LOCK", "no-such-lock-anywhere")
    first, second = lock_of_this_course(tmp_path), lock_of_this_course(tmp_path)
    lines = first.splitlines()
    assert first == second and lines == sorted(lines)
    assert any(line.startswith("numpy==") for line in lines)
