"""The course as a map: 8 sections and 44 units, what each needs, and how many weeks the road to one of them takes.

The numbers are those of `course/syllabus.toml`; beside the map stands what the doctor finds on this machine.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import ipywidgets as widgets
import pandas as pd

from course.display import BLUE, DPI, FAINT, GREEN, INK, ORANGE, PAPER, PURPLE, SKY, VERMILLION, join_words, new_figure
from course.doctor import check_units, find_tools, look_at_machine, say_gb, say_units
from course.labs.lab import Lab, movable
from course.predict import Between
from course.syllabus import load, weeks_for

EVERY = "all of them"
ON_TOP = "on top of all five"
#: The unit that the prediction asks about: late in the course, and nearer than it looks.
ASKED = 32
PILLAR_COLOURS = {
    "Reproducibility": BLUE,
    "Containerization": ORANGE,
    "Serving": GREEN,
    "CI/CD": PURPLE,
    "Observability": VERMILLION,
    ON_TOP: FAINT,
}
GREY_INK = "#5b636d"
#: How many characters of a unit's short title stand in one line of its box; it has two lines.
SHORT = 12
ROAD_LEGEND = "Framed: on the road, with the week in which it is done. The stripe and the words of a row: its pillar."
GOAL, DIRECT, THROUGH, ASIDE = "the goal", "directly", "through others", "no"


def simulate_roadmap(pillar: str = EVERY, unit: int = ASKED, minutes_a_week: int = 120) -> pd.DataFrame:
    """Walk the road to one unit in the order of the numbers, so many minutes a week.

    One row a unit, those of the road first. Columns: unit (number), title, section (number), pillar, minutes, needed
    ("the goal", "directly", "through others", "no"), week (in which it is done, from 1; missing off the road). The
    settings stand in `attrs`.
    """
    syllabus = load()
    goal = syllabus.unit(unit)
    road = {*syllabus.road_to(unit), unit}
    done = 0
    rows = []
    for each in syllabus.units:
        done += each.minutes if each.number in road else 0
        needed = DIRECT if each.number in goal.needs else THROUGH if each.number in road else ASIDE
        rows.append(
            {
                "unit": each.number,
                "title": each.title,
                "section": each.section,
                "pillar": syllabus.pillar_of(each.number) or ON_TOP,
                "minutes": each.minutes,
                "needed": GOAL if each.number == unit else needed,
                "week": float(weeks_for(done, minutes_a_week)) if each.number in road else float("nan"),
            }
        )
    rows.sort(key=lambda row: row["needed"] == ASIDE)
    table = pd.DataFrame(rows)
    table.attrs = {"pillar": pillar, "unit": unit, "minutes_a_week": minutes_a_week}
    return table


def describe_roadmap(table: pd.DataFrame, guess: float | None = None) -> str:
    """Say what the chosen unit needs, how long the road is, which of it belongs to the chosen pillar, and why."""
    number, pillar, minutes = table.attrs["unit"], table.attrs["pillar"], table.attrs["minutes_a_week"]
    syllabus = load()
    goal = syllabus.unit(number)
    road = table[table["needed"] != ASIDE]
    needed = road.loc[road["needed"] != GOAL, "unit"].tolist()
    whole = road["minutes"].sum()
    before = f"{len(needed)} of the {number - 1} units before it: {say_units(needed)}"
    before = "no other unit" if not needed else f"only {say_units(needed)}" if len(needed) == 1 else before
    text = f"Unit {number}, {goal.title}, needs {before}. "
    if guess is not None and number == ASKED:
        text += f"You guessed {guess:g}. "
    weeks = weeks_for(whole, minutes)
    course = weeks_for(table["minutes"].sum(), minutes)
    text += (
        f"With itself that is {whole / 60:.1f} hours: at {minutes} minutes a week it is done in week {weeks}, "
        f"the whole course in week {course}. "
    )
    if pillar == ON_TOP:
        mine = road.loc[road["pillar"] == pillar, "unit"].tolist()
        text += f"Of sections 7 and 8, which build on all five pillars, the road uses {say_units(mine)}. "
    elif pillar != EVERY:
        mine = road.loc[road["pillar"] == pillar, "unit"].tolist()
        size = int((table["pillar"] == pillar).sum())
        text += f"Of the {size} units of the pillar {pillar} the road uses {say_units(mine)}. "
    return text + f"Why anybody wants it: {goal.problem[0].lower()}{goal.problem[1:]}"


def tint(colour: str, strength: float) -> tuple[float, float, float]:
    """Return a colour mixed with paper: strength 0 is white, 1 the colour itself.

    >>> tint("#000000", 0.0), tint("#ff0000", 1.0)
    ((1.0, 1.0, 1.0), (1.0, 0.0, 0.0))
    """
    red, green, blue = (1 - strength * (1 - int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return red, green, blue


class Lettering:
    """Many small words on one picture: outlines made once, drawn together, a fifth of what as many texts cost."""

    def __init__(self, ax: Any) -> None:
        self._ax = ax
        self._paths: list[Any] = []
        self._places: list[tuple[float, float]] = []
        self._colours: list[str] = []

    def write(
        self, x: float, y: float, words: str, size: float, colour: str = INK, bold: bool = False, align: str = "left"
    ) -> None:
        """Write lines of words, the first one hanging from `y`, in points of `size`."""
        for number, line in enumerate(words.splitlines()):  # of no words there is no outline
            self._paths.append(_outline(line, size, bold, align, number))
            self._places.append((x, y))
            self._colours.append(colour)

    def draw(self) -> None:
        """Put everything that was written onto the axes."""
        from matplotlib.collections import PathCollection
        from matplotlib.transforms import Affine2D

        letters = PathCollection(
            self._paths,
            offsets=self._places,
            offset_transform=self._ax.transData,
            facecolors=self._colours,
            linewidths=0,
        )
        letters.set_transform(Affine2D().scale(DPI / 72))
        self._ax.add_collection(letters, autolim=False)


@lru_cache(maxsize=1024)
def _outline(line: str, size: float, bold: bool, align: str, number: int) -> Any:
    """Return the outline of a line of words in points, its top left (or right) corner at 0, `number` lines down."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    path = TextPath((0, 0), line, size=size, prop=FontProperties(weight="bold" if bold else "normal"))
    left = -path.get_extents().x1 if align == "right" else 0.0
    return Affine2D().translate(left, -size * (0.95 + 1.16 * number)).transform_path(path)


