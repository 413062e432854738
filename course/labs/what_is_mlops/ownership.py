"""Who owns MLOps: five roles on one head or on forty, twelve tickets, and the rule that says whose each one is.

The hours below are the model's assumptions, not measurements: they show which way an organisation's size and rule
push, not how far. An hour of the week is counted from Monday, midnight.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import (
    BLUE,
    FAINT,
    ORANGE,
    PURPLE,
    VERMILLION,
    draw_bars,
    ink_of,
    label_line,
    new_figure,
    title_axes,
)
from course.labs.lab import Lab, movable
from course.predict import Between
from course.quiz import Quiz

SCIENTIST, ML_ENGINEER, PLATFORM = "Data scientist", "ML engineer", "Platform engineer"
DATA_ENGINEER, ON_CALL = "Data engineer", "SRE / on-call"

#: Section 6's table: what each role owns.
OWNS = {
    SCIENTIST: ("model training", "feature engineering", "evaluation"),
    ML_ENGINEER: ("production code paths", "training pipelines", "serving"),
    PLATFORM: ("infrastructure", "CI/CD", "monitoring", "registries"),
    DATA_ENGINEER: ("upstream data pipelines", "feature stores"),
    ON_CALL: ("incidents", "paging", "post-mortems"),
}
ROLES = tuple(OWNS)


class Ticket(NamedTuple):
    """One ticket of the lab's week: what it says, when it comes, who sees it first, whose it is, hours of work."""

    says: str
    arrives: int
    noticed_by: str
    role: str
    hours: float


TICKETS = (
    Ticket("amounts × 100", 10, ON_CALL, DATA_ENGINEER, 5),
    Ticket("less fraud found", 14, SCIENTIST, SCIENTIST, 4),
    Ticket("training stops", 27, ON_CALL, ML_ENGINEER, 3),
    Ticket("feature missing", 33, SCIENTIST, DATA_ENGINEER, 4),
    Ticket("API slow", 39, ON_CALL, ML_ENGINEER, 4),
    Ticket("registry disk full", 50, ON_CALL, PLATFORM, 2),
    Ticket("build red", 59, ML_ENGINEER, PLATFORM, 2),
    Ticket("key column empty", 61, SCIENTIST, DATA_ENGINEER, 5),
    Ticket("no post-mortem", 81, ML_ENGINEER, ON_CALL, 3),
    Ticket("features drift", 94, PLATFORM, SCIENTIST, 5),
    Ticket("pager rings twice", 100, ON_CALL, ON_CALL, 1),
    Ticket("live scores differ", 107, PLATFORM, ML_ENGINEER, 4),
)

SIZES = (3, 5, 10, 20, 40, 80, 150, 300)
ACCOUNTABLE = ("the role in the table", "whoever is on call", "whoever notices it", "two: role and on call", "nobody")
WORKERS = ("the role that knows it", "the accountable", "whoever is on call")

#: The assumptions, in hours (FIELD is a factor): a ticket of another field takes so many times as long, a ticket
#: that is nobody's lies until somebody asks, and two accountables need so long to agree on who does it.
FIELD, ORPHAN_LIES, TWO_AGREE = 2.5, 48, 6
DAY_BEGINS, DAY_ENDS = 9, 17
#: The pictures' axes in hours, the same for each rule and size, so that two of them can be compared.
LONGEST, LONGEST_MEDIAN = 122, 80


def ml_people(people: int) -> int:
    """Return how many of an organisation's people work on its models: about one in seven, at least one."""
    return max(1, round(people * 0.15))


def team_of(people: int) -> list[tuple[str, ...]]:
    """Return the roles of each person who works on models: five on one head, then split, then several to a role.

    >>> team_of(3) == [ROLES]
    True
    >>> [len(roles) for roles in team_of(10)]
    [2, 3]
    """
    few = {
        1: [ROLES],
        2: [(SCIENTIST, DATA_ENGINEER), (ML_ENGINEER, PLATFORM, ON_CALL)],
        3: [(SCIENTIST,), (ML_ENGINEER, DATA_ENGINEER), (PLATFORM, ON_CALL)],
        4: [(SCIENTIST,), (ML_ENGINEER,), (DATA_ENGINEER,), (PLATFORM, ON_CALL)],
    }
    count = ml_people(people)
    return few.get(count) or [(ROLES[person % len(ROLES)],) for person in range(count)]


