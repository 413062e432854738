"""`course hub-values CLASS.toml`: a class as values for the chart Zero to JupyterHub, from the file of the one machine.

Who is in which group, who teaches what, and which user is a course's grader: all of it is the hub's knowledge, by which
the exchange service knows people. Of the class's file only its courses count here; the rest is one machine's.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from course.errors import CourseError
from course.exchange.service import LEARNS, SERVICE, TEACHES
from course.hub.class_plan import ClassPlan, CoursePlan, read_class

SUMMARY = "print a class as values for JupyterHub on Kubernetes"
HEADER = "# Made by `course hub-values` from {file}: change that, and make this anew.\n"
EXCHANGE = f"access:services!service={SERVICE}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `course hub-values`."""
    parser.add_argument("plan", type=Path, help="the class, a TOML file; deploy/jupyterhub/class.toml is one")


def run(args: argparse.Namespace) -> int:
    """Print the values."""
    values = values_for(read_class(args.plan))
    print(HEADER.format(file=args.plan.name) + yaml.safe_dump(values, sort_keys=False, width=120), end="")
    return 0


def check_apart(plan: ClassPlan) -> None:
    """Raise CourseError where somebody teaches one course and learns in another.

    The graders of a hub share their workers: who can use one of them can read what all of them grade there.
    """
    for course in plan.courses:
        for other in plan.courses:
            both = sorted({*course.instructors, *course.assistants} & set(other.students))
            if both:
                raise CourseError(
                    f"{', '.join(both)} teaches {course.course_id} and learns in {other.course_id}: on Kubernetes the "
                    "courses of one hub share their grading workers, and hidden tests of the other could be read "
                    "there; give one of the two courses a hub in a namespace of its own"
                )


def values_for(plan: ClassPlan) -> dict[str, Any]:
    """Return what the chart has to know of a class; raise CourseError where its courses must not share a hub."""
    check_apart(plan)
    graders = {course.grader: course.course_id for course in plan.courses}
    groups: dict[str, Any] = {}
    for course in plan.courses:
        teach = [*course.instructors, *course.assistants, course.grader]
        groups[f"{LEARNS}{course.course_id}"] = {"users": list(course.students)}
        groups[f"{TEACHES}{course.course_id}"] = {"users": teach}
        groups[f"instructors-{course.course_id}"] = {"users": list(course.instructors)}
    return {
        "custom": {"graders": graders},
        "hub": {
            "config": {
                "Authenticator": {
                    "allowed_users": list(plan.people),
                    # Who has left every roster does not come in by having been here once.
                    "allow_existing_users": False,
                },
                "JupyterHub": {"load_groups": groups},
            },
            "services": {SERVICE: {"display": False}},
            "loadRoles": {name: role for course in plan.courses for name, role in _roles(course).items()},
        },
    }


def _roles(course: CoursePlan) -> dict[str, Any]:
    """Who may do what beside using one's own server; the grader's is a server like others, that several may use."""
    name, grader = course.course_id, f"user={course.grader}"
    learn, teach = f"{LEARNS}{name}", f"{TEACHES}{name}"
    share = [f"access:servers!{grader}", f"servers!{grader}", f"read:servers!{grader}", f"read:users:name!{grader}"]
    students = f"group={learn}"
    help_students = [f"list:users!{students}", f"read:users!{students}", f"servers!{students}"]
    return {
        f"exchange-{name}": {"groups": [learn, teach], "scopes": [EXCHANGE]},
        f"assistant-{name}": {"groups": [teach], "scopes": share},
        f"instructor-{name}": {"groups": [f"instructors-{name}"], "scopes": help_students},
    }
