# %% [markdown]
# # 6. A ticket needs exactly one person who answers for it
#
# *Reading 4 minutes, playing 5, making 5, writing 4.*
#
# After this section you can
# - say what each of the five roles owns,
# - give every ticket one accountable person, in any team,
# - write a post-mortem that blames nobody and changes something.

# %%
from course.labs.what_is_mlops.ownership import OWNS, sample_team, sample_tickets
from course.labs.what_is_mlops.post_mortem import check_actions, check_timeline
from course.predict import Between, check_prediction

# %% [markdown]
# ## Five roles own the system around the model
#
# | Role | Owns |
# |---|---|
# | **Data scientist** or ML researcher | model training, feature engineering, evaluation |
# | **ML engineer** | production code paths, training pipelines, serving |
# | **Platform engineer**, also called MLOps engineer | infrastructure, CI/CD, monitoring, registries |
# | **Data engineer** | upstream data pipelines, feature stores |
# | **SRE / on-call** (*site reliability engineering*) | incidents, paging, post-mortems |
#
# In a small team one or two people hold all five; in a large organisation they are apart.
# Either way MLOps is the **connective tissue**: the contracts, dashboards and pipelines that let people work together without treading on each other.
#
# ## A ticket that everybody sees can be nobody's
#
# A *ticket* is one thing to be done, such as *the build is red*.
# Whoever is *accountable* answers for it; somebody else may do the work.
# A ticket with nobody accountable is an *orphan*, and lies until somebody asks whose it is.
#
# Of an organisation's 40 people six work on models, and nobody has written down who answers for what.
# In one week twelve tickets arrive; whoever sees one first takes it up if it belongs to their own role.
# How many become orphans?

# %% role="answer" grade_id="owner-prediction" stub="prediction = ...  # orphaned tickets, 0 to 12"
prediction = 4

# %% role="tests" grade_id="owner-prediction-kind" points=1
# NameError? Run the cells above first.
check_prediction(prediction, Between(0, 12, "orphaned tickets"))

# %% [markdown]
# The hours are assumptions, so read *which way*, not *how much*: an orphan lies for 48 hours, two accountables take six to agree, work outside one's field takes 2.5 times as long, and handovers take longer among more colleagues.
# On call is there day and night, everybody else from nine to five on weekdays: six hours lost on a Friday can be three days.

# %% role="lab"
from course.labs.what_is_mlops.ownership import OwnershipLab

lab = OwnershipLab(prediction)  # NameError? Run the cell `prediction = ...` first.
lab

# %% [markdown]
# ## A rule that nobody needs at three is missing at forty
#
# **1. Leave "nobody" accountable and move from 40 people down to 3.**
# Between which two sizes do most orphans go, and what does it cost?
#
# <details><summary>What you see, and why</summary>
#
# Between 20 and 10: at 10 two people hold the five roles, at 3 it is one, and whoever sees a ticket is nearly always the one who knows it.
# The price stands at the end of the sentence: at 3 all the hours are one person's, and when she is ill nobody knows anything.
# Organisations seldom notice the day on which they grow past this: nothing changes but the number of people.
#
# </details>
#
# **2. At 40 people compare "two: role and on call" with "the role in the table".**
# Are two safer than one?
#
# <details><summary>What you see, and why</summary>
#
# No ticket is orphaned either way, but with two half of them take three times as long, and more change hands.
# Each can think that the other has it, so they have to agree first.
#
# </details>
#
# ## Make: give each ticket exactly one accountable (5 minutes, medium)
#
# `OWNS` is the table above as a dict, role → areas, and each ticket names its area.
# 1. Accountable is somebody who holds the role that owns the area.
# 2. If nobody holds it, or no role owns the area: somebody on call.
# 3. If nobody is on call either: anybody in the team, never nobody.

# %%
tickets, team = sample_tickets(seed=1, count=3, strays=1), sample_team(seed=3, people=2)
print(tickets, team, OWNS["Data engineer"], sep="\n\n")

# %% [markdown]
# <details><summary>Hint: two dicts turned around</summary>
#
# A ticket names an area, and you need its role: turn OWNS around once, area → role.
# The team names a person's roles, and you need a role's people: collect them in a list.
#
# </details>
#
# <details><summary>More help: when the list is empty</summary>
#
# An empty list counts as false, so <code>first_choice or second_choice or third_choice</code> reads as it sounds.
# <code>role_of.get(area)</code> gives None for an area that no role owns, and raises nothing.
#
# </details>

# %% role="answer" grade_id="owner-assign"
def assign(tickets, team):
    """Return the one person accountable for each ticket: a dict, ticket → person.

    `tickets` is a dict, ticket → area, perhaps empty; `team` a dict, person → list of
    roles, never empty. Example: assign({"T1": "serving"}, {"Ada": ["ML engineer"],
    "Bo": ["SRE / on-call"]}) gives {"T1": "Ada"}.
    """
    ### BEGIN SOLUTION
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles]
    plan = {}
    for ticket, area in tickets.items():
        holders = [person for person, roles in team.items() if role_of.get(area) in roles]
        plan[ticket] = (holders or on_call or list(team))[0]
    return plan
    ### END SOLUTION

