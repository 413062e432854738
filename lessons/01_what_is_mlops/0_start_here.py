# %% [markdown]
# # 0. Many models never arrive, and nobody has counted how many
#
# *Lesson 1 of MLOps & Production ML: What Is MLOps and Why It Matters.
# Reading 4 minutes, playing 5 minutes, making 4 minutes.*
#
# After this section you can
# - commit to a guess before you see a figure,
# - find in a table the step at which most is lost.
#
# ## The claim: many never arrive, and what arrives decays unseen
#
# Many models never reach production, the place where somebody relies on their answers.
# Of those that do, many degrade silently and cost money until somebody notices.
# **MLOps is the discipline that addresses both**: it makes models shippable, observable and improvable at a steady pace, as software engineering has been able to do for decades.
#
# This lesson tours why it exists; you need no tool yet, only Python functions, a pandas frame, `fit` and `predict`.
# Its eight sections take about two and a half hours, in three sittings.
#
# ## A month can go wrong in plain sight
#
# Click into the grey cell below, press Shift and Enter, and play the film: 80 seconds, silent, with captions.
# It shows one month of a shop twice as it happened, then once with a check.

# %% role="lab"
from course.labs.what_is_mlops.start_film import start_film

start_film()

# %% [markdown]
# ## You run, predict, make, validate and hand in
#
# - **Run** the cells from the top down; after a break, or when a lab says *model not found*, choose Run > Run All Cells.
# - **Predict** before you look: students who predict first learn from a demonstration, those who only watch hardly do [*crouch2004*].
#   The point is for predicting, not for being right.
#   A key in brackets names a work; this notebook ends with the list.
# - **Make** a small function; the cells below check it, and fail with NotImplementedError until you write something.
#   Each shows a part of its checks; hidden ones use other inputs.
# - **Write**: double-click YOUR ANSWER HERE, replace it, press Shift and Enter.
# - **Validate**, in the toolbar, runs everything and says what fails.
#   Its *Your notebook passes all the tests* means the visible ones.
# - **Hand in** with `course submit` in a terminal, or on a hub with *Submit* in the assignment list; the latest counts.
# - **Go further** if you like, for no points; **skip** a section whose *Make* you pass at once.

# %%
import numpy as np
import pandas as pd
from course.labs.what_is_mlops.funnel import FIVE_BARS, notebook_funnel
from course.predict import check_prediction

# %% [markdown]
# ## One gap has been measured: can anyone run it again?
#
# Samuel and Mietchen found 27,271 notebooks of published biomedical articles, and tried to run them again [*samuel2024*].
# A notebook reaches a step only if it passed those before:
#
# 1. it is *in Python*;
# 2. its *dependencies are declared*: it says which packages it needs;
# 3. they are *installable*;
# 4. it *ran through* without an error;
# 5. it gave the *same results* as in the article.
#
# What percentage of all 27,271 reaches each step?

# %% role="answer" grade_id="start-prediction" stub="prediction = ...  # five percents, such as [100, 90, 80, 70, 60]"
prediction = [85, 60, 45, 20, 10]

# %% role="tests" grade_id="start-prediction-kind" points=1
check_prediction(prediction, FIVE_BARS)  # NameError? Run the cells above.

# %% [markdown]
# Now run it, and move the slider one bar at a time.
# Before each move say it: is your next guess too high, or too low?

# %% role="lab"
from course.labs.what_is_mlops.funnel import FunnelLab

lab = FunnelLab(prediction)  # NameError? Run the cell `prediction = ...` first.
lab

# %% [markdown]
# ## A measured figure answers one question and no other
#
# **Which question does this funnel answer, and which does it leave open?**
#
# <details><summary>An answer</summary>
#
# It says whether anybody can run the notebook of a published article again.
# It does not say how many models reach production: these notebooks were never meant to.
#
# </details>
#
# %% [markdown]
# ## Five famous figures answer four questions
#
# "Most models never reach production" is usually said with one of these.
#
# | Said | Where it comes from | What it really counts |
# |---|---|---|
# | 87 % | VentureBeat, July 2019, conference report (press, not a study) | a panellist's remark about data-science projects; no sample, no method |
# | 85 % | Gartner, press release, February 2018 | a forecast: AI projects that *through 2022* would "deliver erroneous outcomes" through bias in data, algorithms or teams |
# | 53 % | Gartner, press release, October 2020 | projects that go from prototype to production |
# | 54 % | Gartner, survey, August 2022 | the same question, two years later |
# | 78 % | Dimensional Research for Alegion, 2019 | AI and ML projects of those asked that stall *at some stage* before deployment |
#
# Ask of each figure: **who counted what, and when?**

# %% role="lab"
from course.labs.what_is_mlops.funnel import retelling_quiz

retelling_quiz()

# %% [markdown]
# ## Make: find the step that loses the largest share (4 minutes, easy)
#
# Late in a funnel few are left to lose: the longest missing piece of bar need not be the worst step.
# The loss at a step is the share of those that reached the step before and do not reach this one.
# Here is the lab's table.

# %%
funnel = notebook_funnel()
print(funnel)

