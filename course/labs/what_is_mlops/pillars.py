"""Five pillars: take one away and the same ninety days go another way.

The story is the fraud model of the course's bank: every card payment asks it. What happens to the bank is the same
in each replay; how long it lasts, and whether notebook 1's questions can be answered, follows from the pillars.
Days, delays and release days are the course's own invention; the story shows which way, not how much.

For the exercise, `simulate_log` writes another kind of book: what the bank's machines and people did, row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np
import pandas as pd

from course.display import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    VERMILLION,
    draw_bars,
    ink_of,
    join_words,
    label_line,
    new_figure,
    title_axes,
)
from course.labs.lab import Lab, movable
from course.predict import Among
from course.quiz import Quiz

PILLARS = ("Reproducibility", "Containerization", "Serving", "CI/CD", "Observability")
LAST_DAY = 90

QUESTIONS = (
    "how data reaches the model",
    "how it is retrained",
    "how predictions are logged and audited",
    "what happens when a bad prediction causes harm",
    "how two engineers reproduce an old result",
)
#: The same in a word, for the picture.
SHORT_QUESTIONS = ("data", "retrain", "log", "harm", "rebuild")

#: The world's part of the story, the same in every replay: what happens, and on which days.
WORLD = {
    "payday rush": (12, 42, 72),
    "a machine dies": (20,),
    "amounts in cents": (26,),
    "version 2": (45, 52),
    "fraud changes": (60,),
}
#: Without CI/CD what is finished waits for the next of these days, two weeks apart.
RELEASE_DAYS = (10, 24, 38, 52, 66, 80)
#: Without Observability the first to notice wrong answers are customers, so many days later.
COMPLAINT_DELAY = 12
#: The days on which somebody needs an answer to each of notebook 1's questions.
ASKED = {4: 28, 1: 34, 2: 70, 3: 80, 5: 85}

HURTS = ("no answer", "wrong answers")


class _Row(NamedTuple):
    day: int
    until: int
    mishap: str
    lane: str
    event: str
    detail: str


def simulate_story(
    reproducibility: bool = True,
    containerization: bool = True,
    serving: bool = True,
    ci_cd: bool = True,
    observability: bool = True,
) -> pd.DataFrame:
    """Replay the ninety days with the pillars that are in place; one row an event, sorted by day.

    Columns: day and until (first and last day, 1 to 90), mishap (what set it off), lane ("no answer", "wrong
    answers", "team", "answered", "unanswered"), event (short) and detail (words), usual_days (how many days it
    lasts with all five pillars; 0: it happens only because one is missing). `attrs["missing"]` names the pillars
    taken away, `attrs["hurt_alone"]` says on how many days customers are hurt when only that pillar is missing
    ("": none of them).

    >>> story = simulate_story(containerization=False)
    >>> story.loc[story["usual_days"] == 0, "event"].tolist()
    ['cannot start', 'two answers', 'question 5']
    """
    here = (reproducibility, containerization, serving, ci_cd, observability)
    whole = _replay(*[True] * 5)
    usual = {(row.day, row.lane, row.event): row.until - row.day + 1 for row in whole}
    rows = sorted(_replay(*here), key=lambda row: row.day)
    table = pd.DataFrame(rows)
    table["usual_days"] = [usual.get((row.day, row.lane, row.event), 0) for row in rows]
    table.attrs["missing"] = [pillar for pillar, there in zip(PILLARS, here, strict=True) if not there]
    table.attrs["hurt_alone"] = {"": len(_hurt(whole))} | {
        pillar: len(_hurt(_replay(*[other != pillar for other in PILLARS]))) for pillar in PILLARS
    }
    return table


def _replay(reproducibility: bool, containerization: bool, serving: bool, ci_cd: bool, observability: bool) -> list:
    """Return the story's rows; every scene follows from the five truth values alone."""
    rows: list[_Row] = []

    def happens(day: int, until: int, mishap: str, lane: str, event: str, detail: str) -> None:
        if day <= min(until, LAST_DAY):
            rows.append(_Row(day, min(until, LAST_DAY), mishap, lane, event, detail))

    def goes_live(ready: int, mishap: str, what: str) -> int:
        live = ready if ci_cd else min(day for day in (*RELEASE_DAYS, LAST_DAY + 1) if day >= ready)
        happens(ready, live - 1, mishap, "team", "fix waits", f"{what} is ready and waits for the next release day")
        return live

    def noticed(onset: int, by_alarm: int) -> int:
        return by_alarm if observability else onset + COMPLAINT_DELAY

    def asked(number: int, answered: bool, good: str, bad: str) -> None:
        lane, detail = ("answered", good) if answered else ("unanswered", bad)
        happens(ASKED[number], ASKED[number], "questions", lane, f"question {number}", detail)

    if not serving:
        for day in WORLD["payday rush"]:
            queue = "payments queue for the only copy of the model, and many time out"
            happens(day, day, "payday rush", "no answer", "time-outs", queue)

    dies, [death] = "a machine dies", WORLD["a machine dies"]
    started = death if containerization else death + 3
    if not containerization:
        stuck = "the new machine cannot start the model, because a library is missing"
        happens(death, started - 1, dies, "team", "cannot start", stuck)
        mended = noticed(started, started + 1) + 1
        skew = "the machine set up by hand has another version of a library, and the same payment gets two answers"
        happens(started, mended - 1, dies, "wrong answers", "two answers", skew)
    if not serving:
        alone = "the only machine is gone, and nothing takes over"
        happens(death, max(death, started - 1), dies, "no answer", "nothing serves", alone)

    cents, [onset] = "amounts in cents", WORLD["amounts in cents"]
    known = noticed(onset, onset)
    if not observability:
        happens(onset, known, cents, "team", "nobody knows", "the first to notice the wrong amounts is a customer")
    live = goes_live(known + 1, cents, "the fix for the amounts")
    blocked = "amounts look a hundred times too high, and honest cards are blocked"
    happens(onset, live - 1, cents, "wrong answers", "cards blocked", blocked)
    asked(4, live <= ASKED[4], "two days after the harm began, it is over", "two days after the harm began, it goes on")

    asked(
        1, serving, "a new app asks the API while its customer waits", "a new app gets its answers as a file, next day"
    )

    trained, released = WORLD["version 2"]
    if not reproducibility:
        luck = (
            "the same training, run again, gives another model, and nobody knows whether version 2 is better or lucky"
        )
        happens(trained, trained, "version 2", "team", "better or lucky?", luck)
    if ci_cd:
        saved = "a test finds two columns swapped in version 2, and it goes live mended, a day later"
        happens(released, released, "version 2", "team", "test stops it", saved)
    else:
        known = noticed(released, released)
        if containerization:
            back, how = known + 1, "version 1 comes back from its package"
        elif reproducibility:
            back, how = known + 2, "version 1 has to be built anew"
        else:
            back, how = goes_live(known + 1, "version 2", "a mended version 2"), "version 1 cannot be had again"
        swapped = f"version 2 is live with two columns swapped, until {how}"
        if how.endswith("again"):
            swapped = f"version 2 is live with two columns swapped, and {how}"
        happens(released, back - 1, "version 2", "wrong answers", "columns swapped", swapped)

    # Fraud changes; chargebacks, its only labels, arrive after the story's end.
    change, [onset] = "fraud changes", WORLD["fraud changes"]
    live = goes_live(onset + 7, change, "the retrained model") if observability else LAST_DAY + 1
    happens(onset, live - 1, change, "wrong answers", "fraud passes", "the new kind of fraud passes unseen")
    asked(2, live <= ASKED[2], "ten days after fraud changed, a retrained model serves", "the old model still serves")

    asked(3, observability, "the log of predictions shows a decision of week 2", "nobody wrote down who decided what")
    gone = "its libraries are gone" if reproducibility else "its data and seeds are gone"
    rebuilt = "the regulator asks for version 1, and rebuilt it answers as it did"
    asked(5, reproducibility and containerization, rebuilt, f"the regulator asks for version 1, and {gone}")
    return rows


