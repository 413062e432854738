"""Is a term's draw of seeds a fair one? The reference earns everything, the untouched lesson nothing, mistakes lose.

Hidden worlds are random: a draw in which a right answer fails, or a planted mistake gets through, is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from course.errors import CourseError
from course.term.folder import seeded

if TYPE_CHECKING:
    from course.authoring.dress_rehearsal import Graded
    from course.authoring.gate import Section

#: A lesson that no draw of these suits is at fault, not its draws.
MOST_DRAWS = 5
Grade = Callable[[Sequence["Section"]], "Mapping[str, Graded]"]


def grade_on_this_machine(sections: Sequence[Section]) -> Mapping[str, Graded]:
    """Run the safe grader over the sections; raise CourseError where it cannot run."""
    from course.authoring.gate import grade_safely

    graded, why_not = grade_safely(sections, thorough=True)
    if why_not:
        raise CourseError(f"the term's seeds cannot be tried here: {why_not}")
    return graded


def fair_draw(
    sections: Sequence[Section],
    secret: bytes,
    lesson: str,
    *,
    first: int = 0,
    grade: Grade = grade_on_this_machine,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[int, list[Section]]:
    """Return the first draw that is fair, beginning at `first`, and the lesson's sections with its seeds.

    Raises CourseError, with what went wrong in each, when MOST_DRAWS are not.
    """
    unfair = []
    for draw in range(first, first + MOST_DRAWS):
        drawn = seeded(sections, secret, lesson, draw)
        problems = list(unfairness(drawn, grade(drawn)))
        if not problems:
            return draw, drawn
        unfair += [f"draw {draw}: {problem}" for problem in problems]
        say(f"draw {draw} of seeds is not used: {problems[0]}")
    raise CourseError(
        f"{lesson}: no draw of {MOST_DRAWS} is fair, so its hidden tests depend on their seeds:\n  "
        + "\n  ".join(unfair)
    )


def unfairness(sections: Sequence[Section], graded: Mapping[str, Graded]) -> Iterator[str]:
    """Yield in words what a draw does to right and wrong answers that it must not."""
    for section in sections:
        points = {step.name: step.points for step in section.steps if step.role == "tests" and step.points}
        found = graded[section.name]
        for name, most in points.items():
            result = found.reference.get(name)
            if result is None or result.score != most:
                said = "it did not run" if result is None else f"{result.state} {result.message}".strip()
                yield f"{section.name}, {name}: the reference solution does not earn its {most:g} points ({said})"
        for name, result in found.untouched.items():
            if result.score and points.get(name):
                yield f"{section.name}, {name}: the untouched lesson earns {result.score:g} points"
        for wrong in section.planted.wrongs:
            for name, result in found.mistakes.get(wrong.name, {}).items():
                if name in wrong.loses and result.score and points.get(name):
                    yield f"{section.name}, {name}: the planted mistake {wrong.name!r} earns {result.score:g} points"