# %% [markdown]
# <details><summary>Hint: one share by hand</summary>
#
# Of 10,388 notebooks that could be installed, 1,203 ran through.
# Lost are those that are missing, as a share of those that came: 88 %.
#
# </details>
#
# <details><summary>More help: all shares at once</summary>
#
# <code>.shift()</code> moves a column down by one row, so that each row has its neighbour from above beside it.
# A plain loop over pairs of neighbours does as well.
#
# </details>

# %% role="answer" grade_id="start-worst-step"
def worst_step(funnel):
    """Return the name of the step at which the largest share is lost.

    `funnel` is a frame with a row for each step, in order, and the index 0, 1, 2, …:
    `step` is its name, `remaining` how many reach it, never more than in the row
    before. The first step loses nothing. Where the row before is 0, the step loses
    nothing either. One step always loses a larger share than every other.

    Example: worst_step(notebook_funnel()) returns "ran through".
    """
    ### BEGIN SOLUTION
    left = funnel["remaining"].to_numpy()
    lost = (left[:-1] - left[1:]) / np.maximum(left[:-1], 1)
    return funnel["step"].iloc[1 + lost.argmax()]
    ### END SOLUTION

# %% role="tests" grade_id="start-worst-step-by-share" points=3 hint="Compare what is lost at a step with what reached the step before it, not with the first row; and return the step that was not reached."
named = worst_step(notebook_funnel())
assert named == "ran through", f"expected the name 'ran through', got {named!r}"
steps, left = ["seen", "chosen", "paid", "kept"], [1000, 500, 75, 60]
named = worst_step(pd.DataFrame({"step": steps, "remaining": left}))
assert named == "paid", f"{left}: 'paid' loses 85 %; expected it, got {named!r}"
print("Passed: the visible checks.")
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

# %% role="tests" grade_id="start-worst-step-empty" points=2 hint="Where nobody arrives, there is nobody to lose: such a step loses nothing, and dividing by nobody must not stop you."
dry = pd.DataFrame({"step": ["asked", "answered", "agreed"], "remaining": [50, 30, 0]})
named = worst_step(dry)
assert named == "agreed", f"50, 30, 0: 'agreed' loses all; expected it, got {named!r}"
print("Passed: the visible checks.")
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
# Answer in one kind sentence, aloud: what the figure counts, and what may be said instead.

# %% [markdown]
# ## Go further: the same question, another denominator (4 minutes, no points)
#
# Pimentel and others tried the same with about 1.4 million notebooks.
# Of those that could be tried, 24 % ran without an error and 4 % gave the same results [*pimentel2019*].
#
# **Set that beside the bars of the lab. Whom do you believe?**
#
# <details><summary>An answer</summary>
#
# Both, for they looked at other notebooks.
# And they divide by another number: the bars are shares of all that were found, these are shares of those that could be tried.
# For the record, *samuel2024* counted 27,271 found; 22,578 in Python; 15,817 with declared dependencies; 10,388 installable; 1,203 that ran through; 879 with the same results.
# Divide the last two by those that were installable, and the two studies can be compared.
#
# </details>
#
# **Somebody takes the average of the five famous figures. What does it say?**
#
# <details><summary>An answer</summary>
#
# Nothing.
# A remark, a forecast, surveys of arrivals and a survey of delays have no common unit.
# The average looks exact and means nothing.
#
# </details>
#
# ## Go further: the works that the eight notebooks cite
#
# <details><summary>The list, by key</summary>
#
# - *acs*: US Census, American Community Survey, Massachusetts employment, as packaged by NannyML 0.13 (Apache-2.0); measured for this course.
# - *baylor2017*: Baylor and others, "TFX", KDD 2017.
# - *bouthillier2021*: Bouthillier and others, "Accounting for variance in machine learning benchmarks", MLSys 2021.
# - *crouch2004*: Crouch, Fagen, Callan, Mazur, "Classroom demonstrations: learning tools or entertainment?", American Journal of Physics 72, 2004.
# - *henderson2018*: Henderson and others, "Deep reinforcement learning that matters", AAAI 2018.
# - *instacart2020*: Fortune, June 2020, on predicting whether an item is in store (press, not a study).
# - *kapoor2023*: Kapoor, Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns 4, 2023.
# - *papasian2020*: Papasian, Underwood, "How ML breaks: a decade of outages for one large ML pipeline", OpML 2020.
# - *pham2020*: Pham and others, "Problems and opportunities in training deep learning software systems: an analysis of variance", ASE 2020.
# - *pimentel2019*: Pimentel, Murta, Braganholo, Freire, "A large-scale study about quality and reproducibility of Jupyter notebooks", MSR 2019.
# - *rabanser2019*: Rabanser, Günnemann, Lipton, "Failing loudly: an empirical study of methods for detecting dataset shift", NeurIPS 2019.
# - *samuel2024*: Samuel, Mietchen, "Computational reproducibility of Jupyter notebooks from biomedical publications", GigaScience 13, 2024.
# - *sculley2015*: Sculley and others, "Hidden technical debt in machine learning systems", NeurIPS 2015.
# - *sec2013*: U.S. SEC, Release 34-70694, October 2013, on Knight Capital.
# - *vela2022*: Vela and others, "Temporal quality degradation in AI models", Scientific Reports 12, 2022.
# - *wong2021*: Wong and others, "External validation of a widely implemented proprietary sepsis prediction model", JAMA Internal Medicine 181, 2021.
# - *zillow2021*: Zillow, shareholder letter, third quarter of 2021.
#
# </details>
