"""The course's units as a page, from `syllabus.toml`."""

from __future__ import annotations

from collections.abc import Mapping

from course.display import join_words
from course.syllabus import Syllabus, Unit


def roadmap_markdown(syllabus: Syllabus, pages: Mapping[int, str]) -> str:
    """Return the roadmap as Markdown; `pages` are the pages of the units that can be read, by number."""
    ready = sum(unit.state == "ready" for unit in syllabus.units)
    hours = syllabus.minutes_of(unit.number for unit in syllabus.units) / 60
    lines = [
        "# The roadmap",
        "",
        f"The course has {len(syllabus.units)} units in {len(syllabus.sections)} sections, {hours:.0f} hours in all.",
        f"Ready: {ready}. Planned: {len(syllabus.units) - ready}; the minutes of planned units are plans.",
        "",
        "## Five pillars",
        "",
        *(f"- **{pillar.name}**: {pillar.promise}." for pillar in syllabus.pillars),
        "",
    ]
    for section in syllabus.sections:
        on = f"Its pillar is {section.pillar}." if section.pillar else "It builds on all five pillars."
        lines += [
            f"## {section.number}. {section.name}",
            "",
            section.story,
            on,
            "",
            "| Unit | State | Minutes | Needs directly | Handed in |",
            "|---|---|---|---|---|",
            *(_row(unit, pages.get(unit.number)) for unit in syllabus.units_of(section.number)),
            "",
        ]
    return "\n".join(lines)


def _row(unit: Unit, page: str | None) -> str:
    title = f"{unit.number}. {unit.title}" + (f" ({unit.kind})" if unit.kind != "lesson" else "")
    needs = join_words([str(number) for number in unit.needs]) if unit.needs else "nothing"
    cells = (f"[{title}]({page})" if page else title, unit.state, f"{unit.minutes}", needs, unit.graded)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
