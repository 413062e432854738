# %% [markdown]
# # 2. An ML engineer ships four things, and each can move alone
#
# *Reading 3 minutes, playing 4, making 7.*
#
# After this section you can
# - name the four artefacts of a training run,
# - guess how far a change in one of them moves results,
# - give a run a fingerprint that changes whenever one of the four does.

# %%
import hashlib
import json

import numpy as np
from course.labs.what_is_mlops.artefacts import sample_artefacts
from course.predict import Between, check_prediction

# %% [markdown]
# ## Software engineers ship code; ML engineers ship code + data + models + configs
#
# A web page changes when somebody changes its code; a prediction also when somebody changes the data it learned from, the model that was trained, or a setting.
#
# Each of the four *artefacts* can change without the others, on another day, by another hand, and break the result.
# Three versions of each already make 3 × 3 × 3 × 3 = 81 different runs.
# **MLOps manages this cross product**: it knows which run is in production, and what differs from the one before.

# %% [markdown]
# ## Correct five labels in a hundred: how far does it spread?
#
# The shop predicts which orders will come back, for clothes, shoes and gadgets.
# Thirty of its 600 orders of May, all of them clothes, carry a wrong label; then somebody corrects these.
# The model is trained again, with the same code and settings, and judged on the orders of July.
#
# What percentage of July's predictions for *shoes* will differ from the first run's?

# %% role="answer" grade_id="versions-prediction" stub="prediction = ...  # percent of the predictions"
prediction = 0

# %% role="tests" grade_id="versions-prediction-kind" points=1
# NameError? Run the cells above first.
check_prediction(prediction, Between(0, 100, "percent of the shoes' predictions"))

# %% [markdown]
# Each slider holds three versions of one artefact; the first run has version 1 of each.
# Every combination really trains, on your machine.
#
# The line under the picture ends with a *fingerprint*, made by a hash function: it turns any bytes into a short number, always the same for the same bytes.
# If a single bit differs, the hash is another one altogether, so two equal hashes mean: the same prediction for each order.

# %% role="lab"
from course.labs.what_is_mlops.four_versions import FourVersionsLab

lab = FourVersionsLab(prediction)  # NameError? Run the cell `prediction = ...` first.
lab

# %% [markdown]
# ## Changing anything changes everything
#
# **Move only the data to version 2: the corrected labels are all of clothes. Which groups change?**
#
# <details><summary>What you see, and why</summary>
#
# Shoes and gadgets move too.
# The model shares its weights between all groups: what it learns about past returns from clothes, it applies to shoes.
# "We only fixed the clothes" is true of the data and false of the result.
# Sculley and others named this in 2015: *changing anything changes everything*, CACE for short [*sculley2015*].
# Overall accuracy even falls a little, though the labels are better: gadgets lose more than shoes gain.
#
# </details>

# %% role="lab"
from course.labs.what_is_mlops.four_versions import accuracy_quiz

accuracy_quiz()

# %% [markdown]
# ## Make: a fingerprint that misses nothing (7 minutes, medium)
#
# Six months from now somebody asks: *is this the run that is in production?*
# So give each run one short name that depends on all four artefacts.
#
# `code` is text, `data` a pandas frame, `model` a NumPy array of weights, `config` a dict that may hold other dicts.

# %%
run = sample_artefacts(seed=1)
print(run.code, run.data.head(3), run.model, run.config, sep="\n\n")

# %% [markdown]
# <details><summary>Hint: one text, then one hash</summary>
#
# <code>hashlib.sha256(text.encode()).hexdigest()</code> turns any text into 64 digits.
# So the work is to write all four artefacts into one text, so that no two different runs give the same text.
#
# </details>
#
# <details><summary>More help: which text?</summary>
#
# <code>json.dumps(thing, sort_keys=True)</code> writes lists, dicts, numbers and words exactly, keys in order, and 1 differs from 1.0 and "1".
# A column's own type is not in it: <code>str(data[name].dtype)</code> gives it as text.
# It knows no frames and no arrays: <code>.tolist()</code> turns a column or an array into a plain list.
# What <code>print</code> shows is rounded: never hash that.
#
# </details>

# %% role="answer" grade_id="fingerprint-four-artefacts"
def fingerprint(code, data, model, config):
    """Return the SHA-256 of the four artefacts together: 64 hexadecimal digits.

    Equal artefacts give equal fingerprints, and stay as they are. Two things do not
    count: the order of keys in a dict, at any depth, and the frame's index. All else
    counts: each character of the code; each column's name, type and place, and each
    value and its place; each weight, to the last bit; each setting's value and its
    type (1 is not "1"). Columns hold text, numbers or truth values, none of them
    missing; there are no dates.
    """
    ### BEGIN SOLUTION
    columns = [[name, str(data[name].dtype), data[name].tolist()] for name in data]
    parts = [code, columns, model.tolist(), config]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    ### END SOLUTION

