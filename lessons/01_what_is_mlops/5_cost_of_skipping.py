# %% [markdown]
# # 5. A service can answer every request and lose money for a month
#
# *Reading 7 minutes, playing 10, making 13, writing 3.*
#
# After this section you can
# - say which number would have told a team in time, and at what price,
# - write a guard that names the broken column on the first day,
# - ring when a change hurts customers, and only then,
# - choose the cheapest of retraining, a new threshold and the old model.
#
# ## Three teams lost money, and in none of them was the model bad
#
# A shop, a bank and a search engine: real teams, not named, retold as told to us.
# What was missing was systems around the model.
# The labs rebuild the mechanics, not the data.
#
# ## Retail: every light is green while a column turns to NaN
#
# One night a pipeline upstream silently begins to fill a key column of a shop's recommender with NaN, "not a number".
# The service fills each gap with the column's usual value, so nothing raises, and every customer gets an answer in time.
# Nobody notices for a month: what percentage of its revenue is lost?

# %%
import numpy as np
import pandas as pd
from course.labs.what_is_mlops.bank import ACCURACY_PERCENT, OF_2019, OF_2022
from course.labs.what_is_mlops.bank import Population, population_shift, without_labels
from course.labs.what_is_mlops.bank import simulate_options, simulate_payments
from course.labs.what_is_mlops.retail import LOST_PERCENT, Break, Holiday, NewShop
from course.labs.what_is_mlops.retail import daily_batches, simulate_retail_month
from course.predict import check_prediction

# %% role="answer" grade_id="retail-prediction" stub="prediction = ...  # percent of the month's revenue"
prediction = 20

# %% role="tests" grade_id="retail-prediction-kind" points=1
check_prediction(prediction, LOST_PERCENT)  # NameError? Run the cells above.

# %% [markdown]
# Play six months of that shop, first as the team saw them, "while it happened", then "afterwards": which alarm saves more than it costs?
#
# An alarm rings when a number is more than so many *wobbles* from normal: a wobble is how much it wanders by itself in a good week.
# A false *page*, a message that gets somebody out of bed for nothing, costs 500 EUR, and after three in a month the team mutes the alarm, as tired people do.

# %% role="lab"
from course.labs.what_is_mlops.retail import RetailLab

lab = RetailLab(prediction)  # NameError? Run the cell `prediction = ...` first.
lab

# %% [markdown]
# ## The month lost much, and no day of it showed that
#
# **April, watch revenue, ring at 2 wobbles. Why does the number that hurts not ring?**
#
# <details><summary>What you see, and why</summary>
#
# April lost 8 % of its revenue, but weekends, weather and luck move a single day by more.
# The loss is small each day and lasts: it is found where it begins, in the column, and not where it ends, in the money.
# What revenue earns over six months it earns in August alone, the one break that it hears; *the model's columns* hear all three.
#
# </details>
#
# ## Make: a guard that names the column on the first day (5 minutes, medium)
#
# Each night your guard gets the shop's days so far, and the columns to watch: a break in one that no model reads should wake nobody.
#
# In the example `days`, nearly a third of `views_today` is lost from day 12 on.
# `loyalty_points` always lacks four values in ten, since guests have no card: that is its normal state.
#
# <details><summary>Hint: one number for each day and column</summary>
#
# <code>frame[columns].isna().mean()</code> gives the missing share of each column of a frame: try <code>days[12]</code>.
# A frame of these shares, one row a day, is half of the guard.
#
# </details>
#
# <details><summary>More help: in which order</summary>
#
# The first day decides, so go through the days on the outside and the columns on the inside.
# <code>max()</code> and <code>idxmax()</code> of a row give the largest value and its column.
#
# </details>

# %%
WATCHED = ["basket_value", "days_since_order", "views_today", "loyalty_points"]
days = daily_batches(simulate_retail_month(1, Break("views_today", day=12, share=0.3)))

# %% role="answer" grade_id="retail-first-bad-day"
def first_bad_day(days, watched):
    """Return (day, column) of the first watched column that breaks, or None.

    `days` is a list of frames, one a day, oldest first; `day` counts them from 0.
    Days 0 to 6 are good: the median of a column's missing shares on them is its normal
    value. It breaks on the first later day on which its missing share is more than 0.10
    above normal; if several break on that day, the one that rose most is named.
    Example: first_bad_day(days, ["views_today"]) returns (12, "views_today").
    """
    ### BEGIN SOLUTION
    missing = pd.DataFrame([frame[watched].isna().mean() for frame in days])
    rise = missing - missing[:7].median()
    for day in range(7, len(days)):
        if rise.loc[day].max() > 0.10:
            return day, rise.loc[day].idxmax()
    return None
    ### END SOLUTION

