"""Predictions: a guess is committed to before a lab is run; its kind is checked, its rightness never is."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass

from course.errors import in_one_line

NOT_YET = "Commit to a prediction first: replace the ... in the cell above by your guess, and run that cell again."


@dataclass(frozen=True)
class Between:
    """A guess that is a number from `low` to `high`, both included.

    >>> Between(0, 100, "percent").problem(12)
    >>> Between(0, 100, "percent").problem(140)
    'a prediction here is a number from 0 to 100 (percent); yours is 140'
    """

    low: float
    high: float
    unit: str

    def problem(self, guess: object) -> str | None:
        """Say what keeps `guess` from being a prediction of this kind, or return None."""
        wanted = f"a prediction here is a number from {self.low:g} to {self.high:g} ({self.unit}); yours is {guess!r}"
        if isinstance(guess, bool) or not isinstance(guess, numbers.Real) or math.isnan(guess):
            return wanted
        return None if self.low <= guess <= self.high else wanted

    def doubt(self, guess: float) -> str | None:
        """Ask whether a share was meant where a percentage is asked, or return None; 0.4 % is a good guess too.

        Percentage points are a difference, and no share: half a point is asked nothing.

        >>> Between(0, 100, "percent of the orders").doubt(0.95)
        'Your guess is 0.95 %. Did you mean 95 %?'
        >>> Between(0, 100, "percent of the orders").doubt(95)
        >>> Between(0, 100, "percentage points").doubt(0.5)
        """
        if not self.unit.startswith("percent ") or not 0 < guess < 1:
            return None
        return f"Your guess is {guess:g} %. Did you mean {100 * guess:g} %?"


@dataclass(frozen=True)
class Among:
    """A guess that is one of the named choices.

    >>> Among(["code", "data"]).problem("dta")
    "a prediction here is one of 'code', 'data'; yours is 'dta'"
    """

    choices: Sequence[str]

    def problem(self, guess: object) -> str | None:
        """Say what keeps `guess` from being a prediction of this kind, or return None."""
        if isinstance(guess, str) and guess in self.choices:
            return None
        return f"a prediction here is one of {', '.join(map(repr, self.choices))}; yours is {guess!r}"


def check_prediction(guess: object, kind: Between | Among) -> None:
    """Pass, and say so, when `guess` is a prediction of that kind.

    Raises NotImplementedError while it is still `...`, AssertionError when it is of another kind or range; a notebook
    shows one line of either. A guess that passes and looks like a slip gets a question as well.

    >>> check_prediction(40, Between(0, 100, "percent"))
    Passed: your prediction is 40. Now look what happens.
    >>> check_prediction(..., Between(0, 100, "percent"))
    Traceback (most recent call last):
    NotImplementedError: Commit to a prediction first: ...
    """
    if guess is ...:
        raise in_one_line(NotImplementedError(NOT_YET))
    problem = kind.problem(guess)
    if problem is not None:
        raise in_one_line(AssertionError(problem))
    print(f"Passed: your prediction is {guess}. Now look what happens.")
    doubt = kind.doubt(guess) if isinstance(kind, Between) else None
    if doubt is not None:
        print(doubt)
