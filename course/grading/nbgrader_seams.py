"""`nbgrader autograde` and formgrader's button, going the way of `course grade`.

One line of `nbgrader_config.py` does it:

    c.Autograde.exporter_class = "course.grading.nbgrader_seams.SafeGrading"

nbgrader has preprocessors to replace, but before they are asked it has read the submission's files (a mangled one
ends there) and copied what lies beside them (through links, wherever they point). The exporter is the one thing that
a configuration names and that is made before a submission is touched; it knows the converter it is made for, and
takes its work over. nbgrader still finds the submissions, reads its options, and reports.

Plain nbgrader grades the same course with
`nbgrader autograde LESSON --Autograde.exporter_class=nbconvert.exporters.NotebookExporter`.
"""

from __future__ import annotations

from typing import Any

from nbconvert.exporters import NotebookExporter
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from traitlets import Bool, Enum, Integer, Unicode

from course.errors import CourseError
from course.grading.class_run import Choices, Entry, Rooms, grade_class
from course.grading.course_directory import course_of
from course.grading.sandbox import choose_level

#: nbgrader's commands may run beside each other, a student each; here one waits for the other.
WAIT_SECONDS = 600.0


class SafeGrading(NotebookExporter):
    """Takes over from the `Autograde` converter that it is made for: rebuild, two sides, one writer."""

    level = Enum(
        ("", "A", "B", "C"), "", help="How far student code is confined; empty: as far as this machine can."
    ).tag(config=True)
    trust = Bool(False, help="Allow level C, at which student code could read the instructor's files.").tag(config=True)
    jobs = Integer(0, min=0, help="Workers; 0: one a core.").tag(config=True)
    grade_notebook = Unicode(Rooms.grade_notebook, help="What grades one rebuilt notebook, as `module:function`.").tag(
        config=True
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take the converter over; made for anything else, this is a plain exporter."""
        super().__init__(*arguments, **options)
        if isinstance(self.parent, Autograde):
            self.parent.convert_notebooks = self.grade

    def grade(self) -> None:
        """Grade what the converter was asked for; raises nbgrader's own exception when somebody has no verdict."""
        converter, log = self.parent, self.log
        directory = converter.coursedir
        if directory.notebook_id != "*":
            log.warning("all notebooks are graded, not only %r: what has not changed is not run", directory.notebook_id)
        if converter.pre_convert_hook or converter.post_convert_hook:
            log.warning("pre_convert_hook and post_convert_hook are not called: submissions are read as data only")

        def watch(done: int, total: int, entry: Entry) -> None:
            say = log.error if entry.status == "could not be graded" else log.info
            said = [f"{entry.score:g} of {entry.max_score:g}"] if entry.score is not None else []
            said += [entry.reason] if entry.reason else []
            say("%s of %s: %s %s (%s)", done, total, entry.student, entry.status, "; ".join(said))

        try:
            choices = Choices(level=choose_level(self.level or None, self.trust), jobs=self.jobs, force=converter.force)
            report = grade_class(
                course_of(converter),
                directory.assignment_id,
                [directory.student_id],
                choices,
                rooms=Rooms(grade_notebook=self.grade_notebook),
                watch=watch,
            )
        except CourseError as error:
            log.error(str(error))
            raise NbGraderException(str(error)) from error
        if not report.all_have_a_verdict:
            without = [entry.student for entry in report.entries if entry.status == "could not be graded"]
            raise NbGraderException(f"without a verdict: {', '.join(without)}; the log says why")