# %% role="tests" grade_id="retail-names-the-column" points=5 hint="A break can take all values of a column or a quarter of them, at once or growing day by day, and more than one column can break: what counts is which was first, and on the same day which rose most. The guard is asked again each night: what comes later must not change what it says of today."
answer = first_bad_day(days, WATCHED)
assert answer == (12, "views_today"), f"expected (12, 'views_today'), got {answer}"
two = Break("basket_value", 9, share=0.3), Break("days_since_order", 9, share=0.5)
answer = first_bad_day(daily_batches(simulate_retail_month(4, *two)), WATCHED)
assert answer == (9, "days_since_order"), f"{two}: the one that rose most, got {answer}"
growing = Break("basket_value", day=30, share=0.06, grows=True)  # 6 %, then 12 %
answer = first_bad_day(daily_batches(simulate_retail_month(2, growing)), WATCHED)
assert answer == (31, "basket_value"), f"expected (31, 'basket_value'), got {answer}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed, nights, changes, expected in (
    (0xF1D06BF4DFC6152E2A489086B69C9D33, 14, [Break("views_today", day=7)], (7, "views_today")),
    (0x33AE07762506290163BC961368067DC5, 37, [Break("loyalty_points", day=33, share=0.25)], (33, "loyalty_points")),
    (0x1C0A8280472E64947BC4A7702D71FCE3, 18, [Break("basket_value", 14, share=0.3), Break("loyalty_points", 11, share=0.2)], (11, "loyalty_points")),
    (0xB7BF67BEA833CCCF791DD594A2A3B06E, 11, [Break("basket_value", 9, share=0.3), Break("days_since_order", 9, share=0.5)], (9, "days_since_order")),
):
    answer = first_bad_day(daily_batches(simulate_retail_month(seed, *changes))[:nights], WATCHED)
    assert answer == expected, f"{changes}: expected {expected}, got {answer}"
for seed, column, begins, nights in (
    (0x58075676CE23F3F39D52DA808874884D, "days_since_order", 7, 10),
    (0x25D25BBF473B14C4630548C28D40B22F, "views_today", 12, 18),
):
    world = daily_batches(simulate_retail_month(seed, Break(column, begins, share=0.04, grows=True)))
    expected = (begins + 2, column)
    assert first_bad_day(world[: begins + 2], WATCHED) is None, f"{column}, the night before: expected None"
    answer = first_bad_day(world[:nights], WATCHED)
    assert answer == expected, f"4 % more each day from {begins} on, seen after {nights}: {expected}, got {answer}"
### END HIDDEN TESTS

# %% role="tests" grade_id="retail-keeps-quiet" points=4 hint="Nothing is wrong in most months: compare each column with its own normal value, the median, look at watched columns only, and leave the first week in peace. A guard that never rings is not quiet, it is off."
assert first_bad_day(days, WATCHED) is not None, "expected the guard to ring on day 12"
for change in (Holiday(day=17), NewShop(day=13)):
    answer = first_bad_day(daily_batches(simulate_retail_month(3, change)), WATCHED)
    assert answer is None, f"{change}, and all is well: expected None, got {answer}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
from course.labs.what_is_mlops.retail import Rescale

for seed, changes in (
    (0xAEE7B8BD24543ED057F6741A9913D8EF, []),
    (0x5191850FF3EF5F659E37151F03BC6A96, [Break("screen_width", day=9), Holiday(day=15, length=8, rush=2.5)]),
    (0x4DEF87348FAB0DAA00284173E28B51C3, [Rescale("screen_width", day=9, factor=0.1), NewShop(day=12)]),
):
    answer = first_bad_day(daily_batches(simulate_retail_month(seed, *changes))[:22], WATCHED)
    assert answer is None, f"{changes}, which harms nobody: expected None, got {answer}"
