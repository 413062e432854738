# %% [markdown]
# # 3. What works for software is not enough for a model, in six ways
#
# *Reading 5 minutes, playing 10, making 11.*
#
# After this section you can
# - bet on what a model does where a program stops with an error,
# - train so that the same seed gives the same model, and nobody else's dice are touched,
# - stop a corrupted batch at the door without stopping the good ones.

# %%
import random

import numpy as np
import pandas as pd
from course.labs.what_is_mlops.order_batches import CONTRACT, simulate_batch
from course.labs.what_is_mlops.silent_failure import sample_training_set
from course.predict import Between, check_prediction
from sklearn.ensemble import RandomForestClassifier

# %% [markdown]
# ## Six concerns mean something else once a model is in the program
#
# | Concern | Software | ML |
# |---|---|---|
# | Determinism | deterministic by default | stochastic: the same code can give different results |
# | Testing | unit, integration, end to end | those, and data quality, schema, distribution, fairness, performance |
# | Failure mode | loud: crashes, exceptions | silent degradation: it still answers, wrongly |
# | Source of truth | code + config | code + config + data snapshot + trained weights |
# | "Works on my machine" | containerise, done | that, and pin the data version, the random seeds, the GPU/CPU numerics |
# | Cost of being wrong | the bug shows at once | drift can degrade for weeks unseen |
#
# Each row asks for a practice: silent failure for *monitoring*, four artefacts behind each result for *versioning all four*, stochastic training for *pinned seeds and snapshotted environments*.
#
# A bank has a small program that computes the fee of a card payment, and a model that says whether the payment is fraud.
# In each row both meet trouble, each of its own kind, such as an empty amount: then they give the same answers, other answers, or an error.
#
# In how many of the six rows will the **model** stop with an error?

# %% role="answer" grade_id="rows-prediction" stub="prediction = ...  # rows, 0 to 6"
prediction = 2

# %% role="tests" grade_id="rows-prediction-kind" points=1
stops = Between(0, 6, "rows in which the model stops with an error")
check_prediction(prediction, stops)  # NameError? Run the cells above.

# %% role="lab"
from course.labs.what_is_mlops.six_rows import SixRowsLab

table_lab = SixRowsLab(prediction)  # NameError? Run the cell `prediction = ...` first.
table_lab

# %% [markdown]
# Each row is closed until you bet on it: open all six.
#
# **Which rows gave other answers and fewer wrong ones, and which the same answers and far more wrong ones?**
#
# <details><summary>What you see, and why</summary>
#
# Other answers are not worse answers: trained again, a model may well improve.
# But nobody decided on the change, and "the accuracy went up" does not tell a customer why the card was declined today and not yesterday.
# In the last row the model and the payments look as before, and the world has changed.
# No test of the code can find that.
# Which model it is matters: the forest of row 3 takes gaps, and a logistic regression stops there (*Go further*).
# A *score* is the model's probability of fraud; above one half it says yes.
# (Row 5 starts from another share because it is another model: trees compare numbers, and notice no rounding.)
#
# </details>
#
# Rows 1 and 2 follow; rows 3 to 6 are under *Go further*.
#
# ## Row 1: the same code and the same data can give another model
#
# A small neural network learns to read handwritten digits, thirty times, with the same code from the same pictures, and is judged on the same 270 new ones.
# Training begins with random weights and takes the pictures in random order; the *seed* is the number that these dice start from, and nobody set it.
#
# How many percentage points will lie between the worst and the best of the thirty?

# %% role="answer" grade_id="seed-prediction" stub="seed_prediction = ...  # percentage points, 0 to 100"
seed_prediction = 1

# %% role="tests" grade_id="seed-prediction-kind" points=1
points = Between(0, 100, "percentage points between the worst and the best run")
check_prediction(seed_prediction, points)  # NameError? Run the cells above.

# %% role="lab"
from course.labs.what_is_mlops.determinism import DeterminismLab

chance_lab = DeterminismLab(seed_prediction)  # NameError? Run `seed_prediction = ...`.
chance_lab

