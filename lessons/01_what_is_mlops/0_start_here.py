# %% [markdown]
# # 0. Many models never arrive, and nobody has counted how many
#
# *Lesson 1 of MLOps & Production ML: What Is MLOps and Why It Matters.
# Reading 6 minutes, playing 4 minutes, making 8 minutes.*
#
# After this section you can
# - work with these notebooks,
# - ask of a figure who counted what, and when,
# - find in a table the step at which most is lost.
#
# ## The claim: few arrive, and what arrives decays unseen
#
# Many models never reach production, the place where somebody relies on their answers.
# Of those that do, most degrade silently and cost the business money until somebody notices.
# **MLOps is the discipline that addresses both.**
# It makes models shippable, observable and improvable at a steady cadence, as software engineering has been able to do for decades.
#
# This lesson tours why the discipline exists and which problems it solves.
# You need no tool for it yet: Python functions, a pandas frame, `fit` and `predict` are enough, and every other term is explained where it first occurs.
# Each of the eight sections is a notebook of its own and says its minutes at the top; together they fill a long afternoon, or three evenings.
#
# ## You run, predict, make, validate and hand in
#
# - **Run** a cell with Shift and Enter, from the top down.
# - **Predict** before you look: students who predict first learn from a demonstration, and those who only watch hardly do [*crouch2004*].
#   A prediction earns its point by being made, never by being right.
# - **Make**: you write a small function, and the cells below it check it.
#   They fail with NotImplementedError until you have written something; that is no fault of yours.
#   Each shows a part of what it checks; the rest is kept back, and uses other inputs.
# - **Validate**, in the toolbar, runs the notebook from the top and says what fails.
# - **Hand in** with `course submit` in a terminal, or on a hub with *Submit* in the assignment list; as often as you like, the latest counts.
#
# *Go further*, at the end of a section, earns no points and is as good as the rest.

# %%
import numpy as np
import pandas as pd
from course.labs.what_is_mlops.funnel import FIVE_BARS, notebook_funnel
from course.predict import check_prediction

# %% [markdown]
# ## One gap has been measured: can anyone run it again?
#
# Samuel and Mietchen took the notebooks that belong to published biomedical articles, and tried to run them again [*samuel2024*].
# They found 27,271.
# A notebook goes on to the next step only if it passed the one before:
#
# 1. it is *in Python*;
# 2. its *dependencies are declared*: it says which packages it needs;
# 3. they are *installable*;
# 4. it *ran through* without an error;
# 5. it gave the *same results* as in the article.
#
# What percentage of all 27,271 reaches each step?
# Write five numbers from 0 to 100, none above the one before it.

# %% role="answer" grade_id="start-prediction" stub="prediction = ...  # five percents in square brackets, such as [100, 90, 80, 70, 60]"
prediction = [85, 60, 45, 20, 10]

# %% role="tests" grade_id="start-prediction-kind" points=1
check_prediction(prediction, FIVE_BARS)

# %% [markdown]
# Now run it, and move the slider: it shows one bar more at a time.
# Before each step look at your next guess, and ask whether you still believe it.

# %% role="lab"
from course.labs.what_is_mlops.funnel import FunnelLab

lab = FunnelLab(prediction)  # NameError? Run the cell `prediction = ...` first.
lab

# %% [markdown]
# ## A measured figure answers one question and no other
#
# **1. Which question does this funnel answer, and which does it leave open?**
#
# <details><summary>An answer</summary>
# It says whether anybody can run the notebook of a published article again.
# It does not say how many models reach production: these notebooks were never meant to.
# So it measures another gap than the one this lesson's claim is about.
# </details>
#
# **2. Another team did the same with about 1.4 million notebooks. Of those that could be tried, 24 % ran without an error and 4 % gave the same results [*pimentel2019*]. Set that beside your bars. Whom do you believe?**
#
# <details><summary>An answer</summary>
# Both, for they looked at other notebooks.
# And they divide by another number: your bars are shares of all that were found, theirs of those that could be tried.
# For the record, *samuel2024* counted 27,271 found; 22,578 in Python; 15,817 with declared dependencies; 10,388 installable; 1,203 that ran through; 879 with the same results.
# Divide the last two by those that were installable, and you can compare.
# </details>
#
# **3. You want to mend one step. Is the longest missing piece of bar the right one?**
#
# <details><summary>An answer</summary>
# Not by its length alone.
# Late in a funnel few are left to lose: a step can look harmless and stop nine in ten of those that come.
# Compare what is lost at a step with what arrived there.
# </details>

