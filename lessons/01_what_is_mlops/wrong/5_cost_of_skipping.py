# %% wrong="columns-before-days" replaces="retail-first-bad-day" loses="retail-names-the-column" demo=true
# Loops over the columns on the outside: names the first column in the list, not the first to break.
def first_bad_day(days, watched):
    for column in watched:
        missing = pd.Series([frame[column].isna().mean() for frame in days])
        bad = missing.index[(missing - missing[:7].median() > 0.10) & (missing.index >= 7)]
        if len(bad):
            return int(bad[0]), column
    return None

# %% wrong="names-the-loudest-of-all-days" replaces="retail-first-bad-day" loses="retail-names-the-column"
# Finds the day, and then names the column that rose most in the whole month: a later, louder break takes the blame.
def first_bad_day(days, watched):
    missing = pd.DataFrame([frame[watched].isna().mean() for frame in days])
    rise = (missing - missing[:7].median())[7:]
    broken = rise[(rise > 0.10).any(axis=1)]
    return (int(broken.index[0]), rise.max().idxmax()) if len(broken) else None

# %% wrong="looks-into-the-future" replaces="retail-first-bad-day" loses="retail-names-the-column retail-keeps-quiet"
# Takes the whole month as normal: an early break becomes the normal state.
def first_bad_day(days, watched):
    missing = pd.DataFrame([frame[watched].isna().mean() for frame in days])
    rise = missing - missing.median()
    for day in range(7, len(days)):
        if rise.loc[day].max() > 0.10:
            return day, rise.loc[day].idxmax()
    return None

# %% wrong="compares-with-yesterday" replaces="retail-first-bad-day" loses="retail-names-the-column retail-keeps-quiet"
# Looks for a jump from one day to the next: what grows slowly never jumps.
def first_bad_day(days, watched):
    for day in range(7, len(days)):
        rise = days[day][watched].isna().mean() - days[day - 1][watched].isna().mean()
        if rise.max() > 0.10:
            return day, rise.idxmax()
    return None

# %% wrong="watches-every-column" replaces="retail-first-bad-day" loses="retail-keeps-quiet"
# Forgets `watched`: wakes people for a column that no model reads.
def first_bad_day(days, watched):
    missing = pd.DataFrame([frame.isna().mean() for frame in days])
    rise = missing - missing[:7].median()
    for day in range(7, len(days)):
        if rise.loc[day].max() > 0.10:
            return day, rise.loc[day].idxmax()
    return None

# %% wrong="rings-above-a-third" replaces="retail-first-bad-day" loses="retail-names-the-column retail-keeps-quiet"
# One limit for all columns: a column that always lacks much rings every day, one that never does rings late.
def first_bad_day(days, watched):
    for day in range(7, len(days)):
        missing = days[day][watched].isna().mean()
        if missing.max() > 0.30:
            return day, missing.idxmax()
    return None

# %% wrong="normal-is-the-mean" replaces="retail-first-bad-day" loses="retail-keeps-quiet"
# The mean instead of the median: one odd day in the good week moves it.
def first_bad_day(days, watched):
    missing = pd.DataFrame([frame[watched].isna().mean() for frame in days])
    rise = missing - missing[:7].mean()
    for day in range(7, len(days)):
        if rise.loc[day].max() > 0.10:
            return day, rise.loc[day].idxmax()
    return None

# %% wrong="first-watched-column-of-the-day" replaces="retail-first-bad-day" loses="retail-names-the-column"
# The right day, but of two columns that break on it the one that stands first in the list.
def first_bad_day(days, watched):
    missing = pd.DataFrame([frame[watched].isna().mean() for frame in days])
    rise = missing - missing[:7].median()
    for day in range(7, len(days)):
        for column in watched:
            if rise.loc[day, column] > 0.10:
                return day, column
    return None

# %% wrong="blocks-only" replaces="bank-alarm" loses="bank-alarm-rings bank-alarm-keeps-quiet" demo=true
# More is blocked, so customers must be hurt: rings in the middle of an attack.
def bank_alarm(then, now):
    return bool(now["blocked"].mean() >= 2 * then["blocked"].mean())

# %% wrong="only-what-moved-far" replaces="bank-alarm" loses="bank-alarm-rings"
# Waits until one feature has moved far (0.25): several that moved a little do the same harm.
def bank_alarm(then, now):
    moved = population_shift(then, now).max() > 0.25
    return bool(moved and now["blocked"].mean() >= 2 * then["blocked"].mean())

# %% wrong="shift-only" replaces="bank-alarm" loses="bank-alarm-rings bank-alarm-keeps-quiet"
# Drift is harm: rings for every new shop.
def bank_alarm(then, now):
    return bool(population_shift(then, now).max() > 0.1)

# %% wrong="three-blocks-in-a-hundred" replaces="bank-alarm" loses="bank-alarm-rings"
# A fixed limit on the share blocked, read off the example, instead of twice what it was.
def bank_alarm(then, now):
    return bool(population_shift(then, now).max() > 0.1 and now["blocked"].mean() > 0.03)

# %% wrong="forgets-what-it-costs-to-act" replaces="bank-best-action" loses="bank-cheapest-action"
# Counts mistakes only: retraining looks free.
def best_action(options, wrong_block, missed_fraud, days):
    a_day = options["wrongly_blocked_a_day"] * wrong_block + options["frauds_missed_a_day"] * missed_fraud
    waiting = options["works_after_days"].clip(upper=days)
    return (waiting * a_day["leave it"] + (days - waiting) * a_day).idxmin()

# %% wrong="works-before-it-is-there" replaces="bank-best-action" loses="bank-cheapest-action"
# An action that comes after the last day gets a negative number of days, and seems to earn money on them.
def best_action(options, wrong_block, missed_fraud, days):
    a_day = options["wrongly_blocked_a_day"] * wrong_block + options["frauds_missed_a_day"] * missed_fraud
    waiting = options["works_after_days"]
    return (options["cost_once"] + waiting * a_day["leave it"] + (days - waiting) * a_day).idxmin()

# %% wrong="first-row-is-leave-it" replaces="bank-best-action" loses="bank-cheapest-action" demo=true
# Takes the first row for the present state, wherever it stands.
def best_action(options, wrong_block, missed_fraud, days):
    a_day = options["wrongly_blocked_a_day"] * wrong_block + options["frauds_missed_a_day"] * missed_fraud
    waiting = options["works_after_days"].clip(upper=days)
    return (options["cost_once"] + waiting * a_day.iloc[0] + (days - waiting) * a_day).idxmin()

# %% wrong="waiting-is-free" replaces="bank-best-action" loses="bank-cheapest-action"
# Counts the days on which the action works, and forgets what the wait costs.
def best_action(options, wrong_block, missed_fraud, days):
    a_day = options["wrongly_blocked_a_day"] * wrong_block + options["frauds_missed_a_day"] * missed_fraud
    working = (days - options["works_after_days"]).clip(lower=0)
    return (options["cost_once"] + working * a_day).idxmin()

# %% wrong="wrong-blocks-only" replaces="bank-best-action" loses="bank-cheapest-action"
# Counts the blocked customers and forgets the missed frauds, whose number a new threshold raises.
def best_action(options, wrong_block, missed_fraud, days):
    a_day = options["wrongly_blocked_a_day"] * wrong_block
    waiting = options["works_after_days"].clip(upper=days)
    return (options["cost_once"] + waiting * a_day["leave it"] + (days - waiting) * a_day).idxmin()
