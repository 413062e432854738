# %% wrong="compares-heads-not-shares" replaces="start-worst-step" loses="start-worst-step-by-share" demo=true
# Looks for the longest missing piece of bar: how many are lost, not which share of those that came.
def worst_step(funnel):
    lost = -funnel["remaining"].diff().to_numpy()[1:]
    return funnel["step"].iloc[1 + lost.argmax()]

# %% wrong="trips-over-nobody" replaces="start-worst-step" loses="start-worst-step-empty"
# Divides by nobody: in NumPy that gives NaN, and argmax takes a NaN for the largest.
def worst_step(funnel):
    left = funnel["remaining"].to_numpy()
    with np.errstate(all="ignore"):
        lost = 1 - left[1:] / left[:-1]
    return funnel["step"].iloc[1 + lost.argmax()]

# %% wrong="divides-by-the-first" replaces="start-worst-step" loses="start-worst-step-by-share"
# Takes every loss as a share of those that were there at the beginning.
def worst_step(funnel):
    left = funnel["remaining"].to_numpy()
    lost = (left[:-1] - left[1:]) / left[0]
    return funnel["step"].iloc[1 + lost.argmax()]

# %% wrong="names-the-step-before" replaces="start-worst-step" loses="start-worst-step-by-share start-worst-step-empty"
# Names where they were last seen, not the step that they did not reach.
def worst_step(funnel):
    left = funnel["remaining"].to_numpy()
    lost = (left[:-1] - left[1:]) / np.maximum(left[:-1], 1)
    return funnel["step"].iloc[lost.argmax()]

# %% wrong="looks-at-the-last-step" replaces="start-worst-step" loses="start-worst-step-by-share"
# Takes the smallest bar for the worst step.
def worst_step(funnel):
    return funnel["step"].iloc[funnel["remaining"].to_numpy().argmin()]

# %% wrong="begins-one-too-late" replaces="start-worst-step" loses="start-worst-step-by-share start-worst-step-empty"
# The first step loses nothing, so it is left out; then the first loss is left out as well.
def worst_step(funnel):
    lost = (1 - funnel["remaining"] / funnel["remaining"].shift()).fillna(0)
    return funnel["step"].iloc[2:].iloc[lost.iloc[2:].to_numpy().argmax()]
