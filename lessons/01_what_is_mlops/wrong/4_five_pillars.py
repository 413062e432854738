# %% wrong="looks-for-words" replaces="pillar-missing" loses="pillar-serving-promise pillar-all-at-once" demo=true
# Reads a symptom as the disease: any late copy is missing Serving.
def missing_pillar(log):
    never = float("inf")
    ended, alert = first_days(log, "stopped") | first_days(log, "live"), first_days(log, "alert")
    if any(len(fingerprints) > 1 for fingerprints in outcomes_by_item(log, "built").values()):
        return "Reproducibility"
    if any(len(results) > 1 for results in outcomes_by_item(log, "started").values()):
        return "Containerization"
    if (log["outcome"] == "too late").any():
        return "Serving"
    if any(day <= 87 and ended.get(change, never) > day + 3 for change, day in first_days(log, "ready").items()):
        return "CI/CD"
    if any(alert.get(trouble, never) > day for trouble, day in first_days(log, "complaint").items()):
        return "Observability"
    return None

# %% wrong="reads-the-first-answer" replaces="pillar-missing" loses="pillar-serving-promise pillar-all-at-once"
# Takes the first row of each payment for its answer; rows of one day come in any order.
def missing_pillar(log):
    never = float("inf")
    ended, alert = first_days(log, "stopped") | first_days(log, "live"), first_days(log, "alert")
    if any(len(fingerprints) > 1 for fingerprints in outcomes_by_item(log, "built").values()):
        return "Reproducibility"
    if any(len(results) > 1 for results in outcomes_by_item(log, "started").values()):
        return "Containerization"
    if (log[log["event"] == "asked"].groupby("item")["outcome"].first() == "too late").any():
        return "Serving"
    if any(day <= 87 and ended.get(change, never) > day + 3 for change, day in first_days(log, "ready").items()):
        return "CI/CD"
    if any(alert.get(trouble, never) > day for trouble, day in first_days(log, "complaint").items()):
        return "Observability"
    return None

# %% wrong="waits-only-for-live" replaces="pillar-missing" loses="pillar-ci-cd-promise pillar-all-at-once"
# Forgets that a change which a test has stopped is CI/CD at work.
def missing_pillar(log):
    never = float("inf")
    ended, alert = first_days(log, "live"), first_days(log, "alert")
    if any(len(fingerprints) > 1 for fingerprints in outcomes_by_item(log, "built").values()):
        return "Reproducibility"
    if any(len(results) > 1 for results in outcomes_by_item(log, "started").values()):
        return "Containerization"
    if any("in time" not in answers for answers in outcomes_by_item(log, "asked").values()):
        return "Serving"
    if any(day <= 87 and ended.get(change, never) > day + 3 for change, day in first_days(log, "ready").items()):
        return "CI/CD"
    if any(alert.get(trouble, never) > day for trouble, day in first_days(log, "complaint").items()):
        return "Observability"
    return None

# %% wrong="overlooks-what-never-comes" replaces="pillar-missing" loses="pillar-ci-cd-promise pillar-observability-promise pillar-all-at-once"
# Compares days only where both are written down: a change that never ends and an alert that never comes have no second day.
def missing_pillar(log):
    ended, alert = first_days(log, "stopped") | first_days(log, "live"), first_days(log, "alert")
    if any(len(fingerprints) > 1 for fingerprints in outcomes_by_item(log, "built").values()):
        return "Reproducibility"
    if any(len(results) > 1 for results in outcomes_by_item(log, "started").values()):
        return "Containerization"
    if any("in time" not in answers for answers in outcomes_by_item(log, "asked").values()):
        return "Serving"
    if any(change in ended and ended[change] > day + 3 for change, day in first_days(log, "ready").items()):
        return "CI/CD"
    if any(item in alert and alert[item] > day for item, day in first_days(log, "complaint").items()):
        return "Observability"
    return None

# %% wrong="judges-the-young" replaces="pillar-missing" loses="pillar-ci-cd-promise pillar-all-at-once"
# Calls a change late that became ready in the log's last days.
def missing_pillar(log):
    never = float("inf")
    ended, alert = first_days(log, "stopped") | first_days(log, "live"), first_days(log, "alert")
    if any(len(fingerprints) > 1 for fingerprints in outcomes_by_item(log, "built").values()):
        return "Reproducibility"
    if any(len(results) > 1 for results in outcomes_by_item(log, "started").values()):
        return "Containerization"
    if any("in time" not in answers for answers in outcomes_by_item(log, "asked").values()):
        return "Serving"
    if any(ended.get(change, never) > day + 3 for change, day in first_days(log, "ready").items()):
        return "CI/CD"
    if any(alert.get(trouble, never) > day for trouble, day in first_days(log, "complaint").items()):
        return "Observability"
    return None