# %% [markdown]
# Every dot is one training on your machine; thirty take some seconds at first.
#
# **Thirty runs of the network, then pin the seed. Which of these numbers would you report?**
#
# <details><summary>What you see, and why</summary>
#
# Pinned, all runs agree, and it is tempting to call that one number the accuracy.
# It is one draw: a pinned seed makes chance repeatable, not smaller.
# Report how far the runs spread.
# In a study of deep learning, identical runs differed by up to 10.8 % accuracy, and by up to 2.9 % through the implementation alone, every seed pinned; of 901 people asked, 83.8 % did not know of this level or were unsure [*pham2020*].
#
# </details>
#
# ## Make: the same seed, the same model, and nobody else's dice touched (5 minutes, medium)
#
# A colleague's training, below, throws dice in two places, both times with a global generator that all other code draws from too.
# To set the global seeds inside would make it repeatable, and every other "random" number of the program as well: samples, passwords, A/B groups.
#
# Write `train`: the same steps, but all chance comes from `seed`, and the global generators stay where they were.
#
# <details><summary>Hint: one generator of your own</summary>
#
# <code>rng = np.random.default_rng(seed)</code> is a generator that belongs to you alone.
# <code>rng.permutation(n)</code> gives the numbers from 0 to n − 1 in a random order.
#
# </details>
#
# <details><summary>More help: the forest, and the seed 0</summary>
#
# scikit-learn takes its seed as <code>random_state</code>, a whole number; without one it uses NumPy's global generator.
# Zero is a seed like any other: beware of <code>if seed</code> and of <code>seed or …</code>, which treat it as none.
#
# </details>

# %%
TREES = 15

