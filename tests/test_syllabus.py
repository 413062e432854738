"""The syllabus is what the course promises, and a broken one is refused with words that help."""

import subprocess
import sys
import tomllib

import pytest

from course import syllabus as syllabus_module
from course.syllabus import BadSyllabus, load, parse, weeks_for

SMALL = """
title = "Small"
[[pillars]]
name = "Serving"
promise = "answer"
[tools]
uv = { name = "uv", package = "uv" }
git = { name = "Git", command = "git" }
[[sections]]
number = 1
name = "One"
story = "It begins."
pillar = "Serving"
[[sections]]
number = 2
name = "Two"
story = "It ends."
[[units]]
number = 1
section = 1
title = "First"
short = "First"
minutes = 10
state = "ready"
needs = []
tools = ["uv"]
problem = "None yet."
graded = "a little"
[[units]]
number = 2
section = 2
title = "Second"
short = "Second"
minutes = 20
state = "planned"
needs = [1]
tools = ["git", "uv"]
problem = "Now there is one."
graded = "more"
"""


def test_the_course_has_44_units_in_8_sections_of_which_42_are_lessons():
    course = load()
    assert [len(course.units), len(course.sections)] == [44, 8]
    kinds = [unit.kind for unit in course.units]
    assert kinds.count("lesson") == 42
    assert {unit.number: unit.kind for unit in course.units if unit.kind != "lesson"} == {
        36: "game day",
        44: "capstone",
    }


def test_the_fixed_titles_and_the_mapping_of_pillars_stand():
    course = load()
    assert course.unit(1).title == "What Is MLOps and Why It Matters"
    assert course.unit(2).title == "The ML Lifecycle and Technical Debt"
    assert course.section(1).name == "MLOps Fundamentals"
    assert [section.pillar for section in course.sections] == [
        "Reproducibility",
        "Reproducibility",
        "Containerization",
        "Serving",
        "CI/CD",
        "Observability",
        None,
        None,
    ]
    assert [pillar.name for pillar in course.pillars] == list(dict.fromkeys(s.pillar for s in course.sections[:6]))


def test_sections_hold_the_units_of_the_plan():
    first_units = [min(unit.number for unit in load().units_of(section)) for section in range(1, 9)]
    assert first_units == [1, 7, 13, 18, 24, 30, 37, 41]


def test_unit_1_is_ready_and_the_rest_is_planned():
    assert [unit.number for unit in load().units if unit.state == "ready"] == [1]


def test_every_unit_begins_at_unit_1():
    course = load()
    assert course.road_to(1) == ()
    assert all(1 in course.road_to(unit.number) for unit in course.units[1:])


def test_no_unit_names_a_need_that_follows_from_another():
    course = load()
    for unit in course.units:
        implied = {far for near in unit.needs for far in course.road_to(near)}
        assert not implied & set(unit.needs), f"unit {unit.number} names {implied & set(unit.needs)} needlessly"


def test_every_tool_is_used_and_every_unit_has_one():
    course = load()
    used = {key for unit in course.units for key in unit.tools}
    assert used == {tool.key for tool in course.tools}
    assert all(unit.tools for unit in course.units)


def test_the_road_to_a_unit_is_closed_and_earlier():
    course = load()
    for unit in course.units:
        road = set(course.road_to(unit.number))
        assert set(unit.needs) <= road and all(number < unit.number for number in road)
        assert all(set(course.unit(number).needs) <= road for number in road)


def test_the_company_goes_through_every_unit():
    for unit in load().units:
        assert unit.problem.endswith("."), f"unit {unit.number}: {unit.problem!r}"
        assert not unit.graded.endswith("."), f"unit {unit.number}: {unit.graded!r}"


def test_minutes_add_up():
    course = parse(SMALL)
    assert course.minutes_of([1, 2]) == 30
    assert course.minutes_of([]) == 0


@pytest.mark.parametrize(("minutes", "a_week", "weeks"), [(0, 60, 0), (1, 60, 1), (60, 60, 1), (61, 60, 2)])
def test_a_week_that_is_begun_counts(minutes, a_week, weeks):
    assert weeks_for(minutes, a_week) == weeks