# %% role="tests" grade_id="owner-every-ticket-has-one" points=2 hint="One person for each ticket, by name, from the team: for no tickets at all, for one person who does everything, for areas that no role owns."
tickets, team = sample_tickets(seed=21, count=6), sample_team(seed=21, people=3)
expected, names = set(tickets), set(team)
plan = assign(tickets, team)
assert isinstance(plan, dict) and set(plan) == expected, f"not {expected}: {plan}"
for ticket, person in plan.items():
    ok = isinstance(person, str) and person in names
    assert ok, f"{ticket}: expected one name of {names}, got {person!r}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
first = 0x5377BB3CB16C4FCDBB1DE83DA20D488C
for seed, (count, people, strays) in enumerate([(0, 2, 0), (1, 1, 1), (9, 2, 2), (40, 7, 3), (60, 60, 1)], first):
    tickets, team = sample_tickets(seed, count, strays), sample_team(seed, people)
    expected, names = set(tickets), set(team)
    plan = assign(tickets, team)
    assert isinstance(plan, dict) and set(plan) == expected, f"{count} tickets: expected a person for each, got {plan}"
    assert all(isinstance(p, str) and p in names for p in plan.values()), f"expected one of {names} each, got {plan}"
### END HIDDEN TESTS

# %% role="tests" grade_id="owner-role-as-in-the-table" points=2 hint="The role that owns the ticket's area decides, as the table says it: whoever is accountable holds that role, whatever else that person holds."
tickets, team = sample_tickets(seed=22, count=6), sample_team(seed=22, people=5)
areas, roles_of = dict(tickets), dict(team)
plan = assign(tickets, team)
for ticket, area in areas.items():
    owns = [known for role in roles_of[plan[ticket]] for known in OWNS[role]]
    assert area in owns, f"{ticket}, {area}: expected an owner of it, got one of {owns}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
first = 0x1A5FE892845BD487A8403BDA207A19E1
for seed, people in enumerate([1, 2, 3, 5, 8, 40], first):
    tickets, team = sample_tickets(seed, 30), sample_team(seed, people)
    areas, roles_of = dict(tickets), dict(team)
    plan = assign(tickets, team)
    for ticket, area in areas.items():
        owns = [known for role in roles_of[plan[ticket]] for known in OWNS[role]]
        assert area in owns, f"a ticket about {area} went to somebody who owns {owns}: expected an owner of it"
### END HIDDEN TESTS

# %% role="tests" grade_id="owner-on-call-never-missing" points=2 hint="What has no owner goes to somebody on call, also when that role is the one that nobody holds: then to anybody, never to nobody."
two = {"Ada": ["Data scientist"], "Bo": ["SRE / on-call", "Data engineer"]}
plan = assign({"T1": "serving", "T2": "licence costs"}, two)
assert plan == {"T1": "Bo", "T2": "Bo"}, f"expected Bo, on call, twice, got {plan}"
plan = assign({"T3": "serving"}, {"Cy": ["Data scientist"]})
assert plan == {"T3": "Cy"}, f"nobody on call: expected Cy from the team, got {plan}"
print("Passed: the visible checks.")
### BEGIN HIDDEN TESTS
first = 0xB8803A7212A3ABFCF4EAD48CE8F27D33
for seed, people in enumerate([2, 2, 3, 6, 20], first):
    tickets = sample_tickets(seed, 25, strays=4)
    team = sample_team(seed, people, unheld=["ML engineer", "Platform engineer"])
    on_call = {person for person, roles in team.items() if "SRE / on-call" in roles}
    held = {area for roles in team.values() for role in roles for area in OWNS[role]}
    plan = assign(dict(tickets), team)
    for ticket, area in tickets.items():
        ok = area in held or plan[ticket] in on_call
        assert ok, f"nobody owns {area} here: expected somebody on call ({on_call}), got {plan[ticket]!r}"
    alone = sample_team(seed, people, unheld=["SRE / on-call", "Data engineer"])
    names = set(alone)
    plan = assign(dict(tickets), alone)
    lost = {ticket for ticket in tickets if plan.get(ticket) not in names}
    assert not lost, f"nobody is on call: expected anybody from the team, got nobody for {sorted(lost)}"
### END HIDDEN TESTS