# %% [markdown]
# ## Five famous figures count five different things
#
# "Most models never reach production" is usually said with a number.
# Here are the numbers that are told and told again, with the place each comes from.
#
# | Said | Where it comes from | What it really counts |
# |---|---|---|
# | 87 % | VentureBeat, July 2019, report of a conference (press, not a study) | a panellist's remark about data-science projects; no sample, no method |
# | 85 % | Gartner, press release, February 2018 | a forecast: 85 % of AI projects *through 2022* would "deliver erroneous outcomes" through bias in data, algorithms or teams |
# | 53 % | Gartner, press release, October 2020 | projects that go from prototype to production |
# | 54 % | Gartner, survey, August 2022 | the same question, two years later |
# | 78 % | Dimensional Research for Alegion, 2019 | AI and ML projects of those asked that stall *at some stage* before deployment |
#
# The funnel above is better evidence than any of them, but of another gap: whether anybody can run a notebook again, not whether a model arrives.
# Read the third column once more before you go on.
# Ask of each figure: **who counted what, and when?**

# %% role="lab"
from course.quiz import Quiz

Quiz(
    "One of the five is often re-told as its opposite. Which?",
    right={"53 %": "It counts projects that do arrive; some re-tellings turn it into projects that fail."},
    wrong={
        "54 %": "It counts projects that arrive as well, two years later. The one re-told as failure is the earlier.",
        "78 %": "It counts projects that stall at some stage, also those that go on later: wide, but not the opposite.",
        "85 %": "It is re-told as something else: a forecast of wrong outcomes became a count of failures.",
        "87 %": "It points the way it is told. What it lacks is a sample: it is one person's remark.",
    },
)

# %% [markdown]
# <details><summary>May we take the average of the five?</summary>
# No.
# A remark, a forecast, a survey of arrivals and a survey of delays have no common unit.
# An average would look exact and mean nothing.
# </details>
#
# <details><summary>What then is left of the claim?</summary>
# Its careful form, which is the one this lesson uses: many never arrive, and nobody has measured how many.
# </details>
#
# ## Make: find the step that loses the largest share (8 minutes, easy)
#
# A funnel is a table with a row for each step, in order, and you will meet them again: orders, sign-ups, models on their way to production.
# The loss at a step is the share of those that reached the step before and do not reach this one.
# Here is the table behind the picture.

# %%
funnel = notebook_funnel()
print(funnel)

# %% role="answer" grade_id="start-worst-step"
def worst_step(funnel):
    """Return the name of the step at which the largest share is lost.

    `funnel` is a frame, one row a step, in order: `step` (text, its name) and
    `remaining` (how many reach it: a whole number, never more than in the row
    before; the first is above 0). The index may be anything: text, out of order,
    one label on several rows. The first row has nothing before it to lose. When
    nobody reaches a step, the steps after it lose nothing. One step always loses
    a larger share than every other.

    Example: worst_step(notebook_funnel()) returns "ran through".
    """
    ### BEGIN SOLUTION
    left = funnel["remaining"].to_numpy()
    lost = (left[:-1] - left[1:]) / np.maximum(left[:-1], 1)
    return funnel["step"].iloc[1 + lost.argmax()]
    ### END SOLUTION

# %% [markdown]
# <details><summary>Hint: one share by hand</summary>
# Of 10,388 notebooks that could be installed, 1,203 ran through.
# Lost are those that are missing, as a share of those that came: 88 %.
# </details>
#
# <details><summary>More help: all shares at once</summary>
# <code>.shift()</code> moves a column down by one row, so that each row has its neighbour from above beside it.
# A plain loop over pairs of neighbours does as well.
# </details>

