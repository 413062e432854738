"""When a submission was handed in: what it claims is believed as far as what is known of it allows."""

from __future__ import annotations

import datetime

#: A submission takes a while to arrive; a stamp from the beginning of that is believed for so long.
COPYING = datetime.timedelta(seconds=30)
#: What nbgrader writes beside a submission: when it was made, and what its feedback is found by.
STAMP, SECRET = "timestamp.txt", "submission_secret.txt"


def honest_time(claimed: datetime.datetime | None, changed: datetime.datetime) -> datetime.datetime:
    """Return the time at which something was handed in, from what it claims and when it was last changed.

    >>> at = datetime.datetime(2027, 2, 1, 12, 0, 20)
    >>> honest_time(at.replace(second=0), at) == at.replace(second=0), honest_time(at.replace(hour=9), at) == at
    (True, True)
    >>> honest_time(at.replace(year=2030), at) == at, honest_time(None, at) == at
    (True, True)
    """
    if claimed is not None and datetime.timedelta(0) <= changed - claimed <= COPYING:
        return claimed
    return changed
