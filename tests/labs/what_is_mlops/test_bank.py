"""The bank incident: its reference numbers, its simulator's laws, and what section 5 says of its laboratory."""

import itertools

import numpy as np
import pytest

from course.labs.what_is_mlops.bank import (
    ACTIONS,
    AFTERWARDS,
    BANKS,
    FEATURES,
    OF_2019,
    OF_2022,
    PAYMENT_COLUMNS,
    WATCHES,
    BankLab,
    Population,
    judge,
    population_shift,
    simulate_bank,
    simulate_bank_watch,
    simulate_options,
    simulate_payments,
    without_labels,
)


@pytest.fixture(scope="module")
def two_years():
    return simulate_payments(1, 600_000), simulate_payments(2, 600_000, OF_2022)


@pytest.fixture(scope="module")
def every_choice():
    return {(watch, act): simulate_bank_watch(watch, act) for watch, act in itertools.product(WATCHES, ACTIONS)}


# ---- reference numbers ----------------------------------------------------------------------------------------


def test_false_positives_grow_five_times_while_recall_stays_and_accuracy_looks_fine(two_years):
    then, now = (judge(year) for year in two_years)
    assert then["false_positives"] == pytest.approx(0.010, abs=0.0015)
    assert now["false_positives"] / then["false_positives"] == pytest.approx(5, abs=0.7)
    assert now["recall"] == pytest.approx(then["recall"], abs=0.03) and then["recall"] == pytest.approx(0.77, abs=0.02)
    assert then["accuracy"] == pytest.approx(0.99, abs=0.004) and now["accuracy"] == pytest.approx(0.95, abs=0.005)


def test_four_payments_in_a_thousand_are_fraud_in_both_years(two_years):
    for year in two_years:
        assert year["fraud"].mean() == pytest.approx(0.004, abs=0.0005)


def test_the_default_bank_of_the_laboratory_tells_the_same():
    quarters = simulate_bank("the bank")
    first, last = quarters[:4].mean(numeric_only=True), quarters[-4:].mean(numeric_only=True)
    assert last["false_positives"] / first["false_positives"] == pytest.approx(5, abs=0.3)
    assert last["recall"] == pytest.approx(first["recall"], abs=0.03)
    assert first["accuracy"] == pytest.approx(0.99, abs=0.002) and last["accuracy"] == pytest.approx(0.95, abs=0.002)


# ---- the simulator's laws -------------------------------------------------------------------------------------


def test_a_seed_of_128_bits_gives_the_same_payments_again():
    seed = 2**127 + 5
    assert simulate_payments(seed, 500).equals(simulate_payments(seed, 500))
    assert not simulate_payments(seed, 500).equals(simulate_payments(seed + 1, 500))


def test_without_labels_there_is_no_truth():
    assert tuple(without_labels(simulate_payments(3, 500))) == PAYMENT_COLUMNS
    assert "fraud" not in PAYMENT_COLUMNS


def test_the_further_customers_move_the_more_are_wrongly_blocked():
    rates = [
        judge(simulate_payments(4, 40_000, Population(card_not_present=share)))["false_positives"]
        for share in (0.2, 0.4, 0.6, 0.8)
    ]
    assert rates == sorted(set(rates))


@pytest.mark.parametrize(
    "harmless",
    [Population(new_shops=0.3), Population(device_age_factor=30.0), Population(amount=15.0), Population(fraud=0.06)],
    ids=str,
)
def test_what_is_harmless_blocks_no_more_honest_customers(harmless):
    then, now = (judge(simulate_payments(5, 60_000, population)) for population in (OF_2019, harmless))
    assert now["false_positives"] < 1.2 * then["false_positives"]


def test_population_shift_is_zero_for_the_same_week_and_never_negative():
    week = simulate_payments(6)
    assert (population_shift(week, week) == 0).all()
    assert (population_shift(week, simulate_payments(7, population=OF_2022)) >= 0).all()
    assert list(population_shift(week, week).index) == list(FEATURES)


def test_population_shift_grows_with_the_shift_and_sees_gaps():
    week = simulate_payments(8)
    seen = [
        population_shift(week, simulate_payments(9, population=Population(amount=m)))["amount"] for m in (27, 35, 50)
    ]
    assert seen == sorted(seen)
    gone = week.assign(amount=week["amount"].where(np.arange(len(week)) % 2 == 0))
    assert population_shift(week, gone)["amount"] > 0.25


def test_population_shift_is_the_sum_that_the_page_says():
    then = simulate_payments(10, 1_000)
    now = then.assign(card_not_present=1)
    share = then["card_not_present"].mean()
    expected = (1 - share) * np.log(1 / share) + (1e-4 - (1 - share)) * np.log(1e-4 / (1 - share))
    assert population_shift(then, now)["card_not_present"] == pytest.approx(expected, rel=1e-6)


def test_the_worlds_of_the_alarm_keep_their_promises():
    """Customers who changed move some feature by more than 0.1, an attack of 6 % none."""
    then = simulate_payments(11)
    shift = {
        population: population_shift(then, simulate_payments(12, population=population)).max()
        for population in (
            OF_2022,
            Population(card_not_present=0.37, amount=35.0, velocity=0.63),
            Population(fraud=0.06),
        )
    }
    moved, moved_a_little, attack = shift.values()
    assert moved > 0.25 > moved_a_little > 0.1 > 2 * attack