def test_weeks_without_minutes_are_refused():
    with pytest.raises(ValueError, match="above 0"):
        weeks_for(60, 0)


@pytest.mark.parametrize(
    "call", [lambda s: s.unit(0), lambda s: s.unit(3), lambda s: s.section(9), lambda s: s.tool("x")]
)
def test_what_is_not_there_is_named(call):
    with pytest.raises(syllabus_module.CourseError, match="there is no"):
        call(parse(SMALL))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "Small"', "", "has no 'title'"),
        ("[[pillars]]", "[[pilars]]", "'pilars' is not known"),
        ("minutes = 20", "", "unit 2: it has no 'minutes'"),
        ("minutes = 20", 'minutes = "20"', "unit 2: minutes = '20' should be a whole number"),
        ("minutes = 20", "minutes = true", "unit 2: minutes = True should be a whole number"),
        ("minutes = 20", "minutes = 0", "unit 2: minutes = 0; give a number above 0"),
        ("minutes = 20", "minuts = 20", "unit 2: the key 'minuts' is not known"),
        ("needs = [1]", "needs = [2]", "unit 2: it needs [2]; a unit needs earlier ones only"),
        ("needs = [1]", "needs = [7]", "unit 2: it needs [7]"),
        ("needs = [1]", "needs = [1, 1]", "name each once"),
        ("needs = [1]", 'needs = ["1"]', "should hold nothing but a whole number each"),
        ("needs = [1]", "needs = 1", "needs = 1 should be a list"),
        ('tools = ["uv"]', 'tools = ["uw"]', "unit 1: there is no tool 'uw'"),
        ('state = "planned"', 'state = "soon"', "a unit is ready or planned"),
        ('graded = "more"', 'graded = "more"\nkind = "party"', "kind = 'party'"),
        ("section = 2", "section = 3", "unit 2: there is no section 3"),
        ("section = 1\n", "section = 2\n", None),
        ('pillar = "Serving"', 'pillar = "Swimming"', "there is no pillar 'Swimming'"),
        ("number = 2\nsection", "number = 3\nsection", "units are numbered [1, 3]"),
        ('number = 2\nname = "Two"', 'number = 1\nname = "Two"', "sections are numbered [1, 1]"),
        ('title = "Second"', 'title = "First"', "the title 'First' is given twice"),
        ('package = "uv"', 'package = "uv", command = "uv"', "give exactly one of them"),
        ('title = "Second"', 'title = " "', "unit 2: title is empty"),
        ('git = { name = "Git", command = "git" }', "git = 1", "tool 'git': it has no 'name'"),
    ],
)
def test_a_broken_syllabus_is_refused_with_the_place_and_what_would_be_right(old, new, said):
    assert old in SMALL
    text = SMALL.replace(old, new, 1)
    if said is None:
        assert parse(text).unit(1).section == 2
        return
    with pytest.raises(BadSyllabus) as refused:
        parse(text)
    assert said in str(refused.value)


def test_every_problem_is_named_at_once():
    with pytest.raises(BadSyllabus, match=r"2 problem\(s\)") as refused:
        parse(SMALL.replace("minutes = 10", "minutes = 0").replace("needs = [1]", "needs = [5]"))
    assert "unit 1" in str(refused.value) and "unit 2" in str(refused.value)


def test_an_earlier_section_after_a_later_one_is_refused():
    turned = SMALL.replace("section = 1\n", "section = 0\n").replace("section = 2\n", "section = 1\n")
    turned = turned.replace("section = 0\n", "section = 2\n")
    with pytest.raises(BadSyllabus, match="after one of section"):
        parse(turned)


def test_text_that_is_no_toml_is_refused_with_its_line():
    with pytest.raises(BadSyllabus, match="line 1"):
        parse("title = = 1")


def test_the_small_syllabus_of_these_tests_is_a_good_one():
    assert len(parse(SMALL).units) == len(tomllib.loads(SMALL)["units"]) == 2


def test_importing_it_loads_no_pandas():
    code = (
        "import sys, course.syllabus; course.syllabus.load();"
        "print({'pandas', 'numpy', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
