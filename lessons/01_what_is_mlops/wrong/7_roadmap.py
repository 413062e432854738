# %% wrong="keeps-the-whole-environment" replaces="road-environment-report" loses="road-report-repeats road-report-holds-nothing-else"
# "More is safer": the whole environ goes in, tokens and all, in the order in which it came.
def environment_report(lock_text, python, platform, environ):
    return {
        "lock": hashlib.sha256(lock_text.encode()).hexdigest(),
        "python": python,
        "platform": platform,
        "threads": {name: environ.get(name) for name in THREAD_SETTINGS},
        "environ": dict(environ),
    }

# %% wrong="takes-every-name-with-threads" replaces="road-environment-report" loses="road-report-holds-nothing-else" demo=true
# Looks for names that sound like threads, instead of asking for the three that are wanted.
def environment_report(lock_text, python, platform, environ):
    threads = {name: environ.get(name) for name in THREAD_SETTINGS}
    threads |= {name: environ[name] for name in sorted(environ) if name.endswith("_NUM_THREADS")}
    return {
        "lock": hashlib.sha256(lock_text.encode()).hexdigest(),
        "python": python,
        "platform": platform,
        "threads": threads,
    }

# %% wrong="asks-its-own-machine" replaces="road-environment-report" loses="road-report-says-what-it-was-given"
# Reports the machine that runs the function, not the one that was handed in.
def environment_report(lock_text, python, platform, environ):
    import os
    import platform as machine

    return {
        "lock": hashlib.sha256(lock_text.encode()).hexdigest(),
        "python": machine.python_version(),
        "platform": machine.platform(),
        "threads": {name: os.environ.get(name) for name in THREAD_SETTINGS},
    }

# %% wrong="leaves-absent-settings-out" replaces="road-environment-report" loses="road-report-says-what-it-was-given road-report-holds-nothing-else"
# Reports only what is set: whether a setting was absent or nobody looked, the report no longer says.
def environment_report(lock_text, python, platform, environ):
    return {
        "lock": hashlib.sha256(lock_text.encode()).hexdigest(),
        "python": python,
        "platform": platform,
        "threads": {name: environ[name] for name in THREAD_SETTINGS if name in environ},
    }

# %% wrong="takes-empty-for-absent" replaces="road-environment-report" loses="road-report-says-what-it-was-given"
# `or None` looks tidy, and makes an empty setting disappear.
def environment_report(lock_text, python, platform, environ):
    return {
        "lock": hashlib.sha256(lock_text.encode()).hexdigest(),
        "python": python,
        "platform": platform,
        "threads": {name: environ.get(name) or None for name in THREAD_SETTINGS},
    }

# %% wrong="follows-the-order-of-environ" replaces="road-environment-report" loses="road-report-repeats"
# Walks through environ, so that the same machine gives another text when its names come in another order.
def environment_report(lock_text, python, platform, environ):
    threads = {name: value for name, value in environ.items() if name in THREAD_SETTINGS}
    for name in THREAD_SETTINGS:
        threads.setdefault(name, None)
    return {
        "lock": hashlib.sha256(lock_text.encode()).hexdigest(),
        "python": python,
        "platform": platform,
        "threads": threads,
    }

# %% wrong="empties-what-it-is-given" replaces="road-environment-report" loses="road-report-repeats"
# `pop` with a default is short, and takes the settings away from the caller.
def environment_report(lock_text, python, platform, environ):
    return {
        "lock": hashlib.sha256(lock_text.encode()).hexdigest(),
        "python": python,
        "platform": platform,
        "threads": {name: environ.pop(name, None) for name in THREAD_SETTINGS},
    }

# %% wrong="hashes-only-the-versions" replaces="road-environment-report" loses="road-report-says-what-it-was-given"
# Looks at names and versions only: a package swapped under the same version goes unnoticed.
def environment_report(lock_text, python, platform, environ):
    pins = "\n".join(line for line in lock_text.splitlines() if "==" in line)
    return {
        "lock": hashlib.sha256(pins.encode()).hexdigest(),
        "python": python,
        "platform": platform,
        "threads": {name: environ.get(name) for name in THREAD_SETTINGS},
    }

# %% wrong="tidies-the-lock" replaces="road-environment-report" loses="road-report-says-what-it-was-given"
# Strips white space before hashing, so that the report no longer fits the file.
def environment_report(lock_text, python, platform, environ):
    return {
        "lock": hashlib.sha256(lock_text.strip().encode()).hexdigest(),
        "python": python,
        "platform": platform,
        "threads": {name: environ.get(name) for name in THREAD_SETTINGS},
    }

# %% wrong="adds-the-time" replaces="road-environment-report" loses="road-report-repeats road-report-holds-nothing-else"
# Notes when the report was made: then no two reports are ever equal.
def environment_report(lock_text, python, platform, environ):
    import time

    return {
        "lock": hashlib.sha256(lock_text.encode()).hexdigest(),
        "python": python,
        "platform": platform,
        "threads": {name: environ.get(name) for name in THREAD_SETTINGS},
        "made": time.time_ns(),
    }