# %% wrong="takes-the-last-alert" replaces="pillar-missing" loses="pillar-observability-promise pillar-all-at-once"
# A dict built row by row keeps the last alert of a trouble, and an alert that repeats then looks late.
def missing_pillar(log):
    never = float("inf")
    ended = first_days(log, "stopped") | first_days(log, "live")
    rows = log[log["event"] == "alert"]
    alert = dict(zip(rows["item"].tolist(), rows["day"].tolist()))
    if any(len(fingerprints) > 1 for fingerprints in outcomes_by_item(log, "built").values()):
        return "Reproducibility"
    if any(len(results) > 1 for results in outcomes_by_item(log, "started").values()):
        return "Containerization"
    if any("in time" not in answers for answers in outcomes_by_item(log, "asked").values()):
        return "Serving"
    if any(day <= 87 and ended.get(change, never) > day + 3 for change, day in first_days(log, "ready").items()):
        return "CI/CD"
    if any(alert.get(trouble, never) > day for trouble, day in first_days(log, "complaint").items()):
        return "Observability"
    return None

# %% wrong="wants-the-alert-a-day-before" replaces="pillar-missing" loses="pillar-observability-promise pillar-all-at-once"
# Takes an alert on the day of the complaint for a late one.
def missing_pillar(log):
    never = float("inf")
    ended, alert = first_days(log, "stopped") | first_days(log, "live"), first_days(log, "alert")
    if any(len(fingerprints) > 1 for fingerprints in outcomes_by_item(log, "built").values()):
        return "Reproducibility"
    if any(len(results) > 1 for results in outcomes_by_item(log, "started").values()):
        return "Containerization"
    if any("in time" not in answers for answers in outcomes_by_item(log, "asked").values()):
        return "Serving"
    if any(day <= 87 and ended.get(change, never) > day + 3 for change, day in first_days(log, "ready").items()):
        return "CI/CD"
    if any(alert.get(trouble, never) >= day for trouble, day in first_days(log, "complaint").items()):
        return "Observability"
    return None

# %% wrong="forgives-a-late-stop" replaces="pillar-missing" loses="pillar-ci-cd-promise pillar-all-at-once"
# Takes a change that a test has stopped for a good end, however late.
def missing_pillar(log):
    never = float("inf")
    live, stopped, alert = first_days(log, "live"), first_days(log, "stopped"), first_days(log, "alert")
    if any(len(fingerprints) > 1 for fingerprints in outcomes_by_item(log, "built").values()):
        return "Reproducibility"
    if any(len(results) > 1 for results in outcomes_by_item(log, "started").values()):
        return "Containerization"
    if any("in time" not in answers for answers in outcomes_by_item(log, "asked").values()):
        return "Serving"
    ready = {change: day for change, day in first_days(log, "ready").items() if change not in stopped and day <= 87}
    if any(live.get(change, never) > day + 3 for change, day in ready.items()):
        return "CI/CD"
    if any(alert.get(trouble, never) > day for trouble, day in first_days(log, "complaint").items()):
        return "Observability"
    return None

# %% wrong="wants-two-late-copies" replaces="pillar-missing" loses="pillar-serving-promise pillar-all-at-once"
# Lets a payment pass that asked one copy only, and waited in vain: "one late answer is bad luck".
def missing_pillar(log):
    never = float("inf")
    ended, alert = first_days(log, "stopped") | first_days(log, "live"), first_days(log, "alert")
    if any(len(fingerprints) > 1 for fingerprints in outcomes_by_item(log, "built").values()):
        return "Reproducibility"
    if any(len(results) > 1 for results in outcomes_by_item(log, "started").values()):
        return "Containerization"
    answers = log[log["event"] == "asked"].groupby("item")["outcome"].agg(list)
    if any("in time" not in given and len(given) > 1 for given in answers):
        return "Serving"
    if any(day <= 87 and ended.get(change, never) > day + 3 for change, day in first_days(log, "ready").items()):
        return "CI/CD"
    if any(alert.get(trouble, never) > day for trouble, day in first_days(log, "complaint").items()):
        return "Observability"
    return None
