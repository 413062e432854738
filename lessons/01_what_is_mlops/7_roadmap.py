# %% [markdown]
# # 7. The course builds what was missing, one unit at a time
#
# *Reading 3 minutes, playing 4, making 5.*
#
# After this section you can
# - find the shortest way to the unit that you need first,
# - write down the environment of a result.

# %%
import hashlib
import json

from course.doctor import THREAD_SETTINGS
from course.labs.what_is_mlops.machines import lock_of_this_course, sample_machine
from course.predict import Between, check_prediction

# %% [markdown]
# ## By the end you will have done all of this yourself
#
# The course has 42 lessons, a game day and a capstone: 44 units in 8 sections; this one is written, the others are planned.
# All are about the small bank with a shop of notebook 1.
#
# | You will have | with | in section of the course |
# |---|---|---|
# | built reproducible projects | **MLflow**, **DVC** and version-pinned environments | 1, 2 |
# | containerised training and serving | **Docker** and **Compose** | 3 |
# | deployed prediction services and load-tested them | **FastAPI** | 4 |
# | automated ML-aware tests, training and releases (CI/CD) | **GitHub Actions** | 5 |
# | detected data drift and built a monitoring dashboard | statistics, **Evidently** and your own logs | 6 |
# | run ML workloads on a cluster | **Kubernetes** and **Kubeflow** | 7 |
# | designed systems from end to end | **feature stores** and **Airflow** | 8 |

# %% [markdown]
# ## A unit's number is not its distance
#
# To notice when the bank's customers change you want unit 32, *Detecting Data Drift*.
# It names the units that it needs directly, and those need others.
# How many of the 31 before it must you do first?

# %% role="answer" grade_id="road-prediction" stub="prediction = ...  # units before unit 32, 0 to 31"
prediction = 12

# %% role="tests" grade_id="road-prediction-kind" points=1
check_prediction(prediction, Between(0, 31, "units"))  # NameError? Run the cells above.

# %% [markdown]
# Rows are sections, boxes units, and colours pillars, named on the left.
# Thick frames mark the road to the unit that you pick, each with the week in which it is done.

# %% role="lab"
from course.labs.what_is_mlops.roadmap import RoadmapLab

lab = RoadmapLab(prediction)  # NameError? Run the cell `prediction = ...` first.
lab

# %% [markdown]
# ## Every road begins with reproducibility
#
# **Light up the pillar Reproducibility, then pick several late units.**
# Unit 1 aside, does any road past the course's section 2 avoid that pillar?
#
# <details><summary>What you see, and why</summary>
#
# None does.
# You cannot compare, serve, release or monitor what you cannot make a second time.
# Unit 4, pinned environments, stands on nearly every road, and this notebook's exercise is its beginning.
#
# </details>
# %% [markdown]
# ## Make: a report of the environment (5 minutes, medium)
#
# The same code on the same data can give other numbers elsewhere, as notebook 3 showed; so first ask: *in which environment was this made?*
# Your dict answers: which **lock** (the list that pins every package), which **Python**, which **platform** (operating system and processor), and how many **threads** the numeric libraries were told to use.
#
# Nothing else goes in: a report is passed on, and `environ`, the settings that a process inherits, holds passwords and tokens too.
# The last tests cell keeps your machine's report as `environment.json`, beside this notebook.
#
# <details><summary>Hint: where each part comes from</summary>
#
# The lock's part is one hash of its whole text, as in notebook 2: <code>hashlib.sha256(text.encode()).hexdigest()</code>.
# Python and platform are handed in; a function that asks its own machine would report the wrong one.
# For the threads, begin with the names that you want, not with what <code>environ</code> holds.
#
# </details>
#
# <details><summary>More help: a name that is absent</summary>
#
# <code>environ.get(name)</code> gives the value of a name, and None where there is none.
# An empty text is a value: somebody has set it.
#
# </details>

# %%
machine = sample_machine(seed=1)
# the lock, Python, platform, environ; last the three names
print(machine.lock_text[:180] + "...", *machine[1:], THREAD_SETTINGS, sep="\n\n")