shares = {"a": [0.2, 0, 0.2, 0, 0.2, 0, 0.35, 0, 0.25, 0.25, 0.5], "b": [0, 0, 0, 0, 0, 0, 0, 0.05, 0, 0.1, 0.1]}
weeks = [
    pd.DataFrame({c: [np.nan] * round(20 * s[day]) + [1.0] * (20 - round(20 * s[day])) for c, s in shares.items()})
    for day in range(11)
]
assert first_bad_day(weeks[:10], ["a", "b"]) is None, "missing on some days of a good week, later not more: None"
assert first_bad_day(weeks, ["a", "b"]) == (10, "a"), "half of a is missing on day 10: expected (10, 'a')"
### END HIDDEN TESTS

# %% [markdown]
# ## Bank: five times the false positives, and the dashboard still looks fine
#
# A bank's fraud model blocks a card payment when its score reaches a *threshold*.
# Trained on data of 2019, it went into a pipeline of 2022.
# As transactions had shifted after the pandemic, its *false-positive rate*, the share of honest payments that it blocks, became five times as high, and nobody tracked it.
#
# In the lab that rate was 1 % in 2019; four payments in a thousand are fraud.
# *Recall*, the share of frauds that it blocks, stays near 77 %.
# *Accuracy*, the share of all payments judged rightly, was 99 %: what is it in 2022, in percent?

# %% role="answer" grade_id="bank-prediction" stub="bank_prediction = ...  # percent of payments judged rightly"
bank_prediction = 90

# %% role="tests" grade_id="bank-prediction-kind" points=1
check_prediction(bank_prediction, ACCURACY_PERCENT)  # NameError? Run the cells above.

# %% [markdown]
# Five banks, four years; *labels*, the knowledge which payments were fraud, come a quarter late.
# *Population shift* needs none: it measures how far payments have moved from those of the first quarter.
# A wrongly blocked payment costs 10 EUR, a missed fraud 150 EUR, a page while no more honest payments are blocked 500 EUR.
#
# On the first page the team acts, once: it leaves things alone, sets a new threshold (300 EUR), retrains when labels are there (4,000 EUR), or rolls back to the release before, model and code (600 EUR).

# %% role="lab"
from course.labs.what_is_mlops.bank import BankLab

bank_lab = BankLab(bank_prediction)  # NameError? Run `bank_prediction = ...` first.
bank_lab

# %% [markdown]
# ## Nobody tracked the number that hurt
#
# Nearly all payments are honest and pass, and accuracy averages over them: where one class is rare, watch errors by kind.
#
# **Bank C, afterwards, watch population shift. What did the page find?**
#
# <details><summary>What you see, and why</summary>
#
# A change in columns that the model does not read.
# Drift is a fact about the data; harm is a fact about the decisions.
#
# </details>
#
# ## Make: an alarm that needs no labels (4 minutes, medium)
#
# Alone, only false positives are right about all five banks, a quarter late; two other numbers are right in time, but only together.
#
# `population_shift(then, now)` is given: a Series, one value for each feature (`score` and `blocked` are none).
# It cuts each feature of `then` into ten groups and adds up (now − then) × log(now / then) over their shares: the *population stability index*, PSI.
# Banks' rule of thumb: below 0.1 little has moved.
#
# <details><summary>Hint: two questions</summary>
#
# Does the model treat the payments differently: what does <code>blocked</code> say?
# And are they other payments than before: what does the shift say?
# <code>(shift > 0.1).any()</code> asks whether at least one feature has moved.
#
# </details>
#
# <details><summary>More help: what each world looks like</summary>
#
# Make one yourself: <code>without_labels(simulate_payments(5, population=Population(fraud=0.06)))</code> is a week of attack, and <code>Population(amount=15.0)</code> a week of small payments.
# Ask both questions of each.
#
# </details>

# %%
then = without_labels(simulate_payments(11))  # a week of 2019
now = without_labels(simulate_payments(12, population=OF_2022))  # a week of 2022

# %% role="answer" grade_id="bank-alarm"
def bank_alarm(then, now):
    """Return True when customers have changed and at least twice as much is blocked.

    That is: at least twice as large a share of payments as then. `then` and `now` are
    payments without labels: frames of the features, `score`, and `blocked` (True or
    False). Customers have changed when `population_shift` is above 0.1 for at least one
    feature. In an attack, too, more is blocked, and rightly; no attack asked of you
    moves a feature that far.
    """
    ### BEGIN SOLUTION
    moved = population_shift(then, now).max()
    before = then["blocked"].mean()
    after = now["blocked"].mean()
    return bool(moved > 0.1 and after >= 2 * before)
    ### END SOLUTION