def _hurt(rows: Iterable[Any], lanes: Sequence[str] = HURTS) -> set[int]:
    return {day for row in rows if row.lane in lanes for day in range(row.day, row.until + 1)}


def hurt_days(story: pd.DataFrame, lanes: Sequence[str] = HURTS) -> int:
    """Return on how many days some customer got no answer or a wrong one.

    >>> hurt_days(simulate_story())
    8
    """
    return len(_hurt(story.itertuples(index=False), lanes))


def open_questions(story: pd.DataFrame) -> list[int]:
    """Return the numbers of notebook 1's questions that have no answer in this replay.

    >>> open_questions(simulate_story(serving=False))
    [1]
    """
    return sorted(int(event.split()[1]) for event in story.loc[story["lane"] == "unanswered", "event"])


def describe_story(table: pd.DataFrame, guess: str | None = None) -> str:
    """Say who is hurt on how many days, what happens that otherwise would not, and which questions stay open."""
    missing, alone = table.attrs["missing"], table.attrs["hurt_alone"]
    hurt = hurt_days(table)
    wrong, none = (hurt_days(table, [lane]) for lane in HURTS[::-1])
    kinds = f"wrong answers on {wrong}, no answer on {none}"
    if wrong + none > hurt:
        kinds += f", both on {wrong + none - hurt}"
    if not missing:
        return (
            f"All five pillars stand, and customers are still hurt on {hurt} of {LAST_DAY} days ({kinds}); "
            "each of the five questions has its answer. The pillars stop no mishap: they keep it short."
        )
    new: dict[str, str] = {}  # what is told of a thing, by its words: a second fix that waits is no news
    longer = []
    for row in table[~table["lane"].isin(["answered", "unanswered"])].itertuples():
        days = row.until - row.day + 1
        if not row.usual_days:
            new.setdefault(row.event, f"day {row.day}, {row.detail}")
        elif row.usual_days < days:
            longer.append(f"day {row.day}, {row.detail} ({days} days instead of {row.usual_days})")
    told = [*new.values(), *longer]
    told, left = told[:_TOLD], len(told) - _TOLD
    # A sentence an event: what was told before is not said again.
    log = " ".join(f"{event[0].upper() + event[1:] if place else event}." for place, event in enumerate(told))
    more = f" {left} more in the table." if left > 0 else ""
    asked = [f"{number} ({QUESTIONS[number - 1]})" for number in open_questions(table)]
    if len(asked) == 1:
        [row] = table[table["lane"] == "unanswered"].itertuples()
        asked = [f"{asked[0]}; day {row.day}, {row.detail}"]
    instead = ", the same as with all five" if hurt == alone[""] else f" instead of {alone['']}"
    text = (
        f"Without {join_words(missing)}, customers are hurt on {hurt} of {LAST_DAY} days{instead} ({kinds}). "
        f"New in the log: {log}{more} Left without an answer: question{'s' * (len(asked) > 1)} "
        f"{join_words(asked)}."
    )
    if guess is not None and missing == [guess]:
        days = hurt - alone[""]
        text += f" You guessed that no customer would notice: {days or 'no'} more day{'s' * (days != 1)} of harm."
    return text