# %% role="answer" grade_id="road-environment-report"
def environment_report(lock_text, python, platform, environ):
    """Return a dict with these four keys and no other:

    "lock": the SHA-256 of the lock's text, 64 hexadecimal digits,
    "python" and "platform": as they were handed in,
    "threads": a dict of each name in THREAD_SETTINGS and its value in `environ`, None
    where it is absent. Equal machines give equal JSON, whatever the order of `environ`,
    which stays as it was.
    """
    ### BEGIN SOLUTION
    return {
        "lock": hashlib.sha256(lock_text.encode()).hexdigest(),
        "python": python,
        "platform": platform,
        "threads": {name: environ.get(name) for name in THREAD_SETTINGS},
    }
    ### END SOLUTION

# %% role="tests" grade_id="road-report-says-what-it-was-given" points=2 hint="Lock, Python, platform and threads are those that were handed in, not those of the machine that runs the function. Every character of the lock counts, also in the hashes, in comments and at the end; and absent and empty are two different things."
machine = sample_machine(seed=3)
threads = dict(zip(THREAD_SETTINGS, ("4", "", "16"), strict=True))
handed_in = {"python": machine.python, "platform": machine.platform}
report = environment_report(*machine[:3], machine.environ | threads)
assert isinstance(report, dict), f"expected a dict, got {report!r}"
for key, expected in handed_in.items():
    assert report[key] == expected, f"{key}: expected {expected!r}, got {report[key]!r}"
assert report["threads"] == threads, f"expected {threads}, got {report['threads']}"
lock = report["lock"]
assert isinstance(lock, str) and len(lock) == 64, f"expected 64 digits, got {lock!r}"
newer = machine.lock_text.replace("numpy==", "numpy==1")
other = environment_report(newer, *machine[1:])["lock"]
assert other != lock, "the lock names another NumPy: expected another hash"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0xF9D951884398A9FF0B9F24C3AFE4EC46, 0x7AE43DD19CAAE8385A33B2B1D6ED0D49):
    machine = sample_machine(seed)
    hashed = machine.lock_text.rpartition("sha256:")
    for text in (machine.lock_text, hashed[0] + "sha256:" + hashed[2][::-1], machine.lock_text + "# für später\n\n"):
        expected = hashlib.sha256(text.encode("utf-8")).hexdigest()
        got = environment_report(text, *machine[1:])["lock"]
        assert got == expected, f"lock: expected the SHA-256 of its text, {expected}, got {got!r}"
for seed in (0xDF2594D125512B0082362EBA8C659659, 0xBBB3290E16663B3E9CE6602996211600):
    machine = sample_machine(seed)
    for place, chosen in enumerate(THREAD_SETTINGS):
        environ = {name: text for name, text in machine.environ.items() if name not in THREAD_SETTINGS}
        environ[chosen] = ("16", "", "2,1")[place]
        report = environment_report(machine.lock_text, machine.python, machine.platform, dict(environ))
        for name in THREAD_SETTINGS:
            got, expected = report["threads"].get(name, "no such name"), environ.get(name)
            assert got == expected, f"threads, {name}: expected {expected!r}, got {got!r}"
        assert report["python"] == machine.python, f"python: expected {machine.python!r}, got {report['python']!r}"
        expected = machine.platform
        assert report["platform"] == expected, f"platform: expected {expected!r}, got {report['platform']!r}"
### END HIDDEN TESTS

# %% role="tests" grade_id="road-report-holds-nothing-else" points=2 hint="Four keys, and in the threads only names of THREAD_SETTINGS: a name that looks like one of them may hold a licence key."
machine = sample_machine(seed=5)
token = machine.environ["API_TOKEN"]
report = environment_report(*machine)
keys = sorted(report)
assert keys == ["lock", "platform", "python", "threads"], f"not these four: {keys}"
names = set(report["threads"])  # here one of them is absent
assert names == set(THREAD_SETTINGS), f"expected THREAD_SETTINGS, got {sorted(names)}"
assert token not in json.dumps(report), f"expected no secret, got the token {token}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0x8EE94510EDB5933B324A992D364B4795, 0xCC22E792D8CA2D5BCA0F07913EC2F288):
    machine = sample_machine(seed)
    for decoy in ("SOLVER_NUM_THREADS", "OMP_NUM_THREADS_TOKEN", "omp_num_threads", "MKL_LICENCE", "MKL_DEBUG_KEY"):
        secret = hashlib.sha256(f"{seed}{decoy}".encode()).hexdigest()[:20]
        report = environment_report(*machine[:3], machine.environ | {decoy: secret})
        assert set(report) == {"lock", "python", "platform", "threads"}, f"expected four keys, got {sorted(report)}"
        more = set(report["threads"]) - set(THREAD_SETTINGS)
        assert not more, f"threads: expected names of THREAD_SETTINGS only, got {sorted(more)} as well"
        assert secret not in json.dumps(report), f"expected nothing else of environ, got the value of {decoy}"