# %% role="tests" grade_id="bank-alarm-rings" points=3 hint="Customers can change in one feature by much or in several by a little, a release can make them look changed, and twice as many blocks is enough."
assert bool(bank_alarm(then, now)) is True, "a week of 2022: expected True"
attack = without_labels(simulate_payments(13, population=Population(fraud=0.06)))
assert bool(bank_alarm(then, attack)) is False, "attack, same customers: expected False"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for first, second, population in (
    (0x386AB3F1FF96D249A9B702D7C0938F53, 0x54FF041B37A69720D3A7DF7481164168, Population(card_not_present=0.5, amount=36.0, velocity=0.75)),
    (0x55250E242407D2B3011C57A38EB249AB, 0x1CC3366D2C25022E615BAE4262C6B2AD, Population(card_not_present=0.37, amount=35.0, velocity=0.63)),
    (0x5AEE23DF8C6560C80D61564393568BC9, 0xEBAE498C5D4687000D0E928BB5491CEA, Population(card_not_present=0.38, amount=36.0, velocity=0.6)),
    (0x655259368E0F21CC5EDE1355A566D3DC, 0x208C30A3EDAC57937BF5F47AD99B264E, Population(amount=66.0)),
    (0x5D1BBDE9824F32152B9CCEBA630CE117, 0x22EBD12D5DAE12FDAA45478BAF013591, Population(velocity=0.9)),
    (0xD277A461EB236C2E91EEA91C610F6DFD, 0x6B8BADE2DC20682E54E2C134D5CABFA9, Population(velocity_factor=2)),
):
    week = without_labels(simulate_payments(second, 6_000, population))
    answer = bank_alarm(without_labels(simulate_payments(first, 6_000)), week)
    assert bool(answer) is True, f"customers changed, {population}: expected True, got {answer}"
few = then.assign(blocked=np.arange(len(then)) < 100)
for blocks, expected in ((200, True), (190, False)):
    answer = bank_alarm(few, now.assign(blocked=np.arange(len(now)) < blocks))
    assert bool(answer) is expected, f"1 % blocked then and {blocks / 100} % now: expected {expected}, got {answer}"
### END HIDDEN TESTS

# %% role="tests" grade_id="bank-alarm-keeps-quiet" points=3 hint="A shift alone is no harm, and more blocks alone may be right: ask both questions of every week that the contract names."
assert bool(bank_alarm(then, now)) is True, "a week of 2022: expected True"
shops = without_labels(simulate_payments(14, population=Population(new_shops=0.2)))
assert bool(bank_alarm(then, shops)) is False, "shops are not read: expected False"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for first, second, population in (
    (0xBE1B4D9F5ABA73F11154E9E667B3C3A4, 0xE6FB8162ADA2B53218590F6114F09552, Population(fraud=0.06)),
    (0xA9CB67E1598357C0A212F7C9508DC722, 0xF8BB0C2B7342D39D4202CB364F3C6857, Population(fraud=0.05)),
    (0x2C05F54F98FEE1CF316F3F563B73F7EF, 0xE4EE7497B0E5301BA5FF525C5418F750, Population(amount=15.0)),
    (0x27BA21612A66753B735C52CD6F7AA385, 0x4048086BD3399C343EDEEED19B33B630, Population(device_age_factor=30.0)),
    (0xA252340599F455BC7C8331244010F66B, 0x48CD2B039179D747C7C086A672C270E6, Population(new_shops=0.3)),
    (0x63A1F97AA1744BA5D8BF548E7489613F, 0x839C8253443D083EE02947B4C1C9C28B, OF_2019),
):
    week = without_labels(simulate_payments(second, 6_000, population))
    answer = bank_alarm(without_labels(simulate_payments(first, 6_000)), week)
    assert bool(answer) is False, f"no customer is hurt, {population}: expected False, got {answer}"
### END HIDDEN TESTS

# %% [markdown]
# ## Make: the action that costs least (4 minutes, medium)
#
# The alarm rang, and everybody wants to retrain.
# But labels come late, blocking less misses more fraud, the release before may not fit these customers, and the harm may be smaller than the cure.
#
# The next cell shows what a bank knows that day; the last two columns are estimated from a sample of the week.
#
# <details><summary>Hint: a day first</summary>
#
# What does one day cost under each action, once it works?
# And how many of the days is it at work?
#
# </details>
#
# <details><summary>More help: labels that come too late</summary>
#
# An action that needs 90 days is no use in the first 60.
# It then works on no day, and never on fewer than none.
#
# </details>