def test_no_action_is_always_the_cheapest():
    best = set()
    for seed in range(60):
        options = simulate_options(seed, OF_2022 if seed % 2 else Population(velocity_factor=2))
        wrong_block, missed_fraud, days = np.random.default_rng(seed).integers([2, 30, 5], [19, 341, 336])
        a_day = wrong_block * options["wrongly_blocked_a_day"] + missed_fraud * options["frauds_missed_a_day"]
        waits = np.minimum(options["works_after_days"], days)
        costs = options["cost_once"] + waits * a_day["leave it"] + (days - waits) * a_day
        best.add(min(costs.index, key=costs.get))
    assert best == set(ACTIONS)


def test_options_come_in_any_order_and_again_from_the_same_seed():
    assert simulate_options(3).equals(simulate_options(3))
    assert {simulate_options(seed).index[0] for seed in range(20)} == set(ACTIONS)


# ---- the laboratory -------------------------------------------------------------------------------------------


def test_accuracy_never_pages(every_choice):
    for act in ACTIONS:
        assert (every_choice[WATCHES[0], act]["paged"] == "never").all()


def test_each_number_alone_is_late_or_wrong_about_some_bank(every_choice):
    hurt = {"the bank": "2020 Q2", "bank E": "2021 Q3"}
    for watch in WATCHES:
        paged = every_choice[watch, "leave it"].set_index("bank")["paged"]
        right = {bank: hurt.get(bank, "never") for bank in BANKS}
        assert paged.to_dict() != right, f"{watch} alone is right about all five"


def test_of_the_four_only_false_positives_are_right_about_all_five_and_a_quarter_late(every_choice):
    hurt = {"the bank": "2020 Q3", "bank E": "2021 Q4"}
    right = [
        watch
        for watch in WATCHES
        if every_choice[watch, "leave it"].set_index("bank")["paged"].to_dict()
        == {bank: hurt.get(bank, "never") for bank in BANKS}
    ]
    assert right == ["false positives (labels a quarter late)"]


def test_a_number_without_labels_is_in_time_about_the_bank_and_wrong_about_another(every_choice):
    for watch in WATCHES[2:]:
        paged = every_choice[watch, "leave it"].set_index("bank")
        assert paged.loc["the bank", "paged"] == "2020 Q2" and paged.loc["bank E", "paged"] == "2021 Q3"
        assert (~paged["right"] & (paged["paged"] != "never")).sum() == 1


@pytest.mark.parametrize(
    ("watch", "says"),
    [
        (WATCHES[0], "rings below 90 %"),
        (WATCHES[1], "rings at 2.0 %, twice"),
        (WATCHES[2], "rings at 2.6 %, twice"),
        (WATCHES[3], "rings above 0.1;"),
    ],
)
def test_the_sentence_says_where_each_alarm_rings(watch, says):
    lab = BankLab(80)
    lab.controls["watch"].value = watch
    assert says in lab.sentence
    lab.controls["seen"].value = AFTERWARDS
    assert says in lab.sentence


def test_a_page_is_right_or_for_nothing_or_for_something_else():
    lab = BankLab(80)
    lab.controls["seen"].value = AFTERWARDS
    said = {}
    for bank, watch in (("bank C", WATCHES[3]), ("bank D", WATCHES[2]), ("bank E", WATCHES[2])):
        lab.controls["bank"].value, lab.controls["watch"].value = bank, watch
        words = [text.get_text() for text in lab.draw(lab.table, 80).axes[0].texts]
        said[bank] = ("For nothing." in lab.sentence, "Not for this harm" in lab.sentence, words[-1])
    assert said == {
        "bank C": (True, False, "false page"),
        "bank D": (False, True, "page, not for this harm"),
        "bank E": (False, False, "page"),
    }


@pytest.mark.parametrize("guess", [0, 8, 50, 70, 79, 84, 90, 92, 95, 100])
def test_the_guess_is_named_by_its_line(guess):
    lab = BankLab(guess)
    [label] = [t for t in lab.draw(lab.table, guess).axes[0].texts if "your guess" in t.get_text()]
    assert abs(label.get_position()[1] - guess) <= 16


def test_two_numbers_together_are_right_about_all_five_in_time():
    rang = {}
    for bank in BANKS:
        quarters = simulate_bank(bank)
        many = quarters["blocked"] >= 2 * quarters["blocked"][:4].mean()
        both = quarters["quarter"][many & (quarters["shift"] > 0.1)]
        rang[bank] = both.iloc[0] if len(both) else "never"
    assert rang == {"the bank": "2020 Q2", "bank B": "never", "bank C": "never", "bank D": "never", "bank E": "2021 Q3"}


def test_going_back_mends_what_we_released_and_not_what_others_did(every_choice):
    nets = {act: every_choice[WATCHES[2], act].set_index("bank")["net"] for act in ACTIONS}
    assert nets["roll back"]["bank E"] == max(net["bank E"] for net in nets.values())
    assert nets["roll back"]["the bank"] < 0


def test_a_new_threshold_in_an_attack_loses_money(every_choice):
    bank_d = every_choice[WATCHES[2], "re-threshold"].set_index("bank").loc["bank D"]
    assert not bank_d["right"] and bank_d["net"] < 0


def test_population_shift_pages_bank_c_for_nothing(every_choice):
    bank_c = every_choice[WATCHES[3], "leave it"].set_index("bank").loc["bank C"]
    assert bank_c["paged"] != "never" and not bank_c["right"]


def test_no_choice_is_best_for_every_bank(every_choice):
    nets = np.array([table["net"].to_numpy() for table in every_choice.values()])
    assert not (nets >= nets.max(axis=0)).all(axis=1).any()


def test_the_guess_stands_beside_the_accuracy():
    lab = BankLab(80)
    assert "you guessed 80 %" in lab.sentence
    lab.controls["seen"].value = AFTERWARDS
    assert "times as many" in lab.sentence and lab.error is None