def handoff_hours(people: int) -> float:
    """Return how long a ticket lies between two people: a quarter of an hour, and more with each colleague."""
    return 0.25 + 0.1 * (ml_people(people) - 1)


def simulate_week(people: int, accountable: str, work: str) -> pd.DataFrame:
    """Send the twelve tickets through an organisation; one row a ticket, in the order of their coming.

    Columns: ticket (words), arrives and mitigated (hour of the week), hours (between the two), role (that knows it),
    accountables (how many people answer for it), handoffs (how often it changes hands until whoever answers for it
    knows that it is done), orphaned (whether it lay with nobody). `attrs` holds people, ml_people (how many of them
    work on models), accountable and work (the rule), busiest (hours of work of the busiest person), only_one (most
    tickets that nobody knows when one person is ill) and hours_by_size (median hours to mitigate for each of SIZES
    under the same rule).

    Raises ValueError for a rule that is none of ACCOUNTABLE or WORKERS.

    >>> int(simulate_week(3, "nobody", "the accountable")["orphaned"].sum())
    0
    """
    if accountable not in ACCOUNTABLE or work not in WORKERS:
        raise ValueError(f"accountable is one of {ACCOUNTABLE}, work one of {WORKERS}; got {accountable!r}, {work!r}")
    rows, attrs = _week(people, accountable, work)
    table = pd.DataFrame(rows)
    table.attrs |= attrs | {"accountable": accountable, "work": work}
    table.attrs["hours_by_size"] = {
        size: float(np.median([row["hours"] for row in _week(size, accountable, work)[0]])) for size in SIZES
    }
    return table


class _Calendar:
    """Who has been given how much, and when each is free.

    Whoever is on call works at any hour, the others from nine to five on weekdays.
    """

    def __init__(self, team: Sequence[tuple[str, ...]]) -> None:
        self.team = team
        self.given = [0] * len(team)
        self.free_at = [0.0] * len(team)
        self.busy = [0.0] * len(team)
        self.on_call = next(person for person, roles in enumerate(team) if ON_CALL in roles)

    def holder(self, role: str) -> int:
        """Return the person of a role who has been given least."""
        if role == ON_CALL:
            return self.on_call
        return min((p for p, roles in enumerate(self.team) if role in roles), key=lambda p: self.given[p])

    def present(self, person: int, hour: float) -> float:
        """Return the first hour from `hour` on at which the person is at work."""
        if person == self.on_call:
            return hour
        day, of_day = divmod(hour, 24)
        if of_day >= DAY_ENDS:
            day, of_day = day + 1, DAY_BEGINS
        of_day = max(of_day, DAY_BEGINS)
        if day % 7 >= 5:
            day, of_day = day + 7 - day % 7, DAY_BEGINS
        return day * 24 + of_day

    def works(self, person: int, hour: float, hours: float) -> float:
        """Let the person work so many hours from `hour` on, when free; return when it is done."""
        now, left = self.present(person, max(hour, self.free_at[person])), hours
        while person != self.on_call and left > (today := DAY_ENDS - now % 24):
            left -= today
            now = self.present(person, now + today)
        self.free_at[person] = now + left
        self.busy[person] += hours
        return now + left