# %%
simulate_options(seed=1)

# %% role="answer" grade_id="bank-best-action"
def best_action(options, wrong_block, missed_fraud, days):
    """Return the name of the action that costs least over the next `days` days.

    `options` is a frame like the one above, its actions in any order. An action costs
    `cost_once` (EUR) in any case, `wrong_block` (EUR) for each of its
    `wrongly_blocked_a_day`, and `missed_fraud` for each of its `frauds_missed_a_day`.
    On its first `works_after_days` days, or on all `days` if it comes too late, these
    mistakes are those of "leave it".
    Example: 20 of 30 days of waiting at 1,500 EUR, 10 days at 750 EUR and 9,000 EUR
    once are 46,500 EUR.
    """
    ### BEGIN SOLUTION
    a_day = options["wrongly_blocked_a_day"] * wrong_block + options["frauds_missed_a_day"] * missed_fraud
    waiting = options["works_after_days"].clip(upper=days)
    total = options["cost_once"] + waiting * a_day["leave it"] + (days - waiting) * a_day
    return total.idxmin()
    ### END SOLUTION

# %% role="tests" grade_id="bank-cheapest-action" points=4 hint="Four things cost money: the action itself, wrong blocks, missed frauds, and the number of days over which both go on. While you wait for an action the present state goes on and costs what it costs, wherever its row stands; and an action that comes too late helps on no day at all."
names = ["re-threshold", "leave it", "retrain"]
costs = {"works_after_days": 0, "cost_once": [500, 0, 9000]}
mistakes = {"wrongly_blocked_a_day": [20, 100, 15], "frauds_missed_a_day": [9, 5, 6]}
options = pd.DataFrame(costs | mistakes, index=names)
answer = best_action(options, wrong_block=10, missed_fraud=100, days=30)
totals = "33,500, 45,000 and 31,500 EUR"
assert answer == "retrain", f"{totals}: expected 'retrain', got {answer!r}"
late = options.assign(works_after_days=[1, 0, 20])  # of 30 days
answer = best_action(late, wrong_block=10, missed_fraud=100, days=30)
assert answer == "re-threshold", f"expected 're-threshold', got {answer!r}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
harmful = late.assign(works_after_days=[80, 0, 90], wrongly_blocked_a_day=[400, 100, 100])
answer = best_action(harmful, wrong_block=10, missed_fraud=100, days=30)
assert answer == "leave it", f"nothing else works within these 30 days: expected 'leave it', got {answer!r}"
dear = options.assign(cost_once=[500, 0, 12_000])
answer = best_action(dear, wrong_block=10, missed_fraud=100, days=30)
assert answer == "re-threshold", f"retraining at 12,000 EUR: expected 're-threshold', got {answer!r}"
answer = best_action(late[::-1], wrong_block=10, missed_fraud=100, days=30)
assert answer == "re-threshold", f"the rows the other way round: expected 're-threshold', got {answer!r}"
first = 0x88FF52B0A1426867AF895B157D228A4F
for seed in range(first, first + 20):
    block, fraud, length = np.random.default_rng(seed).integers([2, 30, 5], [20, 341, 160]).tolist()
    options = simulate_options(seed, OF_2022 if seed % 4 else Population(velocity_factor=2))
    options["works_after_days"] *= (0, 1, 9)[seed % 3]
    a_day = {n: row.wrongly_blocked_a_day * block + row.frauds_missed_a_day * fraud for n, row in options.iterrows()}
    works = options["works_after_days"].to_dict()
    costs = {
        name: options["cost_once"][name] + sum(a_day[name if day >= works[name] else "leave it"] for day in range(length))
        for name in works
    }
    expected = min(costs, key=costs.get)
    answer = best_action(options, wrong_block=block, missed_fraud=fraud, days=length)
    assert answer == expected, f"{costs}: expected {expected!r}, got {answer!r}"
### END HIDDEN TESTS

