# %% wrong="hashes-what-print-shows" replaces="fingerprint-four-artefacts" loses="fingerprint-repeats fingerprint-sees-data fingerprint-sees-model" demo=true
# The first thing one tries: everything into one f-string. Printed numbers are rounded, dicts keep their order.
def fingerprint(code, data, model, config):
    return hashlib.sha256(f"{code}{data}{model}{config}".encode()).hexdigest()

# %% wrong="sorts-only-the-top" replaces="fingerprint-four-artefacts" loses="fingerprint-repeats"
# Sorts the config's own keys, and forgets the dict inside.
def fingerprint(code, data, model, config):
    columns = [[name, str(data[name].dtype), data[name].tolist()] for name in data]
    parts = [code, columns, model.tolist(), sorted(config.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

# %% wrong="writes-a-csv" replaces="fingerprint-four-artefacts" loses="fingerprint-sees-data"
# A CSV file holds values, not types: True and "True" look the same in it, and so do two kinds of whole numbers.
def fingerprint(code, data, model, config):
    parts = [code, data.to_csv(index=False), model.tolist(), config]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

# %% wrong="rounds-the-weights" replaces="fingerprint-four-artefacts" loses="fingerprint-sees-model"
# Rounds, so that "noise" does not count: but a last bit is a difference, and finding it is the whole point.
def fingerprint(code, data, model, config):
    columns = [[name, str(data[name].dtype), data[name].tolist()] for name in data]
    parts = [code, columns, model.round(8).tolist(), config]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

# %% wrong="sorts-the-weights" replaces="fingerprint-four-artefacts" loses="fingerprint-sees-model"
# "Order does not count": true of a dict's keys, and no reason to put the weights in order.
def fingerprint(code, data, model, config):
    columns = [[name, str(data[name].dtype), data[name].tolist()] for name in data]
    parts = [code, columns, sorted(model.tolist()), config]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

# %% wrong="makes-everything-text" replaces="fingerprint-four-artefacts" loses="fingerprint-sees-config"
# Turns each setting into text first: 1 and "1" become one.
def fingerprint(code, data, model, config):
    columns = [[name, str(data[name].dtype), data[name].tolist()] for name in data]
    words = {key: sorted(value.items()) if isinstance(value, dict) else str(value) for key, value in config.items()}
    return hashlib.sha256(json.dumps([code, columns, model.tolist(), words], sort_keys=True).encode()).hexdigest()

# %% wrong="writes-numbers-as-decimals" replaces="fingerprint-four-artefacts" loses="fingerprint-sees-config"
# Every number becomes a decimal one, "so that 5 and 5.0 agree": the contract says that they do not.
def fingerprint(code, data, model, config):
    columns = [[name, str(data[name].dtype), data[name].tolist()] for name in data]
    config = {key: float(value) if isinstance(value, int) else value for key, value in config.items()}
    return hashlib.sha256(json.dumps([code, columns, model.tolist(), config], sort_keys=True).encode()).hexdigest()

# %% wrong="adds-row-hashes-up" replaces="fingerprint-four-artefacts" loses="fingerprint-sees-data"
# A hash for each row, added up: a sum does not know the order of its parts.
def fingerprint(code, data, model, config):
    import pandas as pd

    rows = int(pd.util.hash_pandas_object(data, index=False).sum())
    parts = [code, list(data), [str(kind) for kind in data.dtypes], rows, model.tolist(), config]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

# %% wrong="tidies-the-code" replaces="fingerprint-four-artefacts" loses="fingerprint-sees-code"
# Ignores white space in the code "because it does nothing"; in Python it does.
def fingerprint(code, data, model, config):
    columns = [[name, str(data[name].dtype), data[name].tolist()] for name in data]
    parts = [code.split(), columns, model.tolist(), config]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

# %% wrong="uses-pythons-own-hash" replaces="fingerprint-four-artefacts" loses="fingerprint-repeats"
# Python's hash() of a text is salted anew in every process: after a restart the same run has another name.
def fingerprint(code, data, model, config):
    columns = [[name, str(data[name].dtype), data[name].tolist()] for name in data]
    return hash(json.dumps([code, columns, model.tolist(), config], sort_keys=True))

# %% wrong="tidies-the-frame-in-place" replaces="fingerprint-four-artefacts" loses="fingerprint-repeats fingerprint-sees-data"
# Puts the columns in order first, "as with the keys": and the caller's frame is another one afterwards.
def fingerprint(code, data, model, config):
    data.sort_index(axis=1, inplace=True)
    columns = [[name, str(data[name].dtype), data[name].tolist()] for name in data]
    parts = [code, columns, model.tolist(), config]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
