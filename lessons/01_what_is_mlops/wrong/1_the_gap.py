# %% wrong="catches-the-person-too" replaces="gap-predict-with-fallback" loses="gap-lets-people-stop" demo=true
# A bare except looks safe: it also swallows the person who pressed stop.
def predict_with_fallback(model, features, timeout):
    try:
        days = call_with_timeout(model.predict, features, timeout=timeout)
        if math.isfinite(days):
            return days, "model"
    except:  # noqa: E722
        pass
    return rule_of_thumb(features), "fallback"

# %% wrong="knows-a-few-exceptions" replaces="gap-predict-with-fallback" loses="gap-survives-exceptions"
# Catches the exceptions that came to mind.
def predict_with_fallback(model, features, timeout):
    try:
        days = call_with_timeout(model.predict, features, timeout=timeout)
    except (ValueError, TypeError, KeyError, RuntimeError, TimeoutError):
        return rule_of_thumb(features), "fallback"
    if isinstance(days, float) and math.isfinite(days):
        return days, "model"
    return rule_of_thumb(features), "fallback"

# %% wrong="takes-zero-for-nothing" replaces="gap-predict-with-fallback" loses="gap-healthy-answers-itself"
# "if days" is false for 0.0 as well, and a letter that is collected in the shop takes 0.0 days.
def predict_with_fallback(model, features, timeout):
    try:
        days = call_with_timeout(model.predict, features, timeout=timeout)
        if days and math.isfinite(days):
            return days, "model"
    except Exception:
        pass
    return rule_of_thumb(features), "fallback"

# %% wrong="asks-twice" replaces="gap-predict-with-fallback" loses="gap-healthy-answers-itself"
# Looks at one answer and returns another.
def predict_with_fallback(model, features, timeout):
    try:
        if math.isfinite(call_with_timeout(model.predict, features, timeout=timeout)):
            return call_with_timeout(model.predict, features, timeout=timeout), "model"
    except Exception:
        pass
    return rule_of_thumb(features), "fallback"

# %% wrong="looks-for-nan-only" replaces="gap-predict-with-fallback" loses="gap-survives-no-number"
# Finds NaN, which is the one that differs from itself; infinity and None go out to customers.
def predict_with_fallback(model, features, timeout):
    try:
        days = call_with_timeout(model.predict, features, timeout=timeout)
        if days == days:
            return days, "model"
    except Exception:
        pass
    return rule_of_thumb(features), "fallback"

# %% wrong="takes-any-float" replaces="gap-predict-with-fallback" loses="gap-survives-no-number"
# None is no float and NaN differs from itself; infinity is a float that equals itself.
def predict_with_fallback(model, features, timeout):
    try:
        days = call_with_timeout(model.predict, features, timeout=timeout)
        if isinstance(days, (int, float)) and days == days:
            return days, "model"
    except Exception:
        pass
    return rule_of_thumb(features), "fallback"

# %% wrong="has-its-own-patience" replaces="gap-predict-with-fallback" loses="gap-survives-silence"
# Two seconds seemed reasonable; the caller had asked for less.
def predict_with_fallback(model, features, timeout):
    try:
        days = call_with_timeout(model.predict, features, timeout=2)
        if math.isfinite(days):
            return days, "model"
    except Exception:
        pass
    return rule_of_thumb(features), "fallback"

# %% wrong="is-impatient" replaces="gap-predict-with-fallback" loses="gap-healthy-answers-itself"
# Half a second seemed generous; the caller would have waited for six.
def predict_with_fallback(model, features, timeout):
    try:
        days = call_with_timeout(model.predict, features, timeout=min(timeout, 0.5))
        if math.isfinite(days):
            return days, "model"
    except Exception:
        pass
    return rule_of_thumb(features), "fallback"

# %% wrong="calls-before-the-clock-starts" replaces="gap-predict-with-fallback" loses="gap-healthy-answers-itself gap-survives-silence"
# Hands over what the model answered, not the model: the waiting is done before the clock runs, and a number cannot be called.
def predict_with_fallback(model, features, timeout):
    try:
        days = call_with_timeout(model.predict(features), timeout=timeout)
        if math.isfinite(days):
            return days, "model"
    except Exception:
        pass
    return rule_of_thumb(features), "fallback"

# %% wrong="forgets-the-clock" replaces="gap-predict-with-fallback" loses="gap-survives-silence"
# Survives what raises and what is no number; what hangs is waited for.
def predict_with_fallback(model, features, timeout):
    try:
        days = model.predict(features)
        if math.isfinite(days):
            return days, "model"
    except Exception:
        pass
    return rule_of_thumb(features), "fallback"