# %% [markdown]
# ## Search: better is not the same as the one that won
#
# A new ranker was *A/B-tested*: 1 % of traffic, drawn by lot, got it, and the gain was real.
# Six weeks later the training run could not be reproduced, since the data partition that it had read was overwritten: the ranker could not ship.
#
# In the lab, a colleague's job has since corrected clicks of bots, in place; each week until the ranker ships costs 20,000 EUR.
# Guess on paper: if 5 % of the rows changed for the better, how many of the ranker's decisions change, and does it get better or worse?
# Then move the slider.

# %% role="lab"
from course.labs.what_is_mlops.search import SearchLab

SearchLab()

# %% [markdown]
# **At 5 % the new ranker is the more accurate one. Why not ship that?**
#
# <details><summary>What you see, and why</summary>
#
# The test measured what users did with the other one.
# Where decisions differ nobody knows what users do, and accuracy on old clicks is not revenue.
# A better ranker is a reason for a new test.
# That 10 % overwritten flip fewer decisions than 5 % is chance: *Go further* says where it comes from.
#
# </details>
#
# ## Not every model decays, and a right test still rings for nothing
#
# *vela2022* fitted four kinds of model on 32 data sets, and 91 % of these pairs degraded with time.
# But a classifier of employment in Massachusetts, fitted on data of 2015, keeps its AUC (how often it scores a positive case above a negative one): .903, .902, .905 and .906 from 2015 to 2018 [*acs*: American Community Survey, measured for this course].
#
# And there is *alert fatigue*: where nothing drifts, a test at 0.05 still rings one morning in twenty, and ten of them leave 0.95¹⁰ = 0.60 of the days in peace.
# *Go further* computes both, and tells five public cases.

# %% [markdown]
# ## Reflect: a memo to somebody who wants a better model (3 minutes, 4 points by hand)
#
# The director of the shop, or of the bank, writes: *"So our model was bad: buy a better one."*
# Answer in at most 45 words, one clear sentence for each point:
#
# 1. what was lost, in money or in people, with one number that you read off a lab;
# 2. why no light turned red;
# 3. one number to watch, and the limit at which it rings;
# 4. one harm that this alarm would not see.

# %% [markdown] role="written" grade_id="cost-memo" points=4
# In April the shop lost 8 % of its revenue, about 24,000 EUR.
# No light turned red, because every customer got an answer, good or not.
# Watch the missing share of each column, and ring ten points above normal.
# Days sent as hours would pass.

# %% [markdown]
# ## Go further: the same has happened in public (3 minutes, no points)
#
# | Like | Who, and where it is reported | What was counted |
# |---|---|---|
# | retail | Google Play [*baylor2017*] | features were missing at serving that training had; removing that skew raised app installs by 2 % |
# | bank | Instacart [*instacart2020*, a press report: Fortune, June 2020] | predicting whether an item is in store fell from 93 % right to 61 % from mid-March 2020 |
# | bank | Zillow [*zillow2021*, shareholder letter, third quarter of 2021] | an inventory write-down of 304 million USD, home buying wound down, with it about a quarter of the staff; whether the model or its use failed is disputed |
# | bank | a sepsis model in hospitals [*wong2021*] | AUC .63 where the developer reported .76 to .83; 1,709 of 2,552 cases missed, with alerts on 18 % of hospitalised patients |
# | search | published science [*kapoor2023*] | leakage, where a model learns from what it cannot know in use: 17 fields, 294 papers |
#
# Public cases are less tidy than our three: the sepsis model was weaker in use than on paper, and Zillow's case is disputed.

# %% [markdown]
# ## Go further: a model that does not decay, and pages for nothing (8 minutes, no points)
#
# The first lab computes a model that does not decay, and one that does, beside that of *acs* (data as packaged by NannyML 0.13, quoted and not recomputed).
# Inputs can move far while a model stays as good as it was, and a model can decay while no input moves at all.
# So drift of the inputs is a reason to look, and no proof of harm.
# Watch first what decides and what pays.
#
# The second lab counts pages, with a standard test of whether two samples come from one distribution (Kolmogorov and Smirnov's).
# Set the shift to 0.05 σ, a twentieth of a standard deviation, and move the rows from 200 to 50,000: with enough rows every difference is *significant*, and still as small as it was.

# %% role="lab"
from course.labs.what_is_mlops.false_pages import FalsePagesLab
from course.labs.what_is_mlops.no_decay import NoDecayLab

display(NoDecayLab())
FalsePagesLab()

