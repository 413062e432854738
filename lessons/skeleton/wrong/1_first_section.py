# %% wrong="takes-zero-for-a-gap" replaces="first-gap" loses="first-gap-is-found first-gap-stays-quiet" demo=true
# Asks whether the value is false instead of whether it is missing: every zero becomes a gap.
def first_gap(values):
    for place, value in enumerate(values):
        if not value:
            return place
    return None

# %% wrong="finds-the-last-gap" replaces="first-gap" loses="first-gap-is-found"
# Goes on after it has found one.
def first_gap(values):
    found = None
    for place, value in enumerate(values):
        if value is None:
            found = place
    return found

# %% wrong="answers-minus-one" replaces="first-gap" loses="first-gap-stays-quiet"
# Used to another language, in which -1 says that nothing was found.
def first_gap(values):
    return values.index(None) if None in values else -1
