# %% [markdown]
# # 1. Say in one sentence what this section claims
#
# *Reading 4 minutes, playing 3, making 8.*
#
# After this section you can
# - name what the section teaches,
# - do the one thing that the make asks for.
#
# This skeleton holds one cell of every kind.
# Replace each, and run `course build` and `course gate` as you go.

# %%
import random

from course.predict import Between, check_prediction

# %% [markdown]
# ## A sensor that falls silent still fills its column
#
# State the problem first, in 40 to 90 plain words between two code cells.
# A sensor writes one value a minute.
# When it falls silent, somebody upstream writes `None` instead, and everything downstream goes on.
#
# Out of 100 such columns, how many would you expect to have at least one gap in a day?
# Write a number from 0 to 100 in place of the dots.

# %% role="answer" grade_id="gaps-prediction" stub="prediction = ...  # of 100 columns"
prediction = 40

# %% role="tests" grade_id="gaps-prediction-kind" points=1
check_prediction(prediction, Between(0, 100, "columns of 100"))

# %% [markdown]
# Committed? Then go on.
# A lab or a quiz stands in a cell of the role lab: it runs for people, and never in grading.

# %% role="lab"
from course.quiz import Quiz

Quiz(
    "A column holds 3, None and 0. How many values are missing?",
    right={"one": "None stands for no value; 0 is a value like any other."},
    wrong={"two": "0 was measured. Taking it for a gap is the most common mistake here."},
)

# %% [markdown]
# ## Make: find the first gap (8 minutes, easy)
#
# Whoever mends a pipeline asks first: *since when?*
# So the useful answer is a place, and the harmless case needs an answer too.
#
# Given code that students must not change stands in a cell of the role readonly.

# %% role="readonly" grade_id="gaps-sample"
column = [3, None, 5]

# %% [markdown]
# <details><summary>Hint: place and value together</summary>
#
# <code>enumerate</code> gives you both.
#
# </details>

# %% role="answer" grade_id="first-gap"
def first_gap(values):
    """Return the place of the first None in a list, counted from 0, or None when nothing is missing.

    0 and False are values, not gaps.
    """
    ### BEGIN SOLUTION
    for place, value in enumerate(values):
        if value is None:
            return place
    return None
    ### END SOLUTION

# %% role="tests" grade_id="first-gap-is-found" points=2 hint="Several gaps, gaps at either end, and zeros before a gap: the first None is what counts."
assert first_gap(column) == 1, f"{column} has its first gap at place 1, got {first_gap(column)!r}"
### BEGIN HIDDEN TESTS
draw = random.Random(0x5EED5EED5EED5EED5EED5EED5EED5EED)
for _ in range(20):
    values = [draw.choice([0, 1, 2.5]) for _ in range(12)]
    places = sorted(draw.sample(range(12), 3))
    values = [None if place in places else value for place, value in enumerate(values)]
    assert first_gap(values) == places[0], f"{values}: expected {places[0]}, got {first_gap(values)!r}"
### END HIDDEN TESTS

# %% role="tests" grade_id="first-gap-stays-quiet" points=1 hint="A column without a gap is the usual case: empty ones and zeros among them."
assert first_gap([1, 2]) is None, f"[1, 2] has no gap: expected None, got {first_gap([1, 2])!r}"
### BEGIN HIDDEN TESTS
for values in ([], [0, 0], [False], ["", 7]):
    assert first_gap(values) is None, f"{values} has no gap: expected None, got {first_gap(values)!r}"
### END HIDDEN TESTS

# %% [markdown]
# ## Reflect: one sentence for somebody who pays
#
# A written answer is marked by a person.
# What stands in the cell below is the model answer; the release shows YOUR ANSWER HERE instead.

# %% [markdown] role="written" grade_id="gaps-memo" points=2
# The heating bill of March rests on a sensor that fell silent on the ninth, so treat its second half as a guess.

# %% [markdown] role="task" grade_id="gaps-drawing" points=1
# Draw where your own data could have gaps, and add the picture below this cell.

# %% [markdown]
# ## Go further: all the gaps (3 minutes, no points)
#
# What stands here is self-checked: a tests cell without points, all of it visible.

# %% role="answer" grade_id="all-gaps"
def all_gaps(values):
    """Return the places of every None in a list."""
    ### BEGIN SOLUTION
    return [place for place, value in enumerate(values) if value is None]
    ### END SOLUTION

# %% role="tests" grade_id="all-gaps-are-found" points=0
assert all_gaps([None, 4, None]) == [0, 2], f"expected [0, 2], got {all_gaps([None, 4, None])!r}"