class UnitBox(NamedTuple):
    """How one unit looks on the map: its fill, its frame, the words on its right shoulder and in its last line."""

    face: Any
    edge: Any
    width: float
    ink: str
    bold: bool = False
    shoulder: str = ""
    foot: str = ""


def draw_map(looks: Mapping[int, UnitBox], lit: Collection[int], title: str, legend: str) -> Any:
    """Draw one row a section and one box a unit; `looks` says how by unit number, `lit` which rows stand out."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    syllabus = load()
    some = len(lit) < len(syllabus.sections)
    figure, (ax,) = new_figure(width=7.2, height=5.5)
    figure.set_layout_engine("none")
    ax.set_position((0.0, 0.0, 1.0, 1.0))
    ax.set_axis_off()
    ax.set(xlim=(-1.72, 7.04), ylim=(len(syllabus.sections) + 0.02, -0.78))
    letters = Lettering(ax)
    boxes, faces, edges, widths = [], [], [], []
    for section in syllabus.sections:
        pillar, y, stands_out = section.pillar or ON_TOP, section.number - 1, section.number in lit
        boxes.append(Rectangle((-1.7, y), 0.05, 0.86))
        faces.append(tint(PILLAR_COLOURS[pillar] if stands_out else FAINT, 1.0 if stands_out else 0.35))
        edges.append(PAPER)
        widths.append(0.0)
        letters.write(-1.58, y + 0.05, str(section.number), 7.8, bold=True)
        letters.write(-1.40, y + 0.05, wrapped(section.name, 17), 7.8, bold=True)
        marked = some and stands_out
        ink = INK if stands_out else GREY_INK
        letters.write(-1.40, y + 0.62, f"{'▸ ' if marked else ''}{pillar}", 7, ink, bold=marked)
        for x, unit in enumerate(syllabus.units_of(section.number)):
            look = looks[unit.number]
            boxes.append(Rectangle((x, y), 0.94, 0.86))
            faces.append(look.face)
            edges.append(look.edge)
            widths.append(look.width)
            letters.write(x + 0.06, y + 0.06, str(unit.number), 7.5, look.ink, bold=look.bold)
            letters.write(x + 0.06, y + 0.28, wrapped(unit.short, SHORT), 6.9, look.ink)
            letters.write(x + 0.89, y + 0.07, look.shoulder, 6.6, look.ink, align="right")
            letters.write(x + 0.06, y + 0.67, look.foot, 6.2, look.ink)
    ax.add_collection(PatchCollection(boxes, facecolors=faces, edgecolors=edges, linewidths=widths, zorder=0))
    letters.write(-1.7, -0.72, title, 10)
    letters.write(-1.7, -0.34, legend, 7.4, GREY_INK)
    letters.draw()
    return figure


def draw_roadmap(table: pd.DataFrame, guess: float | None = None) -> Any:
    """Draw the map with a thick frame and a week on each box of the road; colours are pillars."""
    chosen = table.attrs["pillar"]
    looks = {}
    for row in table.itertuples():
        lit, on_road = chosen in (EVERY, row.pillar), row.needed != ASIDE
        looks[row.unit] = UnitBox(
            face=tint(PILLAR_COLOURS[row.pillar] if lit else FAINT, {GOAL: 0.55, ASIDE: 0.1}.get(row.needed, 0.3)),
            edge=INK if on_road else tint(FAINT, 0.5),
            width=2.6 if row.needed == GOAL else 1.5 if on_road else 0.6,
            ink=INK if on_road or (lit and chosen != EVERY) else GREY_INK,
            bold=on_road,
            shoulder=f"week {row.week:.0f}" if on_road else "",
        )
    lit_rows = {section.number for section in load().sections if chosen in (EVERY, section.pillar or ON_TOP)}
    goal = load().unit(table.attrs["unit"])
    title = f"The road to unit {goal.number}: {goal.title}"
    if guess is not None and goal.number == ASKED:
        title += f" (units before it: {(table['needed'] != ASIDE).sum() - 1}; you guessed {guess:g})"
    return draw_map(looks, lit_rows, title, ROAD_LEGEND)


@cache
def wrapped(text: str, width: int) -> str:
    """Return a text in lines of at most `width` characters; no word is broken."""
    return textwrap.fill(text, width, break_long_words=False)


class RoadmapLab(Lab):
    """Pick a unit, a pillar and the minutes of your week; see the road."""

    title = "The course as a map: what a unit needs, and how long the way is"
    heads = MappingProxyType(
        {
            "unit": "Unit",
            "title": "Title",
            "section": "Section",
            "pillar": "Pillar",
            "minutes": "Minutes",
            "needed": "On the road",
            "week": "Done in week",
        }
    )
    question = Between(0, 31, "units")
    web = movable(unit=..., pillar=(EVERY, "Reproducibility"))

    def make_controls(self) -> dict[str, widgets.Widget]:
        syllabus = load()
        return {
            "unit": widgets.Dropdown(
                options=[(f"{unit.number}: {unit.title}", unit.number) for unit in syllabus.units],
                value=ASKED,
                description="unit to reach",
            ),
            "pillar": widgets.Dropdown(
                options=[EVERY, *(pillar.name for pillar in syllabus.pillars), ON_TOP],
                description="pillar to light up",
            ),
            "minutes_a_week": widgets.IntSlider(
                value=120, min=30, max=600, step=30, description="minutes a week", continuous_update=False
            ),
        }

    simulate = staticmethod(simulate_roadmap)
    describe = staticmethod(describe_roadmap)
    draw = staticmethod(draw_roadmap)


# --- The same map, as this machine sees it ------------------------------------------------------------------------

RUNS, EQUIPPED, LACKING = "can run now", "every tool is here, not written yet", "a tool is missing"
#: Fill, width of the frame, and the words on the box's right shoulder.
READINESS = {
    RUNS: (tint(GREEN, 0.5), 2.4, "runs now"),
    EQUIPPED: (tint(SKY, 0.35), 1.2, "tools here"),
    LACKING: (PAPER, 0.6, "lacks"),
}
READINESS_LEGEND = "Runs now: written, and every tool is here. Lacks: what the last line of the box names."


@cache
def examined() -> tuple[str, frozenset[str]]:
    """Look at this machine once: a phrase that says what it is, and the names of the tools that are here."""
    machine = look_at_machine()
    words = (
        f"Python {machine.python} on {machine.system}, {machine.cores} core{'s' if machine.cores != 1 else ''}, "
        f"memory {say_gb(machine.memory_gb)}; {machine.thread_settings}"
    )
    return words, frozenset(tool.tool for tool in find_tools(load()) if tool.here)


def simulate_readiness(section: int = 0, here: Collection[str] | None = None, machine: str = "") -> pd.DataFrame:
    """Ask the doctor which units can run where the tools `here` are (default: on this machine).

    One row a unit, those of the section asked for first; section 0 is the whole course. Columns: unit (number),
    title, section (number), state, missing (names of tools, in words), readiness (one of three phrases).
    """
    if here is None:
        machine, here = examined()
    checks = sorted(check_units(load(), here), key=lambda check: section not in (0, check.section))
    table = pd.DataFrame(
        {
            "unit": [check.unit for check in checks],
            "title": [check.title for check in checks],
            "section": [check.section for check in checks],
            "state": [check.state for check in checks],
            "missing": [", ".join(check.missing) for check in checks],
            "readiness": [RUNS if c.can_run else LACKING if c.missing else EQUIPPED for c in checks],
        }
    )
    table.attrs = {"section": section, "machine": machine}
    return table


def describe_readiness(table: pd.DataFrame, guess: Any = None) -> str:
    """Say what this machine is, which units can run on it, and what is missing for the others."""
    number = table.attrs["section"]
    asked = table[(table["section"] == number) | (number == 0)]
    what = "the course" if number == 0 else f"section {number}, {load().section(number).name}"
    units = {phrase: say_units(asked.loc[asked["readiness"] == phrase, "unit"]) for phrase in (RUNS, EQUIPPED)}
    lacking = sorted({name for names in asked["missing"] for name in names.split(", ") if name}, key=str.lower)
    seen = f"This machine: {table.attrs['machine']}. " if table.attrs["machine"] else ""
    text = (
        f"{seen}Of the {len(asked)} units of {what}, these can run now: {units[RUNS]}. "
        f"Not written yet, with every tool already here: {units[EQUIPPED]}. "
    )
    return text + (f"Not here: {join_words(lacking)}." if lacking else "No tool is missing.")


def fit_names(names: str, most: int = 14) -> str:
    """Return as many of the names as fit into `most` characters, and the number of the others.

    >>> fit_names("MLflow, DVC"), fit_names("FastAPI, uvicorn, pydantic")
    ('MLflow, DVC', 'FastAPI +2')
    """
    split = names.split(", ")
    for kept in range(len(split), 0, -1):
        rest = len(split) - kept
        fitted = ", ".join(split[:kept]) + (f" +{rest}" if rest else "")
        if len(fitted) <= most or kept == 1:
            return fitted
    return names


def draw_readiness(table: pd.DataFrame, guess: Any = None) -> Any:
    """Draw the map with what each unit lacks on this machine; rows that were not asked for stand back."""
    asked = table.attrs["section"]
    looks = {}
    for row in table.itertuples():
        face, width, shoulder = READINESS[row.readiness]
        lit = asked in (0, row.section)
        looks[row.unit] = UnitBox(
            face=face if lit else PAPER,
            edge=INK if lit and row.readiness != LACKING else tint(FAINT, 0.5),
            width=width if lit else 0.6,
            ink=INK if lit else GREY_INK,
            bold=lit and row.readiness == RUNS,
            shoulder=shoulder,
            foot=fit_names(row.missing),
        )
    rows = {section.number for section in load().sections if asked in (0, section.number)}
    title = "This machine and the whole course" if asked == 0 else f"This machine and section {asked}"
    return draw_map(looks, rows, title, READINESS_LEGEND)


class MachineLab(Lab):
    """What the doctor says of this machine, for the whole course or one of its sections."""

    title = "What this machine has, and which units can run on it"
    heads = MappingProxyType(
        {
            "unit": "Unit",
            "title": "Title",
            "section": "Section",
            "state": "State",
            "missing": "Missing here",
            "readiness": "On this machine",
        }
    )
    web = None

    def make_controls(self) -> dict[str, widgets.Widget]:
        options = [("the whole course", 0), *((f"{s.number}: {s.name}", s.number) for s in load().sections)]
        return {"section": widgets.Dropdown(options=options, description="section")}

    simulate = staticmethod(simulate_readiness)
    describe = staticmethod(describe_readiness)
    draw = staticmethod(draw_readiness)