def train_carelessly(features, labels):
    # chance 1: a quarter of the rows, to judge by
    held_out = random.sample(range(len(labels)), len(labels) // 4)
    learned = np.setdiff1d(np.arange(len(labels)), held_out)
    forest = RandomForestClassifier(TREES)  # chance 2: inside the forest
    return forest.fit(features[learned], labels[learned]), sorted(held_out)

# %% role="answer" grade_id="seed-train"
def train(features, labels, seed):
    """Return a fitted forest of TREES trees, and the rows that it was not shown.

    `features` and `labels` are arrays with one row for each payment. A quarter of
    the rows, rounded down, is held out by chance; returned is a list of them, sorted.
    The same arrays and the same seed (0 to 4,294,967,295) give the same forest and
    list, whatever ran before; another seed gives others. The global generators of
    `random` and `numpy.random` are afterwards where they were.
    """
    ### BEGIN SOLUTION
    held_out = np.random.default_rng(seed).permutation(len(labels))[: len(labels) // 4]
    learned = np.setdiff1d(np.arange(len(labels)), held_out)
    forest = RandomForestClassifier(TREES, random_state=seed).fit(features[learned], labels[learned])
    return forest, sorted(held_out.tolist())
    ### END SOLUTION

# %% role="tests" grade_id="seed-train-obeys" points=3 hint="The same seed twice must give the same rows and the same scores of new payments, whatever ran in between; two seeds must give others. This holds for every seed from 0 on, also for large ones that lie close together."
seen = {}
for start in (0, 8, 0):
    world = sample_training_set(seed=1)
    forest, held_out = train(world.features, world.labels, start)
    found = list(held_out), forest.predict_proba(world.new_features).tolist()
    before = seen.setdefault(start, found)
    assert before[0] == found[0], f"seed {start}, twice: expected the same rows"
    assert before[1] == found[1], f"seed {start}, twice: expected the same scores"
assert seen[0][0] != seen[8][0], "seeds 0 and 8: expected other rows, got the same"
assert seen[0][1] != seen[8][1], "seeds 0 and 8: expected other scores, got the same"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0x075E6E516986D02FDA83E12E62A785D5, 0xB31152A2BDD714899D3FA8D284E100F6):
    drawn = int(np.random.default_rng(seed).integers(2**31))
    seen = {}
    for turn, start in enumerate([0, drawn, 1, drawn, *(drawn + 10**power for power in (0, 1, 3, 5)), drawn + 2**16]):
        world = sample_training_set(seed)
        random.seed(drawn + turn)
        np.random.seed(drawn // 2 + turn)
        forest, held_out = train(world.features, world.labels, start)
        found = list(held_out), forest.predict_proba(world.new_features).tolist()
        before = seen.setdefault(start, found)
        assert before[0] == found[0], f"seed {start}, twice: expected the same rows held out, got others"
        assert before[1] == found[1], f"seed {start}, twice: expected the same scores, got others"
    for place, what in enumerate(("draws of rows", "forests")):
        different = len({str(found[place]) for found in seen.values()})
        assert different == len(seen), f"{len(seen)} seeds: expected {len(seen)} {what}, got {different}"
### END HIDDEN TESTS

# %% role="tests" grade_id="seed-train-leaves-the-dice" points=3 hint="Numbers drawn from numpy.random and from random after a training must be those that would have been drawn without it."
world = sample_training_set(seed=3)
np.random.seed(5)
expected = np.random.random(3)
np.random.seed(5)
train(world.features, world.labels, 7)
drawn = np.random.random(3)
same = np.array_equal(drawn, expected)
assert same, f"np.random was moved: its next draws were {expected}, now {drawn}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0x5A0ED9B4FF0261A15C397E15020DDBB3, 0xDD02140C1D1FAF96FD2991FEF53A8ACF):
    world, start = sample_training_set(seed), int(np.random.default_rng(seed).integers(2**31))
    random.seed(start)
    np.random.seed(start)
    expected = [random.random(), random.random()], np.random.normal(size=5)
    random.seed(start)
    np.random.seed(start)
    train(world.features, world.labels, start)
    drawn = [random.random(), random.random()], np.random.normal(size=5)
    assert drawn[0] == expected[0], "random: expected the draws that follow its seed, got others"
    assert np.array_equal(drawn[1], expected[1]), "numpy.random: expected the draws that follow its seed, got others"
### END HIDDEN TESTS

# %% role="tests" grade_id="seed-train-holds-out" points=2 hint="A quarter of the rows, rounded down, each once and in order, and the forest has not seen them: on labels thrown by a coin it can be right only where it has seen the answer. It must have learned all the others, each with its own label."
world = sample_training_set(seed=4)
forest, held_out = train(world.features, world.labels, 7)
assert isinstance(held_out, list), f"expected a list, got {type(held_out).__name__}"
different = len(set(held_out))
assert different == 60, f"240 rows: expected 60 held out, got {different}"
assert held_out == sorted(held_out), "expected the rows in order, got another order"
right = np.mean(forest.predict(world.new_features) == world.new_labels)
assert right > 0.8, f"new payments: expected over 80 % judged right, got {right:.0%}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0x8BB1F7C192C9A7748C341EAB27E3E330, 0x1AB8F06D83512797D638EB8981F04C71):
    world = sample_training_set(seed)
    coin = np.random.default_rng(seed).integers(0, 2, 239)
    forest, held_out = train(world.features[:239].copy(), coin.copy(), 11)
    assert len(held_out) == len(set(held_out)) == 59, f"239 rows: expected 59 held out, got {len(held_out)}"
    assert held_out == sorted(held_out), "expected the rows held out in order, got another order"
    right = (forest.predict(world.features[:239]) == coin)[held_out].mean()
    assert right < 0.82, f"labels by a coin: expected about half of the rows held out right, got {right:.0%}"
    learned = np.delete(forest.predict(world.features[:239]) == coin, held_out).mean()
    assert learned > 0.82, f"labels by a coin: expected the other rows to be learned, got {learned:.0%} right"
### END HIDDEN TESTS

# %% [markdown]
# ## Row 2: green tests say nothing about today's data
#
# A unit test asks whether the code does what it did; data needs tests of its own, on every batch, in production.
# Here twelve batches of card payments come to the door, eight corrupted and four clean.
# Five checks, one for each word that the table adds, compare them with a month in which all was well.
#
# Two are on; before you switch on another, say which corrupted batch it will find.
# A disc stops rightly, a cross stops for nothing, a dash says that the check cannot run.
# A *wobble* is how far a good batch usually lies from the month, by chance.

# %% role="lab"
from course.labs.what_is_mlops.batch_checks import BatchChecksLab

checks_lab = BatchChecksLab()
checks_lab

# %% [markdown]
# **Switch all five on: does any number of wobbles stop all that is corrupted and nothing that is clean? Then performance alone: what does it find, and when?**
#
# <details><summary>What you see, and why</summary>
#
# None does.
# A clock that is one hour off moves the averages by less than the week before a holiday does.
# How strict to be is a decision about costs: what does a miss cost, what a good batch that waits?
# Performance alone finds a good deal, but it needs labels, and whether a payment was fraud is known weeks later (row 6).
# The other four work on the day itself; of these, at 4 wobbles, only the fairness check finds the south, whose history reads zero.
#
# </details>
#
# ## Make: who may come in? (6 minutes, medium)
#
# The shop's orders come in batches, and the team that sends them has signed a *contract*: what each column will look like.
# Write the doorkeeper: it names the columns that break the contract, and a batch comes in when it names none.
# A miss costs points, and so does a false alarm.
#
# <details><summary>Hint: one column after the other</summary>
#
# Go through <code>contract.items()</code> and start with an empty list.
# First ask whether the column is there and has its type; if not, no other question makes sense.
# Then ask about gaps, range and mean.
#
# </details>
#
# <details><summary>More help: the four questions in pandas</summary>
#
# <code>str(values.dtype)</code> is the type as a word.
# <code>values.isna().mean()</code> is the share that is missing.
# <code>values.dropna()</code> is what is left; <code>.min()</code>, <code>.max()</code> and <code>.mean()</code> tell the rest.
# All limits are still allowed.
#
# </details>

# %%
print(pd.DataFrame(CONTRACT).T, simulate_batch(seed=1).data.head(4), sep="\n\n")

# %% role="answer" grade_id="batch-validate"
def validate(batch, contract):
    """Return the names of the columns that break the contract; [] when all is well.

    Their order is the contract's. `batch` is a frame with at least one row,
    `contract` a dict like CONTRACT. A column keeps its rule if
    - it is there, and its type is `type` (as text: "int64"),
    - the share of its missing values is at most `most_missing`,
    - the others lie from `low` to `high`, and their mean from `mean_low` to
      `mean_high`, limits included.
    Nothing else about the batch matters, and it stays as it was.
    """
    ### BEGIN SOLUTION
    broken = []
    for column, rule in contract.items():
        if column not in batch or str(batch[column].dtype) != rule["type"]:
            broken.append(column)
            continue
        there = batch[column].dropna()
        keeps = (
            batch[column].isna().mean() <= rule["most_missing"]
            and there.between(rule["low"], rule["high"]).all()
            and rule["mean_low"] <= there.mean() <= rule["mean_high"]
        )
        if not keeps:
            broken.append(column)
    return broken
    ### END SOLUTION

# %% role="tests" grade_id="batch-validate-schema" points=3 hint="A column that is not there, or whose type is another one than agreed, breaks the contract: words are no numbers, and decimal numbers are not whole ones."
for what in ("column gone", "numbers as text"):
    batch = simulate_batch(1, what)
    found = validate(batch.data, CONTRACT)
    assert found == batch.broken, f"{what}: expected {batch.broken}, got {found}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
from course.labs.what_is_mlops.order_batches import SCHEMA_FAULTS

for seed in (0x842A924CE0B7D6F48217C17FEBD8AC31, 0xF13765BE8650FD0137699914442F233F):
    for what in SCHEMA_FAULTS * 2:
        seed += 1
        batch = simulate_batch(seed, what)
        found = validate(batch.data, CONTRACT)
        assert found == batch.broken, f"{what}: expected {batch.broken}, got {found}"
### END HIDDEN TESTS

# %% role="tests" grade_id="batch-validate-quality" points=4 hint="Too many gaps in a column break the contract; so does a single value below or above its range, infinity too, and a mean that left the agreement upwards or downwards. When two columns are broken, both are named."
for what in ("gaps", "one value out", "mean moved", "two at once"):
    batch = simulate_batch(2, what)
    found = validate(batch.data, CONTRACT)
    assert found == batch.broken, f"{what}: expected {batch.broken}, got {found}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
from course.labs.what_is_mlops.order_batches import MEAN_FAULTS, QUALITY_FAULTS

for seed in (0x48053163D1E1DEA11AD0ED7D9976E7F5, 0xDECC3407007B791D394C9A001B945252):
    for what in QUALITY_FAULTS * 4 + MEAN_FAULTS * 2:
        seed += 1
        batch = simulate_batch(seed, what)
        found = validate(batch.data, CONTRACT)
        assert found == batch.broken, f"{what}: expected {batch.broken}, got {found}"
### END HIDDEN TESTS

# %% role="tests" grade_id="batch-validate-lets-good-ones-in" points=4 hint="Odd is not broken: other orders, other columns, values at a limit and another contract than the printed one are all allowed; only the contract that is handed over counts, and the batch stays as it was."
for what in ("nothing", "one column more"):
    found = validate(simulate_batch(3, what).data, CONTRACT)
    assert found == [], f"clean ({what}): expected [], got {found}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
from course.labs.what_is_mlops.order_batches import HARMLESS

for seed in (0xF2D0150ABA0B6B037F151218EF5374B5, 0xE2AE7CC0F460CC34B59ED2064813A353):
    for what in HARMLESS:
        seed += 1
        batch, kept = simulate_batch(seed, what).data, simulate_batch(seed, what).data
        found = validate(batch, CONTRACT)
        assert found == [], f"clean ({what}): expected [], got {found}"
        assert batch.equals(kept), f"clean ({what}): expected the batch to stay as it was, it was changed"
    wide = simulate_batch(seed, "mean moved").data
    rules = {"most_missing": 1.0, "low": -np.inf, "high": np.inf, "mean_low": -np.inf, "mean_high": np.inf}
    found = validate(wide, {column: rule | rules for column, rule in CONTRACT.items()})
    assert found == [], f"a contract that allows any number: expected [], got {found}"
    drawn = np.random.default_rng(seed).integers(2, 9, 3).astype(float)
    tight = pd.DataFrame({"speed": [*drawn, drawn.sum() * 5, np.nan, np.nan, np.nan, np.nan]})
    rule = {"type": "float64", "most_missing": 0.5, "low": drawn.min(), "high": drawn.sum() * 5}
    mean = drawn.sum() * 6 / 4
    found = validate(tight, {"speed": rule | {"mean_low": mean, "mean_high": mean}})
    assert found == [], f"gaps, range and mean exactly at their limits: expected [], got {found}"
### END HIDDEN TESTS

# %% [markdown]
# ## Reflect: one sentence for the head of software
#
# She says: *"All tests are green and nothing was deployed this month, so the model cannot have got worse."*
# Answer in one sentence, aloud, with one row and one number that you saw.
#
# ## Go further: every other row is a laboratory too (26 minutes, no points)
#
# Choose the rows that you bet on wrongly.
#
# ### Row 1 once more: not every algorithm throws dice, and a sum needs none to vary
#
# Here is the laboratory of row 1 again.
# Take the logistic regression, thirty runs; then let only the held-out digits differ.
# Set it back to the seed, then take the sum.

# %% role="lab"
chance_lab  # NameError? Run the laboratory of row 1 first.

# %% [markdown]
# <details><summary>What you see, and why</summary>
#
# The logistic regression searches without dice (its method is called lbfgs), and takes a seed only out of politeness.
# Which digits are held out moves it more than the seed moved the network: a fair comparison randomises several sources of chance [*bouthillier2021*].
# A plain sum depends on its order as soon as numbers are rounded, as float32 (seven digits) is: no dice are needed.
#
# </details>
#
# **The random forest, thirty runs, every run compared with every other. Then your model B beats model A by one percentage point, one run each: ship it?**
#
# <details><summary>What you see, and why</summary>
#
# Not yet: two runs of one and the same forest can lie as far apart.
# Henderson and others split ten seeds of one configuration five and five: the two average curves look like two algorithms [*henderson2018*].
# Pinning one seed for both does not help: each is still one draw, and B may like this seed.
# Which digits are held out is chance too, and it matters as much as how training begins [*bouthillier2021*].
# So run both with several seeds and several splits, and ship when the difference is larger than the spread.
#
# </details>
#
# ### Row 3: the model that answers everything is the dangerous one
#
# One of the bank's columns begins to arrive empty: every value is NaN, "not a number".
# It goes into two models that were trained on whole rows.
# Until today both were about equally good.
#
# Look first at what each of them does.
# Then choose `hour`: is every empty column a disaster?
# Then put the filler in front of the loud model.

# %% role="lab"
from course.labs.what_is_mlops.silent_failure import SilentFailureLab

silent_lab = SilentFailureLab()
silent_lab

# %% [markdown]
# <details><summary>What you see, and why</summary>
#
# Loud is a feature: an error at nine is mended at ten, a silent fall is found at the end of the month.
# The gradient boosting was made to cope with gaps; it had seen none, so it sends them down the branch that most payments took.
# Whether that costs anything depends on the column.
# A filler is often the first thing that somebody adds after an error, and it turns the loud model into a silent one.
#
# </details>
#
# ### Make: a silent model made loud (4 minutes, medium)
#
# The gradient boosting of row 3 answers whatever comes.
# `predict_loudly` is a guard in front of it: it knows which share of each column used to be missing, and stops only when clearly more is.
# Clean payments, gaps of the usual size among them, must get exactly the answers of the model.

# %% role="answer" grade_id="rows-predict-loudly"
def predict_loudly(model, payments, usually_missing):
    """Return `model.predict(payments.to_numpy())`, unless a column has too many gaps.

    `payments` is a frame; `usually_missing` gives the usual share of gaps by column.
    When a column's share is more than 0.05 above its usual one, raise ValueError with
    the column's name in the message.
    """
    ### BEGIN SOLUTION
    for column, usual in usually_missing.items():
        share = payments[column].isna().mean()
        if share > usual + 0.05:
            raise ValueError(f"{column}: {share:.0%} is missing, usually {usual:.0%}")
    return model.predict(payments.to_numpy())
    ### END SOLUTION

# %% role="tests" grade_id="rows-predict-loudly-stops" points=0
from course.labs.what_is_mlops.silent_failure import silent_model

model, payments = silent_model()
usual = {"amount": 0.0, "distance_km": 0.1, "minutes_since_last": 0.0, "hour": 0.0}
gappy = payments.copy()
gappy.loc[::8, "distance_km"] = np.nan
answers, expected = predict_loudly(model, gappy, usual), model.predict(gappy.to_numpy())
assert np.array_equal(answers, expected), "usual gaps: expected the model's answers"
try:
    predict_loudly(model, payments.assign(hour=np.nan), usual)
except ValueError as error:
    assert "hour" in str(error), f"an empty column: expected its name, got {error}"
else:
    raise AssertionError("the column hour is empty: expected ValueError, got answers")
print("Passed.")

# %% [markdown]
# ### Row 4: the code's hash stays, and the customer gets another answer
#
# The repository says "no change": same commit, same configuration.
# The training file lies on a disk that somebody can write to.
#
# Edit only the data, a single price or a handful of labels, and look at the hashes of code and configuration.
# Then edit only a comment in the code.
# Which hash would have warned you?

# %% role="lab"
from course.labs.what_is_mlops.source_of_truth import SourceOfTruthLab

truth_lab = SourceOfTruthLab()
truth_lab

# %% [markdown]
# <details><summary>What you see, and why</summary>
#
# A new commit need not change anything, and the same commit need not give the same.
# Only all four together name a result: code, configuration, data snapshot, trained weights.
# Notebook 2's fingerprint is the way to see it; rows that change places show that even a new hash of the data can be harmless.
#
# </details>
#
# ### Row 5: "works on my machine" depends on how closely you look
#
# A container pins the libraries.
# It does not pin how many threads share a sum, how many digits a number has, or what a default meant two years ago.
# The same training goes to six places and comes back with 1,000 scores; compare them ever less closely.
#
# Honesty about versions: other versions of a library are not installed here.
# Shown is only what the installed ones still ship: NumPy's older generator, which makes other dice of the same seed, and two defaults that scikit-learn's manual says it changed in version 0.22 (the solver of the logistic regression from liblinear to lbfgs, the trees of a forest from 10 to 100).
# A graphics card sums in yet another order; there is none to show.

# %% role="lab"
from course.labs.what_is_mlops.works_here import WorksHereLab

places_lab = WorksHereLab()
places_lab

# %% [markdown]
# <details><summary>What you see, and why</summary>
#
# Rounding moves last digits, and for a yes or no they seldom matter.
# An unpinned version or data draw moves decisions.
# More threads need not be faster: on small work, or on a busy machine, they wait for each other.
# So say what "the same" has to mean, to the last bit or as a decision, and pin as much as that needs.
#
# </details>
#
# ### Row 6: damage is the rate times the days until you know
#
# On day 40 the model turns worse.
# Whether an answer was wrong is known only when its label arrives: a payment is disputed weeks later, a loan fails after years.
#
# > damage = rate × (detection day − onset)
#
# Of the three, only the detection day is yours.
# Move the labels to 60 days; look for the quickest alarm; then watch the inputs, which need no labels.
# What does each quickening cost?

# %% role="lab"
from course.labs.what_is_mlops.late_labels import LateLabelsLab

late_lab = LateLabelsLab()
late_lab

# %% [markdown]
# <details><summary>What you see, and why</summary>
#
# The delay goes into the damage day by day, and no cleverness with labels gets below it.
# A shorter average is quicker and rings for nothing by chance.
# Watching the inputs is quickest, and cannot tell a harmless change from a harmful one: they ring for a campaign too.
# Rabanser and others compared ways to notice that the inputs have shifted and called their paper "Failing loudly": that is the aim [*rabanser2019*].
#
# </details>
#
# ### Make: the day on which you can know (4 minutes, medium)
#
# `detection_day` is row 6 in one function.
# The log says what share of each day's answers was wrong; the share of day 12 is known only on day 12 + `delay`.

# %% role="answer" grade_id="rows-detection-day"
def detection_day(log, delay, threshold):
    """Return the first day on which a day's share above `threshold` is known, or None.

    `log` is a frame with the columns day (0, 1, 2, …) and wrong (share of that day's
    answers). The share of a day is known `delay` days later. What would be known only
    after the log's last day counts as not known.
    """
    ### BEGIN SOLUTION
    for day, wrong in zip(log["day"], log["wrong"], strict=True):
        if wrong > threshold and day + delay <= log["day"].iloc[-1]:
            return int(day + delay)
    return None
    ### END SOLUTION

# %% role="tests" grade_id="rows-detection-day-waits" points=0
from course.labs.what_is_mlops.late_labels import simulate_log

log = pd.DataFrame({"day": range(6), "wrong": [0.1, 0.1, 0.3, 0.1, 0.3, 0.3]})
for delay, expected in ((0, 2), (3, 5), (4, None)):
    found = detection_day(log, delay, 0.2)
    assert found == expected, f"{delay} days late: expected {expected}, got {found}"
found = detection_day(log, 0, 0.3)
assert found is None, f"no share lies above the threshold: expected None, got {found}"
log = simulate_log(seed=2)
waited = detection_day(log, 30, 0.15) - detection_day(log, 0, 0.15)
assert waited == 30, f"labels 30 days late: expected 30 days more, got {waited}"
print("Passed.")