### END HIDDEN TESTS

# %% role="tests" grade_id="road-report-repeats" points=1 hint="Build the same environment twice, its names in another order the second time, and write both reports as JSON: not a letter may differ; and what was handed in stays as it was."
import os
import platform
from pathlib import Path

mine = (lock_of_this_course(), platform.python_version(), platform.platform())
threads = {name: os.environ[name] for name in THREAD_SETTINGS if name in os.environ}
first = json.dumps(environment_report(*mine, {"LANG": "C", **threads}), indent=2)
second = json.dumps(environment_report(*mine, {**threads, "LANG": "C"}), indent=2)
assert first == second, f"another order: expected the same JSON, got\n{first}\n{second}"
here = {"python": platform.python_version(), "platform": platform.platform()}
here["threads"] = {name: os.environ.get(name) for name in THREAD_SETTINGS}
wrong = [key for key in here if json.loads(first).get(key) != here[key]]
assert not wrong, f"only a report of this machine is kept; another's: {wrong}"
Path("environment.json").write_text(first + "\n", encoding="utf-8")
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
for seed in (0x31C0EB11658E75AA1D89DE791010BFCF, 0xE4432924BDD0D7A32F86227E69C47400):
    machine = sample_machine(seed)
    environ = machine.environ | {name: str(place) for place, name in enumerate(THREAD_SETTINGS)}
    turned, kept = dict(reversed(environ.items())), dict(environ)
    first = json.dumps(environment_report(*machine[:3], environ))
    second = json.dumps(environment_report(*machine[:3], turned))
    assert first == second, f"names in another order: expected the same JSON, got\n{first}\n{second}"
    third = json.dumps(environment_report(*machine[:3], environ))
    assert first == third, f"called again: expected the same JSON, got\n{first}\n{third}"
    assert environ == kept, "expected environ to stay as it was, but it was changed"
### END HIDDEN TESTS

# %% [markdown]
# `environment.json` is the first artefact of this course: run everything again, and not a letter changes.
#
# ## Reflect: one sentence to a colleague
#
# A colleague runs your code on your data and gets other numbers.
# Which file do you ask her for, and what does it tell you that her numbers cannot?
#
# *Next*: in unit 2, **The ML Lifecycle and Technical Debt**, a harmless tidy-up of one model's pipeline moves another's numbers.
#
# ## Go further: found is not the same as working (3 minutes, no points)
#
# The doctor looks for each unit's tools on your machine, and starts none.
# Where a box says *tools here*, can you be sure they work?

# %% role="lab"
from course.labs.what_is_mlops.roadmap import MachineLab

MachineLab()

# %% [markdown]
# <details><summary>What you see, and why</summary>
#
# No.
# A package can be installed and fail on import; the command <code>docker</code> can lie there while no Docker runs.
# A check says what it looked at, and one that says more is a green light nobody should trust.
#
# </details>
#
# ## Go further: say what differs between two environments (6 minutes, no points)
#
# `what_differs` takes two reports and returns the names of the entries that differ, sorted: `"lock"`, `"python"`, `"platform"`, and for the threads the names of the settings themselves.

# %% role="answer" grade_id="road-what-differs"
def what_differs(mine, theirs):
    """Return the sorted names of the entries that differ; [] for equal ones."""
    ### BEGIN SOLUTION
    flat_mine, flat_theirs = ({**report, **report["threads"]} for report in (mine, theirs))
    return sorted(name for name in flat_mine if name != "threads" and flat_mine[name] != flat_theirs[name])
    ### END SOLUTION

# %% role="tests" grade_id="road-what-differs-names-entries" points=0
mine = {"lock": "0" * 64, "python": "3.11.7", "platform": "Linux"}
mine["threads"] = {"OMP_NUM_THREADS": "1"}
assert what_differs(mine, dict(mine)) == [], "equal reports: expected []"
theirs = mine | {"python": "3.12.1", "threads": {"OMP_NUM_THREADS": None}}
got = what_differs(mine, theirs)
assert got == ["OMP_NUM_THREADS", "python"], f"expected two names, got {got}"
print("Passed.")