# %% [markdown]
# ## Go further: five more questions to the labs of the core (6 minutes, no points)
#
# **1. Shop, afterwards: find the alarm that earns most over all six months. Is it the best one in each of them?**
#
# <details><summary>What you see, and why</summary>
#
# It watches what the model leans on, and little else.
# In a month without harm the best alarm is one that keeps silent: no setting wins everywhere, so a team chooses by what it can lose.
#
# </details>
#
# **2. Shop: August, afterwards, watch everything. When does the break begin, and who is still listening?**
#
# <details><summary>What you see, and why</summary>
#
# Nobody: harmless changes have used up three false pages, and the alarm is mute when its day comes.
# To watch everything feels safe, and is how a team learns not to look.
#
# </details>
#
# **3. Bank D, afterwards: watch the share of payments blocked, act by a new threshold. Why does that lose money?**
#
# <details><summary>What you see, and why</summary>
#
# More was blocked because there was more fraud: the model was right.
# The new threshold lets the fraud through.
#
# </details>
#
# **4. Search: nothing overwritten, seed written down. Then 1 % overwritten. How does the number of flipped decisions grow?**
#
# <details><summary>What you see, and why</summary>
#
# Without a change the model comes back to the bit.
# One row in a hundred flips more than half as many decisions as one in ten: a tree that splits elsewhere at the top is another tree all the way down.
# Beyond that the number hardly grows, and which trees split elsewhere is chance.
# So one run of 5 % can flip more than one of 10 %, as it does here.
#
# </details>
#
# **5. Search: when is a copy of the data not worth its price?**
#
# <details><summary>What you see, and why</summary>
#
# When nothing was overwritten, and when the seed is lost: then the same data gives another ranker too.
# A hash costs next to nothing and brings nothing back; it says in a second what to search for.
#
# </details>
#
# ## Go further: a manifest, and a check that nothing moved (8 minutes, no points)
#
# The search team needed neither a better ranker nor a larger disk: it needed to know, the morning after, that a row had changed.
# A *manifest* is a small file beside a result that says what it was made of.
# Write one, and the check: one changed byte of the code, one changed or moved row, one package of another version must be named.
#
# `pd.util.hash_pandas_object(frame, index=False)` gives a number for each row, and `.to_numpy().tobytes()` turns them into bytes, in order.
# `hashlib.sha256(some_bytes).hexdigest()` makes a fingerprint of any bytes.

# %%
import hashlib

from course.labs.what_is_mlops.search import simulate_clicks

# %% role="answer" grade_id="search-verify"
def manifest(rows, code, packages):
    """Return a dict that tells later what a run was made of.

    Its keys are "rows", "code", and the name of each package.
    """
    ### BEGIN SOLUTION
    hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes()
    made_of = {"rows": hashlib.sha256(repr(list(rows.columns)).encode() + hashes).hexdigest()}
    return made_of | {"code": hashlib.sha256(code.encode()).hexdigest()} | packages
    ### END SOLUTION


def verify(kept, rows, code, packages):
    """Return the sorted names of what is not as it was for `kept`; [] when all is."""
    ### BEGIN SOLUTION
    made_of = manifest(rows, code, packages)
    return sorted(name for name in kept | made_of if kept.get(name) != made_of.get(name))
    ### END SOLUTION

# %% role="tests" grade_id="search-verify-names-what-moved" points=0
rows, code = simulate_clicks(1)[0], "ranker.fit(rows)"
packages = {"numpy": "2.4.6", "scikit-learn": "1.9.1"}
kept = manifest(rows, code, packages)
turned = dict(reversed(packages.items()))
assert verify(kept, rows.copy(), code, turned) == [], "nothing moved: expected []"
edited, swapped = rows.copy(), rows.iloc[[1, 0, *range(2, len(rows))]]
edited.loc[77, "x3"] += 1e-9
assert verify(kept, edited, code, packages) == ["rows"], "a value: expected ['rows']"
assert verify(kept, swapped, code, packages) == ["rows"], "two rows: expected ['rows']"
newer = packages | {"numpy": "2.4.7"}
assert verify(kept, rows, code + " ", newer) == ["code", "numpy"], "expected both names"
more = packages | {"scipy": "1.17.1"}
assert verify(kept, rows, code, more) == ["scipy"], "a new package: expected ['scipy']"
print("Passed.")
