"""A term's settings for nbgrader: its `nbgrader_config.py` calls `apply_term`, and so does everything that reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float

from course.term.plan import LatePolicy, read_plan


class PercentPerDay(LateSubmissionPlugin):
    """nbgrader's hook for late submissions: so many percent for each day begun, as `term.toml` says."""

    percent_per_day = Float(0.0, min=0.0, max=100.0, help="Of what was earned, for each day begun.").tag(config=True)
    at_most_percent = Float(100.0, min=0.0, max=100.0, help="The most that is taken.").tag(config=True)
    grace_minutes = Float(0.0, min=0.0, help="For so long nothing is taken.").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """Return the points to take from a notebook's score; None where there are none."""
        policy = LatePolicy(self.percent_per_day, self.at_most_percent, self.grace_minutes)
        percent = policy.percent_lost(total_seconds_late)
        return score * percent / 100 if percent else None


def apply_term(config: Any, settings_file: str) -> None:
    """Put what `term.toml`, beside the settings file, says into nbgrader's configuration."""
    plan = read_plan(Path(settings_file).parent)
    config.CourseDirectory.course_id = plan.course_id
    # Who is not on the roster has mistyped an id, or does not belong here.
    config.Autograde.create_student = False
    config.AssignLatePenalties.plugin_class = "course.term.settings.PercentPerDay"
    for name, value in vars(plan.late).items():
        setattr(config.PercentPerDay, name, float(value))
