# %% wrong="always-the-first" replaces="owner-assign" loses="owner-takes-turns" demo=true
# Gives each of a role's tickets to the first who holds it.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles] or list(team)
    plan = {}
    for ticket, area in tickets.items():
        holders = [person for person, roles in team.items() if role_of.get(area) in roles] or on_call
        plan[ticket] = holders[0]
    return plan

# %% wrong="one-line-for-all-roles" replaces="owner-assign" loses="owner-takes-turns"
# Counts the tickets of all roles in one line: fair as long as they come sorted.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles] or list(team)
    plan = {}
    for place, (ticket, area) in enumerate(tickets.items()):
        holders = [person for person, roles in team.items() if role_of.get(area) in roles] or on_call
        plan[ticket] = holders[place % len(holders)]
    return plan

# %% wrong="one-line-for-each-area" replaces="owner-assign" loses="owner-takes-turns"
# Takes turns area by area: the first person of a role begins each line, and gets more.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles] or list(team)
    turns, plan = {}, {}
    for ticket, area in tickets.items():
        if area not in turns:
            turns[area] = cycle([p for p, roles in team.items() if role_of.get(area) in roles] or on_call)
        plan[ticket] = next(turns[area])
    return plan

# %% wrong="nobody-on-call-is-none" replaces="owner-assign" loses="owner-on-call-never-missing"
# Forgets that a team of two may have nobody on call: its tickets go to None.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles] or [None]
    turns, plan = {}, {}
    for ticket, area in tickets.items():
        role = role_of.get(area)
        if role not in turns:
            turns[role] = cycle([person for person, roles in team.items() if role in roles] or on_call)
        plan[ticket] = next(turns[role])
    return plan

# %% wrong="leaves-strays-out" replaces="owner-assign" loses="owner-every-ticket-has-one owner-on-call-never-missing"
# Skips what no role owns: "not ours".
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles] or list(team)
    turns, plan = {}, {}
    for ticket, area in tickets.items():
        if area in role_of:
            role = role_of[area]
            if role not in turns:
                turns[role] = cycle([person for person, roles in team.items() if role in roles] or on_call)
            plan[ticket] = next(turns[role])
    return plan

# %% wrong="rest-to-the-first" replaces="owner-assign" loses="owner-on-call-never-missing"
# What has no owner goes to the first of the team, though somebody is on call.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    turns, plan = {}, {}
    for ticket, area in tickets.items():
        role = role_of.get(area)
        if role not in turns:
            turns[role] = cycle([person for person, roles in team.items() if role in roles] or sorted(team)[-1:])
        plan[ticket] = next(turns[role])
    return plan

# %% wrong="two-when-two-hold-it" replaces="owner-assign" loses="owner-every-ticket-has-one owner-role-as-in-the-table owner-takes-turns owner-on-call-never-missing"
# Names everybody who holds the role, and so makes two accountables.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles] or list(team)
    plan = {}
    for ticket, area in tickets.items():
        holders = [person for person, roles in team.items() if role_of.get(area) in roles] or on_call
        plan[ticket] = holders[0] if len(holders) == 1 else " and ".join(holders)
    return plan

# %% wrong="looks-only-at-the-first-role" replaces="owner-assign" loses="owner-role-as-in-the-table owner-takes-turns"
# Reads only the first role of each person: in a small team everybody holds several.
def assign(tickets, team):
    role_of = {area: role for role, areas in OWNS.items() for area in areas}
    on_call = [person for person, roles in team.items() if "SRE / on-call" in roles] or list(team)
    turns, plan = {}, {}
    for ticket, area in tickets.items():
        role = role_of.get(area)
        if role not in turns:
            turns[role] = cycle([person for person, roles in team.items() if role == roles[0]] or on_call)
        plan[ticket] = next(turns[role])
    return plan

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
