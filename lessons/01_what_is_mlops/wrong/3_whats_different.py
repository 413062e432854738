# %% wrong="seeds-everybody" replaces="seed-train" loses="seed-train-leaves-the-dice" demo=true
# The first thing one finds on the web: set the global seeds. Repeatable, and everybody else's dice are loaded now.
def train(features, labels, seed):
    random.seed(seed)
    np.random.seed(seed)
    return train_carelessly(features, labels)

# %% wrong="forgets-the-other-dice" replaces="seed-train" loses="seed-train-leaves-the-dice"
# Cares for NumPy's generator and forgets that Python has one of its own.
def train(features, labels, seed):
    random.seed(seed)
    held_out = random.sample(range(len(labels)), len(labels) // 4)
    learned = np.setdiff1d(np.arange(len(labels)), held_out)
    forest = RandomForestClassifier(TREES, random_state=seed)
    return forest.fit(features[learned], labels[learned]), sorted(held_out)

# %% wrong="pins-only-the-forest" replaces="seed-train" loses="seed-train-obeys seed-train-leaves-the-dice"
# "random_state is set, so it is pinned": the rows are not.
def train(features, labels, seed):
    held_out = random.sample(range(len(labels)), len(labels) // 4)
    learned = np.setdiff1d(np.arange(len(labels)), held_out)
    forest = RandomForestClassifier(TREES, random_state=seed)
    return forest.fit(features[learned], labels[learned]), sorted(held_out)

# %% wrong="zero-is-no-seed" replaces="seed-train" loses="seed-train-obeys"
# "if seed" is false for 0, and then nothing is pinned.
def train(features, labels, seed):
    rng = np.random.default_rng(seed) if seed else np.random.default_rng()
    held_out = rng.permutation(len(labels))[: len(labels) // 4]
    learned = np.setdiff1d(np.arange(len(labels)), held_out)
    forest = RandomForestClassifier(TREES, random_state=int(rng.integers(2**31)))
    return forest.fit(features[learned], labels[learned]), sorted(held_out.tolist())

# %% wrong="keeps-the-seed-small" replaces="seed-train" loses="seed-train-obeys"
# "A seed is a small number": of large ones only the last digits count, and many seeds become one.
def train(features, labels, seed):
    small = seed % 1000
    held_out = np.random.default_rng(small).permutation(len(labels))[: len(labels) // 4]
    learned = np.setdiff1d(np.arange(len(labels)), held_out)
    forest = RandomForestClassifier(TREES, random_state=small)
    return forest.fit(features[learned], labels[learned]), sorted(held_out.tolist())

# %% wrong="always-42" replaces="seed-train" loses="seed-train-obeys"
# Repeatable indeed: the argument is not read.
def train(features, labels, seed):
    held_out = np.random.default_rng(42).permutation(len(labels))[: len(labels) // 4]
    learned = np.setdiff1d(np.arange(len(labels)), held_out)
    forest = RandomForestClassifier(TREES, random_state=42)
    return forest.fit(features[learned], labels[learned]), sorted(held_out.tolist())

# %% wrong="holds-out-on-paper" replaces="seed-train" loses="seed-train-holds-out"
# Draws the rows to hold out, and trains on all of them.
def train(features, labels, seed):
    held_out = np.random.default_rng(seed).permutation(len(labels))[: len(labels) // 4]
    forest = RandomForestClassifier(TREES, random_state=seed).fit(features, labels)
    return forest, sorted(held_out.tolist())

# %% wrong="draws-a-row-twice" replaces="seed-train" loses="seed-train-holds-out"
# integers() draws with replacement: some rows come twice, and fewer than a quarter are held out.
def train(features, labels, seed):
    held_out = np.random.default_rng(seed).integers(0, len(labels), len(labels) // 4)
    learned = np.setdiff1d(np.arange(len(labels)), held_out)
    forest = RandomForestClassifier(TREES, random_state=seed)
    return forest.fit(features[learned], labels[learned]), sorted(held_out.tolist())

# %% wrong="holds-out-the-same-rows" replaces="seed-train" loses="seed-train-obeys"
# Pins the draw of the rows to a number of its own: repeatable, and half of the chance does not obey the seed.
def train(features, labels, seed):
    held_out = np.random.default_rng(0).permutation(len(labels))[: len(labels) // 4]
    learned = np.setdiff1d(np.arange(len(labels)), held_out)
    forest = RandomForestClassifier(TREES, random_state=seed)
    return forest.fit(features[learned], labels[learned]), sorted(held_out.tolist())

# %% wrong="leaves-the-labels-behind" replaces="seed-train" loses="seed-train-holds-out"
# Takes some rows of the features and the first of the labels: it fits, and learns nothing.
def train(features, labels, seed):
    held_out = np.random.default_rng(seed).permutation(len(labels))[: len(labels) // 4]
    learned = np.setdiff1d(np.arange(len(labels)), held_out)
    forest = RandomForestClassifier(TREES, random_state=seed)
    return forest.fit(features[learned], labels[: len(learned)]), sorted(held_out.tolist())

# %% wrong="any-number-will-do" replaces="batch-validate" loses="batch-validate-schema"
# Asks whether a column holds numbers, not whether it holds the agreed ones.
def validate(batch, contract):
    broken = []
    for column, rule in contract.items():
        if column not in batch or not pd.api.types.is_numeric_dtype(batch[column]):
            broken.append(column)
            continue
        there = batch[column].dropna()
        gaps = batch[column].isna().mean() > rule["most_missing"]
        out = not there.between(rule["low"], rule["high"]).all()
        if gaps or out or not rule["mean_low"] <= there.mean() <= rule["mean_high"]:
            broken.append(column)
    return broken

# %% wrong="looks-down-only" replaces="batch-validate" loses="batch-validate-quality" demo=true
# Checks the lower end of the range; nothing too large was seen yet.
def validate(batch, contract):
    broken = []
    for column, rule in contract.items():
        if column not in batch or str(batch[column].dtype) != rule["type"]:
            broken.append(column)
            continue
        there = batch[column].dropna()
        gaps = batch[column].isna().mean() > rule["most_missing"]
        if gaps or there.min() < rule["low"] or not rule["mean_low"] <= there.mean() <= rule["mean_high"]:
            broken.append(column)
    return broken

# %% wrong="means-only-grow" replaces="batch-validate" loses="batch-validate-quality"
# Watches the mean upwards, because that was the last incident.
def validate(batch, contract):
    broken = []
    for column, rule in contract.items():
        if column not in batch or str(batch[column].dtype) != rule["type"]:
            broken.append(column)
            continue
        there = batch[column].dropna()
        gaps = batch[column].isna().mean() > rule["most_missing"]
        if gaps or not there.between(rule["low"], rule["high"]).all() or there.mean() > rule["mean_high"]:
            broken.append(column)
    return broken

# %% wrong="stops-at-the-first" replaces="batch-validate" loses="batch-validate-quality"
# Returns as soon as one column is found: the second one stays unnamed.
def validate(batch, contract):
    for column, rule in contract.items():
        if column not in batch or str(batch[column].dtype) != rule["type"]:
            return [column]
        there = batch[column].dropna()
        gaps = batch[column].isna().mean() > rule["most_missing"]
        out = not there.between(rule["low"], rule["high"]).all()
        if gaps or out or not rule["mean_low"] <= there.mean() <= rule["mean_high"]:
            return [column]
    return []

# %% wrong="the-upper-limit-is-out" replaces="batch-validate" loses="batch-validate-lets-good-ones-in"
# Takes the upper limit itself for a breach, as Python's own ranges do: a false alarm now and then.
def validate(batch, contract):
    broken = []
    for column, rule in contract.items():
        if column not in batch or str(batch[column].dtype) != rule["type"]:
            broken.append(column)
            continue
        there = batch[column].dropna()
        gaps = batch[column].isna().mean() > rule["most_missing"]
        out = not there.between(rule["low"], rule["high"], inclusive="left").all()
        if gaps or out or not rule["mean_low"] <= there.mean() <= rule["mean_high"]:
            broken.append(column)
    return broken

# %% wrong="reads-the-printed-contract" replaces="batch-validate" loses="batch-validate-lets-good-ones-in"
# Uses the CONTRACT of the cell above and not the one that is handed over.
def validate(batch, contract):
    broken = []
    for column, rule in CONTRACT.items():
        if column not in batch or str(batch[column].dtype) != rule["type"]:
            broken.append(column)
            continue
        there = batch[column].dropna()
        gaps = batch[column].isna().mean() > rule["most_missing"]
        out = not there.between(rule["low"], rule["high"]).all()
        if gaps or out or not rule["mean_low"] <= there.mean() <= rule["mean_high"]:
            broken.append(column)
    return broken

# %% wrong="lets-everybody-in" replaces="batch-validate" loses="batch-validate-schema batch-validate-quality"
# No false alarm, ever.
def validate(batch, contract):
    return []

# %% wrong="stops-everybody" replaces="batch-validate" loses="batch-validate-schema batch-validate-quality batch-validate-lets-good-ones-in"
# No miss, ever.
def validate(batch, contract):
    return list(contract)

# %% wrong="counts-gaps-as-values" replaces="batch-validate" loses="batch-validate-schema batch-validate-quality batch-validate-lets-good-ones-in"
# A gap lies in no range: with between() and without dropna() every gap is one value out.
def validate(batch, contract):
    broken = []
    for column, rule in contract.items():
        if column not in batch or str(batch[column].dtype) != rule["type"]:
            broken.append(column)
            continue
        values = batch[column]
        gaps = values.isna().mean() > rule["most_missing"]
        out = not values.between(rule["low"], rule["high"]).all()
        if gaps or out or not rule["mean_low"] <= values.mean() <= rule["mean_high"]:
            broken.append(column)
    return broken