# %% role="tests" grade_id="fingerprint-repeats" points=3 hint="Equal artefacts must get the same 64 digits, also tomorrow and in whatever order a dict's keys were written, at the top and inside; and a fingerprint leaves what it is given as it was."
first, second = sample_artefacts(seed=2), sample_artefacts(seed=2)
name = fingerprint(*first)
assert isinstance(name, str) and len(name) == 64, f"expected 64 digits, got {name!r}"
again = fingerprint(*second)
assert again == name, f"equal artefacts: expected {name} again, got {again}"
moved = first.data.set_axis(range(9, 9 + len(first.data)))
again = fingerprint(*first._replace(data=moved))
assert again == name, f"another index: expected {name}, got {again}"
solver = {"solver": dict(reversed(second.config["solver"].items()))}
for config in (dict(reversed(second.config.items())), second.config | solver):
    again = fingerprint(*second._replace(config=config))
    assert again == name, f"keys in another order: expected {name}, got {again}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0xC41BEB6AE84052F5E4B0BE28499003E0, 0xD8A4CC2D51E229B0A32BC6B6DAE4E0C7):
    first, second, kept = sample_artefacts(seed), sample_artefacts(seed), sample_artefacts(seed)
    name = fingerprint(*first)
    assert set(name) <= set("0123456789abcdef"), f"expected hexadecimal digits only, got {name!r}"
    assert fingerprint(*second) == name, "expected equal artefacts to get equal fingerprints, got two different ones"
    assert first.data.equals(kept.data) and first.config == kept.config, "expected the artefacts to stay as they were"
    turned = kept.config | {"solver": dict(reversed(kept.config["solver"].items()))}
    same = fingerprint(kept.code, kept.data, kept.model, turned) == name
    assert same, "keys inside the config were written in another order: expected the same fingerprint, got another"
### END HIDDEN TESTS

# %% role="tests" grade_id="fingerprint-sees-code" points=2 hint="One character of the code more or less, a space among them, is another code."
run = sample_artefacts(seed=4)
other = fingerprint(run.code + "# tidy\n", run.data, run.model, run.config)
assert other != fingerprint(*run), "code with a comment: expected another, got the same"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0x6261F71533F7F7CEB8FEBEE8C7B666AC, 0x853BAF7CCEE63CBB3265EFFEB21DA40C):
    run = sample_artefacts(seed)
    name = fingerprint(*run)
    for edited in (run.code + " ", run.code.replace("    ", "\t"), run.code.upper()):
        other = fingerprint(edited, run.data, run.model, run.config)
        assert other != name, f"the code became {edited!r}: expected another fingerprint, got the same"
### END HIDDEN TESTS

# %% role="tests" grade_id="fingerprint-sees-data" points=3 hint="Names, types, values and places of the data all count: compare what your text holds of a frame with what the frame holds."
run = sample_artefacts(seed=5)
swapped = run.data.iloc[[1, 0, *range(2, len(run.data))]].reset_index(drop=True)
turned = run.data[run.data.columns[::-1]]
for what, data in (("two rows", swapped), ("all columns", turned)):
    other = fingerprint(run.code, data, run.model, run.config)
    name = fingerprint(*run)
    assert other != name, f"{what} changed places: expected another, got the same"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0xF18716C5B82106FBB2B61017F7B20E09, 0x29A08C5E3B9A34959C7246CB16C6BC5A):
    run = sample_artefacts(seed)
    nudged = run.data["spent"].where(run.data.index > 0, np.nextafter(run.data["spent"], np.inf))
    edits = {
        "one amount grew by its last bit": run.data.assign(spent=nudged),
        "a column got another name": run.data.rename(columns={"spent": "paid"}),
        "whole numbers became decimal ones": run.data.astype({"orders": float}),
        "whole numbers got a narrower type": run.data.astype({"orders": "int32"}),
        "truth values became words": run.data.astype({"came_back": str}),
        "two columns changed places": run.data[["orders", "customer", "spent", "came_back"]],
        "the last row is missing": run.data.iloc[:-1],
    }
    name = fingerprint(*run)
    for what, data in edits.items():
        other = fingerprint(run.code, data, run.model, run.config)
        assert other != name, f"{what}: expected another fingerprint, got the same"