#: So many events are told in the sentence, those first that happen only because a pillar is missing.
_TOLD = 5
#: Colour, hatch and word of each lane: never colour alone.
_LOOKS = {
    "no answer": (BLUE, "xxxx", "no answer"),
    "wrong answers": (VERMILLION, "////", "wrong"),
    "team": (ORANGE, "....", "team"),
}


def draw_story(table: pd.DataFrame, guess: str | None = None) -> Any:
    """Draw the ninety days, a row a mishap: above what customers get, below what the team does, last the questions.

    The grey part of a bar stands in the replay with all five pillars too.
    """
    figure, [ax] = new_figure(
        width=7.2, height=3.7, margins={"left": 0.165, "right": 0.985, "top": 0.9, "bottom": 0.12}
    )
    places = {name: -row for row, name in enumerate([*WORLD, "questions"])}  # top to bottom
    happens = [(day, places[name] + 0.36) for name, days in WORLD.items() for day in days]
    ax.plot(*zip(*happens, strict=True), "v", color=INK, markersize=5, clip_on=False)
    halves: dict[tuple[float, str], list[Any]] = {}
    bars: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for row in table.itertuples():
        place = places[row.mishap]
        if row.mishap == "questions":
            good = row.lane == "answered"
            mark, colour = ("✓", GREEN) if good else ("✗", VERMILLION)
            number = int(row.event[-1])
            ax.text(row.day, place, f"{number} {mark}", ha="center", va="center", weight="bold", color=ink_of(colour))
            ax.text(row.day, place - 0.3, SHORT_QUESTIONS[number - 1], ha="center", va="center", fontsize=7.5)
            continue
        colour, hatch, _ = _LOOKS[row.lane]
        place += 0.13 if row.lane != "team" else -0.22
        first, days = row.day - 0.5, row.until - row.day + 1
        usual = min(days, row.usual_days)
        if usual:
            bars.setdefault(("#c9ced4", "...."), []).append((first, place, usual))
        if days > usual:
            bars.setdefault((colour, hatch), []).append((first + usual, place, days - usual))
        halves.setdefault((place, row.mishap), []).append(row)
    for (colour, hatch), rows in bars.items():
        draw_bars(ax, rows, colour, hatch, height=0.3)
    for (place, _), rows in halves.items():
        _label_bars(ax, place, rows)
    hurt, usual = hurt_days(table), table.attrs["hurt_alone"][""]
    title_axes(ax, f"Customers hurt on {hurt} of {LAST_DAY} days; with all five pillars on {usual} (grey)", pad=12)
    ax.set(xlim=(0, LAST_DAY + 1), ylim=(-len(WORLD) - 0.5, 0.5))
    ax.set_xlabel("day (▼ happens in every replay)", loc="left")
    if guess is not None:
        days = table.attrs["hurt_alone"][guess] - usual
        known = f": {days or 'no'} more day{'s' * (days != 1)}" if table.attrs["missing"] == [guess] else ""
        text = f"◆ your guess: {guess}{known}"
        ax.text(1, -0.105, text, transform=ax.transAxes, ha="right", va="top", fontsize=9, color=ink_of(PURPLE))
    # Names as texts: ticks with labels would take a third of the redraw.
    ax.set_yticks([])
    for name, place in places.items():
        label_line(ax, 0, place, name, xytext=(-6, 0), ha="right")
    ax.hlines([place - 0.5 for place in places.values()], 0, LAST_DAY + 1, color="#e6e8eb", linewidth=0.8, zorder=0)
    return figure