def _week(people: int, accountable: str, work: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of `simulate_week` and what is to be said of the people."""
    calendar = _Calendar(team_of(people))
    pause = handoff_hours(people)
    rows, jobs = [], []
    for ticket in TICKETS:
        sees = calendar.holder(ticket.noticed_by)
        knows = sees if ticket.role in calendar.team[sees] else calendar.holder(ticket.role)
        on_call = calendar.on_call
        answers = {
            "the role in the table": [knows],
            "whoever is on call": [on_call],
            "whoever notices it": [sees],
            "two: role and on call": [on_call, knows],
            "nobody": [sees] if knows == sees else [],
        }[accountable]
        does = {
            "the role that knows it": knows,
            "the accountable": answers[-1] if answers else knows,
            "whoever is on call": on_call,
        }[work]
        calendar.given[does] += 1
        path = [sees, *answers, does]
        lies = 0 if answers else ORPHAN_LIES
        agree = TWO_AGREE if len(set(answers)) > 1 else 0
        ready = float(ticket.arrives + lies + agree)
        for before, after in pairwise(path):
            if before != after:
                ready = calendar.present(after, ready + pause)
        jobs.append((ready, len(rows), does, ticket.hours * (1 if ticket.role in calendar.team[does] else FIELD)))
        rows.append(
            {
                "ticket": ticket.says,
                "arrives": ticket.arrives,
                "mitigated": 0.0,
                "hours": 0.0,
                "role": ticket.role,
                "accountables": len(set(answers)),
                "handoffs": sum(before != after for before, after in pairwise([*path, *answers[-1:]])),
                "orphaned": not answers,
            }
        )
    for ready, place, does, hours in sorted(jobs):
        row = rows[place]
        row["mitigated"] = calendar.works(does, ready, hours)
        row["hours"] = row["mitigated"] - row["arrives"]
    others = [{role for other in calendar.team if other is not roles for role in other} for roles in calendar.team]
    lost = [sum(ticket.role not in held for ticket in TICKETS) for held in others]
    attrs = {"people": people, "ml_people": len(calendar.team), "busiest": max(calendar.busy), "only_one": max(lost)}
    return rows, attrs


def describe_week(table: pd.DataFrame, guess: float | None = None) -> str:
    """Say how many tickets are orphaned or answered for twice, and what the rule costs in hours and handovers."""
    attrs = table.attrs
    orphaned, twice = int(table["orphaned"].sum()), int((table["accountables"] > 1).sum())
    handoffs, ill = int(table["handoffs"].sum()), attrs["only_one"]
    text = (
        f"{attrs['people']} people, {attrs['ml_people']} of them on models. Accountable: {attrs['accountable']}; the "
        f"work is done by {attrs['work']}. Of {len(table)} tickets {orphaned} are orphaned and {twice} have two "
        f"accountables; they change hands {handoffs} times. The harm of half of them is stopped within "
        f"{table['hours'].median():.1f} hours. The busiest person works {attrs['busiest']:.0f} hours on them; with one "
        f"person ill, {'somebody still knows each' if not ill else f'nobody knows {ill}'} of them."
    )
    if guess is not None:
        if attrs["accountable"] == "nobody":
            text += f" You guessed that {guess:g} would be orphaned among 40 people."
        else:
            text += f" You guessed {guess:g} orphans for the rule that names nobody."
    return text


def draw_week(table: pd.DataFrame, guess: float | None = None) -> Any:
    """Draw the hours of each ticket, and the median hours of organisations of all sizes under the same rule."""
    figure, (left, right) = new_figure(width=7.2, height=4.1, columns=2)
    figure.set_layout_engine(None)  # the margins are known, and measuring them takes half of the redraw
    left.set_position((0.19, 0.185, 0.51, 0.735))
    right.set_position((0.785, 0.185, 0.2, 0.735))
    places = np.arange(len(table))[::-1]
    bars: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for place, row in zip(places, table.itertuples(), strict=True):
        colour, hatch, word = BLUE, "", ""
        if row.orphaned:
            colour, hatch, word = VERMILLION, "////", "orphan "
        elif row.accountables > 1:
            colour, hatch, word = ORANGE, "....", "two "
        bars.setdefault((colour, hatch), []).append((0, place, row.hours))
        label_line(left, row.hours, place, f"{word}{row.hours:.0f} h", fontsize=8)
    for (colour, hatch), rows in bars.items():
        draw_bars(left, rows, colour, hatch, height=0.62)
    # Names as texts: ticks with labels would take a third of the redraw.
    left.set_yticks([])
    for place, says in zip(places, table["ticket"], strict=True):
        label_line(left, 0, place, says, xytext=(-6, 0), ha="right")
    left.set(xlim=(0, 1.4 * LONGEST), ylim=(-0.9, len(table) - 0.1))
    left.set_xticks(range(0, LONGEST + 1, 48))
    left.set_xlabel("hours until the harm is stopped", loc="left")
    orphaned, twice = int(table["orphaned"].sum()), int((table["accountables"] > 1).sum())
    title_axes(left, f"{orphaned} orphaned, {twice} with two, {int(table['handoffs'].sum())} handovers")
    medians = table.attrs["hours_by_size"]
    here = SIZES.index(table.attrs["people"])
    right.plot(list(medians.values()), "-o", color=FAINT, markersize=3)
    right.plot(here, table["hours"].median(), "o", color=BLUE, markersize=7)
    right.set_xticks(range(0, len(SIZES), 2), [str(size) for size in SIZES[::2]])
    right.set_yticks(range(0, LONGEST_MEDIAN, 24))
    right.set(ylim=(0, LONGEST_MEDIAN), xlabel="people (● here)")
    title_axes(right, "Median hours")
    if guess is not None:
        known = f", here {orphaned}" if table.attrs["accountable"] == "nobody" else ""
        text = f"◆ your guess: {guess:g} orphaned if nobody is named{known}"
        figure.text(0.19, 0.02, text, fontsize=9, color=ink_of(PURPLE))
    return figure


def accountable_quiz() -> Quiz:
    """Return the quiz about the lasting fix: it is here, so that its cell does not print the answer."""
    return Quiz(
        "At 3 a.m. whoever is on call switches an empty feature off. Who is accountable for the lasting fix upstream?",
        right={"the data engineer": "Upstream data is hers; on call stopped the harm."},
        wrong={
            "whoever was on call": "Then the most tired person owns every cause.",
            "both of them": "Two accountables: each may think that the other has it.",
            "whoever wrote the faulty line": "People leave. Areas have owners.",
        },
    )


class OwnershipLab(Lab):
    """An organisation, a rule of who answers for a ticket, a rule of who does the work, and one week."""

    title = "Twelve tickets, one week: whose are they?"
    heads = MappingProxyType(
        {
            "ticket": "Ticket",
            "role": "Role that knows it",
            "arrives": "Arrives (hour of the week)",
            "mitigated": "Harm stopped (hour)",
            "hours": "Hours between",
            "accountables": "Accountable (people)",
            "handoffs": "Handoffs",
            "orphaned": "Orphaned",
        }
    )
    question = Between(0, 12, "orphaned tickets")
    web = movable(people=..., accountable=..., work=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        return {
            "people": widgets.SelectionSlider(
                options=SIZES, value=40, description="people in the organisation", continuous_update=False
            ),
            "accountable": widgets.Dropdown(options=ACCOUNTABLE, value="nobody", description="accountable is"),
            "work": widgets.Dropdown(options=WORKERS, description="the work is done by"),
        }

    simulate = staticmethod(simulate_week)
    describe = staticmethod(describe_week)
    draw = staticmethod(draw_week)


# --- Tickets and teams for the exercise ------------------------------------------------------------------------------

_NAMES = ("Ada", "Bo", "Cem", "Dara", "Eve", "Finn", "Gia", "Hugo", "Ines", "Jan", "Kim", "Lea", "Mo", "Nia", "Ole")
#: What tickets are about that no role of the table owns.
STRAYS = ("licence costs", "the office network", "a press question", "the data of a company we bought")


def sample_team(seed: int, people: int, unheld: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return a team: for each person the list of roles she holds, at least one; nobody holds an `unheld` role.

    Every other role is held by somebody. The same arguments give the same team.

    Raises ValueError when no role is left to hold, or nobody to hold one.

    >>> sorted(role for roles in sample_team(1, people=2).values() for role in roles) == sorted(ROLES)
    True
    """
    held = [role for role in ROLES if role not in unheld]
    if people < 1 or not held:
        raise ValueError(f"a team has one person and one role at least; got people={people}, roles {held}")
    rng = np.random.default_rng(seed)
    names = [f"{_NAMES[i % 15]}{i // 15 or ''}" for i in rng.permutation(people)]
    team: dict[str, list[str]] = {name: [] for name in names}
    for turn, role in enumerate(rng.permutation(held).tolist()):
        team[names[turn % people]].append(role)
    for name in names[len(held) :]:
        team[name].append(str(rng.choice(held)))
    # Somebody may hold another role beside her own.
    for name in names:
        extra = str(rng.choice(held))
        if rng.random() < 0.2 and extra not in team[name]:
            team[name].append(extra)
    return {name: team[name] for name in sorted(names, key=lambda _: rng.random())}


def sample_tickets(seed: int, count: int, strays: int = 0) -> dict[str, str]:
    """Return tickets and the area that each is about; `strays` of them are about something that no role owns.

    >>> tickets = sample_tickets(1, count=3)
    >>> all(area in sum(OWNS.values(), ()) for area in tickets.values())
    True
    """
    rng = np.random.default_rng(seed)
    areas = [str(area) for area in rng.choice([area for owned in OWNS.values() for area in owned], count - strays)]
    areas += [str(area) for area in rng.choice(STRAYS, strays)]
    numbers = rng.choice(np.arange(100, 1000), count, replace=False)
    return {f"T{number}": areas[place] for number, place in zip(numbers, rng.permutation(count), strict=True)}