### END HIDDEN TESTS

# %% role="tests" grade_id="fingerprint-sees-model" points=2 hint="A weight that differs in its last bit is another weight; what print shows of an array is rounded."
run = sample_artefacts(seed=6)
moved = np.nextafter(run.model, np.inf)
other = fingerprint(run.code, run.data, moved, run.config)
assert other != fingerprint(*run), "the last bit of each weight: got the same"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0xDF3E2990DA5C373CE1C70345B43D1706, 0x21AA9A831C82F4B312F9980E81634CB6):
    run = sample_artefacts(seed)
    nudged = run.model.copy()
    nudged[-1] = np.nextafter(nudged[-1], np.inf)
    name = fingerprint(*run)
    for model in (nudged, run.model[::-1].copy()):
        other = fingerprint(run.code, run.data, model, run.config)
        assert other != name, f"the weights became {model.tolist()}: expected another fingerprint"
### END HIDDEN TESTS

# %% role="tests" grade_id="fingerprint-sees-config" points=2 hint="A setting's value counts, and its type: 1, 1.0, True and the text 1 are four different settings."
run = sample_artefacts(seed=7)
as_text = run.config | {"rounds": str(run.config["rounds"])}
other = fingerprint(run.code, run.data, run.model, as_text)
assert other != fingerprint(*run), "a number as text: expected another, got the same"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0x309262FA099ACCF872853430425F3848, 0x240CEDA67CF1A5170F81E97DF1507559):
    run = sample_artefacts(seed)
    rounds, solver = run.config["rounds"], run.config["solver"]
    edits = [{"rounds": float(rounds)}, {"rounds": str(rounds)}, {"stop_after": "None"}, {"extra": None}]
    edits += [{"balanced": int(run.config["balanced"])}, {"solver": solver | {"name": "saga"}}, {"columns": ["spent"]}]
    name = fingerprint(*run)
    for edit in edits:
        other = fingerprint(run.code, run.data, run.model, run.config | edit)
        assert other != name, f"the config got {edit}: expected another fingerprint, got the same"
### END HIDDEN TESTS

# %% [markdown]
# ## Reflect: one sentence for somebody who pays
#
# The head of the shop asks: *"You only corrected labels of clothes, so why did the shoes' numbers move?"*
# Answer in one sentence, aloud, without the words model, weights or feature.

# %% [markdown]
# ## Go further: small changes need not stay small, nor add up (2 minutes, no points)
#
# **1. Note how many predictions change in all with code version 3 alone, and with config version 3 alone; then set both. Do the two add up?**
#
# <details><summary>What you see, and why</summary>
#
# Far from it: both together change fewer than either of them alone.
# Each was measured beside the old version of the other, and in production they meet.
#
# </details>
#
# **2. Move only the code to version 2: it takes the logarithm of the price, a change that reads like tidying up. Is it harmless?**
#
# <details><summary>What you see, and why</summary>
#
# Few predictions change, and still somebody's group gets worse.
# How small a change is in the code says nothing about its size in the results: only running it does.
#
# </details>
#
# ## Go further: say which of the four moved (8 minutes, no points)
#
# A fingerprint says *that* something differs.
# `blame` says *what*: it takes two runs as sets of the four artefacts, and returns the names of those that differ, in the order code, data, model, config.
# A weight that differs in its last bit counts.

# %% role="answer" grade_id="blame-what-moved"
def blame(run_a, run_b):
    """Return the names of the artefacts that differ; [] for equal runs.

    Example: ["data", "config"].
    """
    ### BEGIN SOLUTION
    differs = {
        "code": run_a.code != run_b.code,
        "data": not run_a.data.equals(run_b.data),
        "model": not np.array_equal(run_a.model, run_b.model),
        "config": run_a.config != run_b.config,
    }
    return [name for name, is_other in differs.items() if is_other]
    ### END SOLUTION

# %% role="tests" grade_id="blame-names-what-differs" points=0
run = sample_artefacts(seed=8)
moved = run._replace(code=run.code + " ", config=run.config | {"rounds": 0})
nudged = run._replace(model=np.nextafter(run.model, np.inf))
for what, other, expected in (
    ("equal runs", sample_artefacts(seed=8), []),
    ("a space and a setting", moved, ["code", "config"]),
    ("the last bit of each weight", nudged, ["model"]),
):
    found = blame(run, other)
    assert found == expected, f"{what}: expected {expected}, got {found}"
print("Passed.")