def _label_bars(ax: Any, place: float, rows: Sequence[Any]) -> None:
    """Say in words what the bars on one line are, where there is room: behind them, else before them."""
    words = dict.fromkeys(f"{_LOOKS[row.lane][2]}: {row.event}" for row in rows)
    text = ", then ".join(words).replace(", then team:", ", then").replace("?, then", "? then")
    first, last = rows[0], max(rows, key=lambda row: row.until)
    if last.until < 62:
        x, side = last.until + 0.5, "left"
    elif first.day > 40:
        x, side = first.day - 0.5, "right"
    else:
        x, side = first.until + 0.5, "left"
    label_line(ax, x, place, text, xytext=(4 if side == "left" else -4, 0), ha=side, fontsize=8)


class PillarsLab(Lab):
    """Five checkboxes, one a pillar; the ninety days are replayed with those that are ticked."""

    title = "Take a pillar away and replay the same ninety days"
    heads = MappingProxyType(
        {
            "name": "Day and event",
            "until": "Until day",
            "mishap": "Set off by",
            "lane": "Kind",
            "detail": "What happens",
            "usual_days": "Days with all five pillars",
        }
    )
    question = Among(PILLARS)
    web = movable(reproducibility=..., containerization=..., serving=..., ci_cd=..., observability=...)

    def make_controls(self) -> dict[str, widgets.Widget]:
        return {
            name: widgets.Checkbox(value=True, description=text, indent=False)
            for name, text in {
                "reproducibility": "Reproducibility: data, code, environment and seeds are pinned",
                "containerization": "Containerization: the model is packaged with its dependencies",
                "serving": "Serving: an API, several copies, one takes over for another",
                "ci_cd": "CI/CD: tests, training and deployment run by themselves",
                "observability": "Observability: predictions are logged, somebody is alarmed",
            }.items()
        }

    simulate = staticmethod(simulate_story)
    describe = staticmethod(describe_story)
    draw = staticmethod(draw_story)

    def numbers(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the story, an event a row, named by its day: the same can happen twice."""
        return super().numbers(table.assign(name="day " + table["day"].astype(str) + ", " + table["event"]))


def symptom_quizzes() -> list[Quiz]:
    """Return four real symptoms from courses with notebooks, each to be sorted into pillars; several may be right."""
    return [
        Quiz(
            "1. A course fetches its set-up from a host. The host's certificate ran out, and no notebook could start. "
            "A pillar that would have helped?",
            right={
                "Observability": "An expiry date is known months ahead. A watch on it tells you before students do.",
                "Serving": "A host that everybody needs at the start is a service: keeping it reachable is its job.",
                "Containerization": "Had the set-up been packaged with the notebooks, no host would have been needed.",
            },
            wrong={
                "CI/CD": "A nightly run would have failed on the day the certificate ran out, and not a day earlier.",
                "Reproducibility": "What was pinned stayed pinned. It was all still there, behind a door nobody could "
                "open.",
            },
        ),
        Quiz(
            "2. A model file of 2023 lies in a repository, and loads under Python 3.7 only. "
            "A pillar that would have helped?",
            right={
                "Reproducibility": "Data, code and weights were kept, and the environment was not written down with "
                "them: three of four.",
                "Containerization": "Packaged with its Python, the model would still run, on machines that know no "
                "3.7.",
            },
            wrong={
                "Serving": "Requests and copies come later: here not even one copy can start.",
                "CI/CD": "A nightly load would have told when it broke. It would not have brought the old Python back.",
                "Observability": "It fails loudly, with an exception, in front of whoever tries. No watch is needed.",
            },
        ),
        Quiz(
            "3. An example imports a module that the version in its own pin no longer has. "
            "A pillar that would have helped?",
            right={
                "CI/CD": "Somebody raised the pin, and nothing ran the example. A test at each change would have.",
            },
            wrong={
                "Reproducibility": "It is perfectly reproducible: everybody gets the same error. Pinned is not tested.",
                "Containerization": "In a container it fails too, the same everywhere.",
                "Serving": "Nobody is being served yet: the example stops at its first line.",
                "Observability": "Readers notice at once. What was missing is a check before the change reached them.",
            },
        ),
        Quiz(
            "4. Of 300 notebooks handed in, 15 were broken. They stopped the grading batch, and the rest waited. "
            "A pillar that would have helped?",
            right={
                "Serving": "One bad request must not take the others down: that is availability, in a batch as well.",
                "CI/CD": "The grading pipeline had never been run on a broken notebook. One in its tests shows this.",
            },
            wrong={
                "Observability": "The batch stopped with an error, and everybody knew at once.",
                "Reproducibility": "Run it again and the same 15 stop it again.",
                "Containerization": "A package would carry the broken notebooks along. A wall between them is what "
                "keeps 285 going, and that is availability.",
            },
        ),
    ]


# --- A log for the exercise ----------------------------------------------------------------------------------------


def outcomes_by_item(log: pd.DataFrame, event: str) -> dict[str, set[str]]:
    """Return, for each item with such an event, the set of its outcomes.

    >>> log = pd.DataFrame([(3, "started", "package 1", "m1", "ok"), (4, "started", "package 1", "m2", "ok")],
    ...                    columns=["day", "event", "item", "machine", "outcome"])
    >>> outcomes_by_item(log, "started")
    {'package 1': {'ok'}}
    """
    rows = log[log["event"] == event]
    found: dict[str, set[str]] = {}
    for item, outcome in zip(rows["item"].tolist(), rows["outcome"].tolist(), strict=True):
        found.setdefault(item, set()).add(outcome)
    return found


def first_days(log: pd.DataFrame, event: str) -> dict[str, int]:
    """Return, for each item with such an event, the first day on which it had one.

    >>> log = pd.DataFrame([(9, "alert", "trouble 1", "", ""), (4, "alert", "trouble 1", "", "")],
    ...                    columns=["day", "event", "item", "machine", "outcome"])
    >>> first_days(log, "alert")
    {'trouble 1': 4}
    """
    rows = log[log["event"] == event]
    found: dict[str, int] = {}
    for item, day in zip(rows["item"].tolist(), rows["day"].tolist(), strict=True):
        found[item] = min(day, found.get(item, day))
    return found


def simulate_log(seed: int, broken: str | None = None, look_alikes: Sequence[str] = PILLARS) -> pd.DataFrame:
    """Return the log of ninety days in which the promise of one pillar is broken, or of none.

    Columns: day (1 to 90), event ("built", "started", "asked", "ready", "live", "stopped", "alert", "complaint"),
    item (what it happened to), machine and outcome (text, "" where there is none). `look_alikes` names the pillars
    around which things go wrong that break no promise. The same arguments give the same log.

    Raises ValueError when `broken` or one of `look_alikes` is no pillar.

    >>> simulate_log(1).equals(simulate_log(1))
    True
    """
    for name in (*look_alikes, *([] if broken is None else [broken])):
        if name not in PILLARS:
            raise ValueError(f"the pillars are {join_words(PILLARS)}; there is no {name!r}")
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, str, str, str, str]] = []
    for pillar, chapter in _CHAPTERS.items():
        # Seeds that follow each other break a promise in each of two ways: no draw of seeds leaves one out.
        way = 1 + seed % 2 if pillar == broken else 0
        rows += chapter(rng, way, pillar in look_alikes)
    # Rows of one day come in any order: the order says nothing.
    table = pd.DataFrame([rows[i] for i in rng.permutation(len(rows))])
    table.columns = ["day", "event", "item", "machine", "outcome"]
    return table.sort_values("day", kind="stable", ignore_index=True)


def _items(rng: np.random.Generator, kind: str, count: int) -> list[str]:
    return [f"{kind} {number}" for number in rng.choice(np.arange(10, 100), count, replace=False)]


def _day(rng: np.random.Generator, last: int = LAST_DAY) -> int:
    return int(rng.integers(1, last + 1))


def _some(rng: np.random.Generator, names: Sequence[str], count: int) -> list[str]:
    return [str(name) for name in rng.choice(names, count, replace=False)]


def _builds(rng: np.random.Generator, broken: int, look_alike: bool) -> list[tuple]:
    """Write recipes that were built; a look-alike is two recipes that give the same fingerprint."""
    recipes = _items(rng, "recipe", 5)
    prints = [f"{number:04x}" for number in rng.choice(1 << 16, 7, replace=False)]
    of_recipe = dict(zip(recipes, prints, strict=False))
    if look_alike:
        of_recipe[recipes[4]] = of_recipe[recipes[3]]
    spoilt = recipes[: int(rng.integers(1, 3))] if broken else []
    rows = []
    for place, recipe in enumerate(recipes):
        times = int(rng.integers(2, 4)) if place < 2 else int(rng.integers(1, 4))
        for turn in range(times):
            other = recipe in spoilt and turn == times - 1
            result = prints[5 + place] if other else of_recipe[recipe]
            rows.append((_day(rng), "built", recipe, _some(rng, ["m1", "m2", "laptop"], 1)[0], result))
    return rows


def _starts(rng: np.random.Generator, broken: int, look_alike: bool) -> list[tuple]:
    """Write packages that were started on machines; a look-alike is a package that fails on all of them."""
    packages = _items(rng, "package", 6)
    bugs = packages[1 : 1 + int(rng.integers(1, 4))] if look_alike else []
    rows = []
    for package in packages:
        machines = _some(rng, ["m1", "m2", "m3", "m4"], int(rng.integers(2, 5)))
        failing = len(machines) if package in bugs else 0
        if broken and package == packages[0]:
            failing = int(rng.integers(1, len(machines)))
        rows += [
            (_day(rng), "started", package, machine, "failed" if turn < failing else "ok")
            for turn, machine in enumerate(machines)
        ]
    return rows


def _requests(rng: np.random.Generator, broken: int, look_alike: bool) -> list[tuple]:
    """Write payments that asked; a look-alike is one copy too late, and another in time. Broken: one asked, or more."""
    payments = _items(rng, "payment", 8)
    slow = payments[1 : 1 + int(rng.integers(1, 5))] if look_alike else []
    rows = []
    for payment in payments:
        day, late, in_time = _day(rng), 0, int(rng.integers(1, 3))
        if payment in slow:
            late, in_time = int(rng.integers(1, 3)), 1
        if broken and payment == payments[0]:
            late, in_time = 1 if broken == 1 else int(rng.integers(2, 4)), 0
        copies = _some(rng, ["m1", "m2", "m3", "m4"], late + in_time)
        rows += [
            (day, "asked", payment, copy, "too late" if turn < late else "in time") for turn, copy in enumerate(copies)
        ]
    return rows


def _changes(rng: np.random.Generator, broken: int, look_alike: bool) -> list[tuple]:
    """Write changes that were ready; look-alikes: stopped by a test, three days of waiting, still open at the end."""
    names = iter(_items(rng, "change", 16))
    rows = []

    def wrote(ready: int, end: str, wait: int | None) -> None:
        change = next(names)
        rows.append((ready, "ready", change, "", ""))
        if wait is not None:
            rows.append((ready + wait, end, change, "", ""))

    ordinary = int(rng.integers(3, 7))
    if broken:
        ordinary -= 1
        if broken == 1:
            wrote(int(rng.choice([LAST_DAY - 3, LAST_DAY - 3, 20, 61])), "live", None)
        elif rng.random() < 0.5:
            wrote(_day(rng, 70), "live", int(rng.choice([4, 4, 5, 9, 18])))
        else:
            wrote(_day(rng, 70), "stopped", int(rng.choice([4, 4, 6, 11])))
    for _ in range(ordinary):
        wrote(_day(rng, 80), "live", int(rng.integers(0, 3)))
    if look_alike:
        wrote(_day(rng, LAST_DAY - 3), "live", 3)
        for _ in range(int(rng.integers(1, 4))):
            wrote(_day(rng, 80), "stopped", int(rng.integers(0, 4)))
        for _ in range(int(rng.integers(1, 4))):
            wrote(int(rng.integers(LAST_DAY - 2, LAST_DAY + 1)), "live", None)
    return rows


def _troubles(rng: np.random.Generator, broken: int, look_alike: bool) -> list[tuple]:
    """Write alerts and complaints; look-alikes: a complaint after the alert or on its day, and alerts that repeat."""
    names = iter(_items(rng, "trouble", 16))
    rows = []

    def wrote(alerts: Sequence[int], complaints: Sequence[int]) -> None:
        trouble = next(names)
        rows.extend((day, "alert", trouble, "", "") for day in alerts)
        rows.extend((day, "complaint", trouble, "", "") for day in complaints)

    for _ in range(int(rng.integers(1, 5))):
        wrote([_day(rng)], [])
    ordinary = int(rng.integers(2, 5))
    if broken:
        ordinary -= 1
        day = _day(rng, 60)
        alerts = [] if broken == 1 else [day + int(rng.choice([1, 1, 3, 10]))]
        wrote(alerts, [day, *([day + 5] if rng.random() < 0.5 else [])])
    for _ in range(ordinary):
        day = _day(rng, 70)
        wrote([day], [day + int(rng.integers(2, 15))])
    if look_alike:
        day, later = _day(rng, 70), _day(rng, 60)
        wrote([day], [day])
        wrote([later, later + int(rng.integers(9, 20))], [later + 2, later + int(rng.integers(3, 9))])
    return rows


_CHAPTERS = dict(zip(PILLARS, (_builds, _starts, _requests, _changes, _troubles), strict=True))
