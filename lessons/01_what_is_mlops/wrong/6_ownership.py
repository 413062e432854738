# %% wrong="nobody-on-call-is-none" replaces="owner-assign" loses="owner-on-call-never-missing"
# Forgets that a team of two may have nobody on call: its tickets go to None.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles]
    plan = {}
    for ticket, area in tickets.items():
        holders = [person for person, roles in team.items() if role_of.get(area) in roles]
        plan[ticket] = (holders or on_call or [None])[0]
    return plan

# %% wrong="leaves-strays-out" replaces="owner-assign" loses="owner-every-ticket-has-one owner-on-call-never-missing"
# Skips what no role owns: "not ours".
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles]
    plan = {}
    for ticket, area in tickets.items():
        if area in role_of:
            holders = [person for person, roles in team.items() if role_of[area] in roles]
            plan[ticket] = (holders or on_call or list(team))[0]
    return plan

# %% wrong="rest-to-the-last" replaces="owner-assign" loses="owner-on-call-never-missing"
# What has no owner goes to the last by name, though somebody is on call.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    plan = {}
    for ticket, area in tickets.items():
        holders = [person for person, roles in team.items() if role_of.get(area) in roles]
        plan[ticket] = (holders or sorted(team)[-1:])[0]
    return plan

# %% wrong="two-when-two-hold-it" replaces="owner-assign" loses="owner-every-ticket-has-one owner-role-as-in-the-table owner-on-call-never-missing"
# Names everybody who holds the role, and so makes two accountables.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles]
    plan = {}
    for ticket, area in tickets.items():
        holders = [person for person, roles in team.items() if role_of.get(area) in roles]
        plan[ticket] = " and ".join(holders or on_call or list(team))
    return plan

# %% wrong="looks-only-at-the-first-role" replaces="owner-assign" loses="owner-role-as-in-the-table" demo=true
# Reads only the first role of each person: in a small team everybody holds several.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles]
    plan = {}
    for ticket, area in tickets.items():
        holders = [person for person, roles in team.items() if role_of.get(area) == roles[0]]
        plan[ticket] = (holders or on_call or list(team))[0]
    return plan

# %% equivalent="any-holder-will-do" replaces="owner-assign"
# Where several hold the role, or nobody is on call, the contract leaves open which of them answers.
# - plan[ticket] = (holders or on_call or list(team))[0]
# + plan[ticket] = (holders or on_call or list(team))[ -1]

# %% wrong="timeline-backwards" replaces="owner-post-mortem" loses="owner-post-mortem-timeline"
# Tells it as it was found out, last thing first.
post_mortem = {
    "incident": "bank",
    "timeline": [
        ("2022-05-02", "a customer's complaint is looked into"),
        ("2022-04-01", "more honest cards are blocked than before"),
        ("2022-01-10", "the model of 2019 goes live"),
        ("2022-05-09", "the threshold is set anew"),
    ],
    "cause": "nothing compared the new population with the old one",
    "detecting": {"action": "watch the share of blocked cards by day", "owner": "ML engineer", "due": "2022-05-20"},
    "preventing": {"action": "check the population before each release", "owner": "ML engineer", "due": "2022-06-20"},
}

# %% wrong="everybody-owns-the-action" replaces="owner-post-mortem" loses="owner-post-mortem-actions"
# An action that all own, some day.
post_mortem = {
    "incident": "search",
    "timeline": [
        ("2026-01-05", "the new ranker is trained"),
        ("2026-01-12", "the test on one percent of traffic begins"),
        ("2026-02-09", "the input partition is overwritten"),
        ("2026-02-23", "the run cannot be rebuilt, the ranker does not ship"),
    ],
    "cause": "the input of a run was a place and not a version",
    "detecting": {"action": "rebuild each candidate once a week", "owner": "everybody", "due": "soon"},
    "preventing": {"action": "keep a snapshot of the input with each run", "owner": "Data engineer", "due": "2026-03-20"},
}