# %% [markdown]
# ## A post-mortem looks for the cause in the system
#
# After an incident, whoever is on call writes down what happened, so that it happens once.
# It is *blameless*: people do what the system lets them do, so ask what let it happen and what hid it.
#
# Write one for `"retail"`, `"bank"` or `"search"` of notebook 5 in at most 60 words, days and owners not counted: four short entries in the timeline, one short sentence for each other part.
# What notebook 5 leaves out (days, who noticed, how it ended) is yours to set; owners are roles of `OWNS`.
#
# ```python
# post_mortem = {
#     "incident": "search",
#     "timeline": [  # in order
#         ("2026-03-02", "…"), ("2026-03-09", "…"), ("2026-03-20", "…"), ("2026-03-23", "…"),
#     ],
#     "cause": "…",
#     "detecting": {"action": "…", "owner": "ML engineer", "due": "2026-05-01"},
#     "preventing": {"action": "…", "owner": "Data engineer", "due": "2026-05-15"},
# }
# ```
#
# A program checks the parts (2 points), and a person marks (7 points):
#
# | Points | What is asked |
# |---|---|
# | 2 | **Timeline**: how it began, what could be seen, who noticed and how, how it ended; as in notebook 5 |
# | 2 | **Cause**: in the system, not in a person, and one *why* deeper than the first answer: why could it pass? |
# | 1 | **Detecting**: would have shown it earlier, and says how much earlier |
# | 1 | **Preventing**: makes it impossible, or harmless |
# | 1 | **Both**: can be done by their day, by the role that owns the area |

# %% role="written" grade_id="owner-post-mortem" points=7 stub="post_mortem = ..."
post_mortem = {"incident": "retail"}
post_mortem["timeline"] = [
    ("2026-02-03", "an upstream job begins to send NaN"),
    ("2026-02-04", "gaps are filled, lights green; only missing shares tell"),
    ("2026-03-03", "an analyst traces 8 % less revenue to the NaN"),
    ("2026-03-04", "the job is repaired"),
]
post_mortem["cause"] = "Nothing stopped an empty column, because the teams had agreed on no contract."
post_mortem["detecting"] = {
    "action": "Alert on a column's missing share: four weeks earlier",
    "owner": "Platform engineer",
    "due": "2026-03-18",
}
post_mortem["preventing"] = {
    "action": "Refuse deliveries that break a data contract",
    "owner": "Data engineer",
    "due": "2026-04-02",
}

# %% role="tests" grade_id="owner-post-mortem-timeline" points=1
check_timeline(post_mortem)  # NameError? Run the cell above.
print("Passed: all checks of this cell.")

# %% role="tests" grade_id="owner-post-mortem-actions" points=1
check_actions(post_mortem)  # NameError? Run the cell `post_mortem = ...`.
print("Passed: all parts are there.")

# %% [markdown]
# ## Reflect: one sentence for somebody who hires
#
# A founder says: *"We are four and everybody looks after everything, so we need no table of roles."*
# That is true today: what do you answer?
#
# ## Go further: whoever stops the harm need not own its cause (3 minutes, no points)
#
# Back to the lab: at 300 people let "whoever is on call" do the work, then "the role that knows it".
# Compare the hours of the busiest person.
#
# <details><summary>What you see, and why</summary>
#
# On-call is there at any hour, which helps at three in the morning.
# As the place where all work ends up it breaks one person and slows the rest, since much of it is outside her field.
# On call stops the harm; the role in the table mends the cause.
#
# </details>

# %% role="lab"
from course.labs.what_is_mlops.ownership import accountable_quiz

accountable_quiz()

# %% [markdown]
# ## Go further: a promise between two teams that code can check (8 minutes, no points)
#
# A data contract says what one team delivers to another: which columns of which types (*schema*), how old at most (*freshness*), who answers for it (*owner*), and who is called when that does not help (*escalation*).
# Written as prose it is forgotten.
# Written as a dict it can be checked at each delivery.

# %%
import pandas as pd

contract = {
    "schema": {"customer": "str", "orders": "int64", "spent": "float64"},
    "freshness_hours": 24,
    "owner": "Data engineer",
    "escalation": "SRE / on-call",
}
delivery = {"customer": ["c1", "c2"], "orders": [3, 1], "spent": [40.5, 12.0]}
delivery = pd.DataFrame(delivery)

# %% role="answer" grade_id="owner-data-contract"
def breaches(contract, data, age_hours):
    """Return who must be told of which broken clause: a dict, clause → role.

    "schema": the columns or their types (as text) are not those promised; the owner is
    told. "freshness": the data is older than promised; the owner is told, or, when it
    is more than twice as old as promised, the escalation instead.
    {} says that the contract is kept.
    """
    ### BEGIN SOLUTION
    told = {}
    if {name: str(kind) for name, kind in data.dtypes.items()} != contract["schema"]:
        told["schema"] = contract["owner"]
    if age_hours > contract["freshness_hours"]:
        hopeless = age_hours > 2 * contract["freshness_hours"]
        told["freshness"] = contract["escalation"] if hopeless else contract["owner"]
    return told
    ### END SOLUTION

# %% role="tests" grade_id="owner-data-contract-is-checked" points=0
owner, called = contract["owner"], contract["escalation"]
got = breaches(contract, delivery, 24)
assert got == {}, f"exactly as promised: expected {{}}, got {got}"
got = breaches(contract, delivery, 48)
assert got == {"freshness": owner}, f"48 is just twice 24: the owner, got {got}"
got = breaches(contract, delivery.astype({"spent": str}), 49)
assert got == {"schema": owner, "freshness": called}, f"expected both, got {got}"
got = breaches(contract, delivery.drop(columns="orders"), 1)
assert got == {"schema": owner}, f"a column is missing: the owner, got {got}"
print("Passed.")