# %% role="tests" grade_id="start-worst-step-by-share" points=3 hint="Compare what is lost at a step with what reached the step before it, not with the first row; and return the step that was not reached."
assert worst_step(notebook_funnel()) == "ran through", "the notebooks' funnel: expected 'ran through'"
left = [1000, 800, 120, 90]
named = worst_step(pd.DataFrame({"step": ["seen", "chosen", "paid", "kept"], "remaining": left}))
assert named == "paid", f"{left}: 'paid' loses 85 % of those that came; expected it, got {named!r}"
### BEGIN HIDDEN TESTS
for seed in (0xF49AEFD7B7FEB7930958E48021B55539, 0x519C6AAE46B899CACCACD0F141E2DE4A):
    rng = np.random.default_rng(seed)
    for worst in (1, 2, 3, 4, 5):
        kept = rng.uniform(0.6, 0.9, 5)
        kept[0], kept[worst - 1] = rng.uniform(0.5, 0.55), rng.uniform(0.2, 0.3)
        left = [int(100_000 * share) for share in np.cumprod([1, *kept])]
        names = [f"step {letter}" for letter in rng.permutation(list("abcdef"))]
        named = worst_step(pd.DataFrame({"step": names, "remaining": left}))
        assert named == names[worst], f"{left} at {names}: expected {names[worst]!r}, got {named!r}"
tiny = pd.DataFrame({"step": ["three", "one", "none"], "remaining": [3, 1, 0]})
assert worst_step(tiny) == "none", f"3, 1, 0: expected 'none', where all that came are lost, got {worst_step(tiny)!r}"
### END HIDDEN TESTS

# %% role="tests" grade_id="start-worst-step-any-index" points=1 hint="A frame that was filtered or sorted keeps its old index: count rows by their place, not by their label."
named = worst_step(notebook_funnel().set_index(pd.Index(list("fabdec"))))
assert named == "ran through", f"index f, a, b, d, e, c: expected 'ran through', got {named!r}"
### BEGIN HIDDEN TESTS
for seed in (0xC8D6113948437327D80FB94F55220147, 0x8A407DF69DBA1CD01A1B5F3C807229F4):
    rng = np.random.default_rng(seed)
    left = [9000, 8000, 7100, 1500, 1400]
    for labels in (rng.permutation(5), [7, 7, 7, 7, 7], list("vwxyz")):
        table = pd.DataFrame({"step": ["one", "two", "three", "four", "five"], "remaining": left}, index=labels)
        named = worst_step(table)
        assert named == "four", f"{left}, index {list(labels)}: expected 'four', got {named!r}"
### END HIDDEN TESTS

# %% role="tests" grade_id="start-worst-step-empty" points=1 hint="Where nobody arrives, there is nobody to lose: such a step loses nothing, and dividing by nobody must not stop you."
dry = pd.DataFrame({"step": ["asked", "answered", "agreed"], "remaining": [50, 30, 0]})
named = worst_step(dry)
assert named == "agreed", f"50, 30, 0: 'agreed' loses all that came; expected it, got {named!r}"
### BEGIN HIDDEN TESTS
for left, worst in (([80, 0, 0, 0, 0], 1), ([7, 6, 5, 0, 0], 3), ([1, 1, 0, 0, 0], 2), ([640, 600, 500, 450, 0], 4)):
    names = ["start", "red", "green", "blue", "grey"]
    named = worst_step(pd.DataFrame({"step": names, "remaining": left}))
    assert named == names[worst], f"{left}: expected {names[worst]!r}, got {named!r}"
### END HIDDEN TESTS

# %% [markdown]
# ## Reflect: one sentence for somebody who quotes
#
# A colleague opens a talk with *"87 % of models never reach production"*.
# Answer in one sentence, kindly, with what the figure counts and what may be said instead.
# Nobody marks it; say it aloud.
