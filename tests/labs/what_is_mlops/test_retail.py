"""The retail incident: its reference numbers, its simulator's laws, and what section 5 says of its laboratory."""

import itertools

import numpy as np
import pytest

from course.labs.what_is_mlops.retail import (
    AFTERWARDS,
    BATCH_COLUMNS,
    COLUMNS,
    DAYS,
    FALSE_PAGE_COST,
    GOOD_WEEK,
    KEY_COLUMNS,
    LIMITS,
    MONTHS,
    NORMALLY_MISSING,
    PATIENCE,
    WATCHES,
    WHILE,
    Break,
    Holiday,
    NewShop,
    Rescale,
    RetailLab,
    daily_batches,
    daily_signals,
    loss_share,
    simulate_retail_month,
    simulate_watching,
)

WOBBLES = (2, 3, 4, 6, 8, 12)


def missing_shares(month):
    return month[list(COLUMNS)].isna().groupby(month["day"]).mean()


@pytest.fixture(scope="module")
def every_alarm():
    return {
        (watch, wobbles): simulate_watching(watch, wobbles) for watch, wobbles in itertools.product(WATCHES, WOBBLES)
    }


# ---- reference numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", KEY_COLUMNS)
def test_a_key_column_lost_for_the_month_costs_eight_percent(column):
    losses = [100 * loss_share(simulate_retail_month(seed, Break(column, day=GOOD_WEEK))) for seed in (1, 2, 3, 4)]
    assert all(7 <= loss <= 9 for loss in losses), losses


def test_which_column_matters_differs_and_one_does_not_matter():
    mean = {
        column: np.mean([loss_share(simulate_retail_month(seed, Break(column, day=GOOD_WEEK))) for seed in (5, 6)])
        for column in COLUMNS
    }
    assert mean["views_today"] < mean["basket_value"] < mean["days_since_order"]
    assert abs(mean["screen_width"]) < 0.003 and 0 <= mean["loyalty_points"] < 0.005


def test_nothing_about_the_service_shows_the_break():
    month = simulate_retail_month(7, Break("basket_value", day=9))
    assert month[["offer", "revenue", "lost"]].notna().all().all(), "every session got an answer"
    for name, (seed, changes, _) in MONTHS.items():
        signals = daily_signals(simulate_retail_month(seed, *changes), seed)
        for light, limit in LIMITS.items():
            assert (signals[light] < limit).all(), f"{name}: {light} is not green every day"


# ---- the simulator's laws -------------------------------------------------------------------------------------


def test_a_seed_of_128_bits_gives_the_same_month_again():
    seed = 2**127 + 11
    assert simulate_retail_month(seed, NewShop(9)).equals(simulate_retail_month(seed, NewShop(9)))
    assert not simulate_retail_month(seed).equals(simulate_retail_month(seed + 1))


def test_months_with_one_seed_differ_by_the_change_alone():
    quiet = simulate_retail_month(8)
    broken = simulate_retail_month(8, Break("views_today", day=20, share=0.5))
    before = quiet["day"] < 20
    assert broken[before].equals(quiet[before])
    others = ["day", "shop", *(column for column in COLUMNS if column != "views_today")]
    assert broken[others].equals(quiet[others])


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize(("share", "grows"), [(0.25, False), (0.04, True), (1.0, False)])
def test_a_break_takes_exactly_its_share(column, share, grows):
    rise = (
        missing_shares(simulate_retail_month(9, Break(column, day=10, share=share, grows=grows)))
        - missing_shares(simulate_retail_month(9))
    )[column]
    assert (rise[:10] == 0).all()
    for day in (10, 11, 12):
        room = 1 - NORMALLY_MISSING[column]
        expected = min(share * (day - 9 if grows else 1), room)
        assert rise[day] == pytest.approx(expected, abs=0.007)


def test_on_a_good_day_a_share_wanders_by_half_a_point():
    for seed in (10, 11):
        away = missing_shares(simulate_retail_month(seed)) - list(NORMALLY_MISSING.values())
        assert away.abs().max().max() < 0.0075


def test_the_more_is_lost_the_more_it_costs():
    losses = [loss_share(simulate_retail_month(12, Break("basket_value", 7, share))) for share in (0.1, 0.3, 0.6, 1.0)]
    assert losses == sorted(losses)


@pytest.mark.parametrize("change", [Holiday(12), NewShop(9)], ids=str)
def test_a_harmless_change_costs_nothing_and_changes_the_data(change):
    month, quiet = simulate_retail_month(13, change), simulate_retail_month(13)
    assert month["lost"].sum() == 0
    assert not month[list(COLUMNS)].equals(quiet[list(COLUMNS)])


def test_another_unit_harms_only_where_the_model_reads():
    assert abs(loss_share(simulate_retail_month(14, Rescale("screen_width", 9, 1 / 38)))) < 0.005
    assert loss_share(simulate_retail_month(14, Rescale("days_since_order", 9, 24.0))) > 0.1


def test_a_guard_gets_no_truth():
    days = daily_batches(simulate_retail_month(15))
    assert len(days) == DAYS
    assert all(tuple(day.columns) == BATCH_COLUMNS for day in days)
    assert not {"lost", "revenue", "offer"} & set(BATCH_COLUMNS)


# ---- the laboratory -------------------------------------------------------------------------------------------


def test_the_default_month_lost_about_eight_percent():
    seed, changes, _ = MONTHS["April"]
    assert 100 * loss_share(simulate_retail_month(seed, *changes)) == pytest.approx(8, abs=0.3)


def test_revenue_never_shows_april(every_alarm):
    for wobbles in WOBBLES:
        assert every_alarm["revenue", wobbles].iloc[0]["pages"] == "none"


def test_whoever_watches_everything_is_mute_when_august_breaks(every_alarm):
    for wobbles in WOBBLES:
        august = every_alarm["everything", wobbles].set_index("month").loc["August"]
        assert august["false_pages"] == PATIENCE and np.isnan(august["noticed_on"])


def test_the_health_lights_notice_nothing(every_alarm):
    for wobbles in WOBBLES:
        assert every_alarm["health lights", wobbles]["noticed_on"].isna().all()


def test_watching_what_the_model_leans_on_earns_most_and_everything_badly(every_alarm):
    earned = {alarm: table["net"].sum() for alarm, table in every_alarm.items()}
    assert max(earned, key=earned.get)[0] == "the model's columns"
    most = max(net for (watch, _), net in earned.items() if watch == "everything")
    assert most < max(earned.values()) / 2


def test_no_alarm_is_best_in_every_month(every_alarm):
    nets = np.array([table["net"].to_numpy() for table in every_alarm.values()])
    assert not (nets >= nets.max(axis=0)).all(axis=1).any()


def test_net_is_what_was_saved_minus_false_pages(every_alarm):
    for table in every_alarm.values():
        assert np.allclose(table["net"], table["saved"] - FALSE_PAGE_COST * table["false_pages"])
        assert (table["saved"] <= table["lost_unwatched"].clip(lower=0)).all()
        assert (table["false_pages"] <= PATIENCE).all()


def test_the_memo_quotes_the_laboratory_rightly(every_alarm):
    april = every_alarm["the model's columns", 12].iloc[0]
    assert april["lost_unwatched"] == pytest.approx(24_000, abs=500)
    rises = {}
    for month in ("April", "August"):
        seed, changes, _ = MONTHS[month]
        table = simulate_retail_month(seed, *changes)
        missing = missing_shares(table)[list(KEY_COLUMNS)]
        rises[month] = (missing - missing[:GOOD_WEEK].median()).max().max()
        if month == "April":
            assert loss_share(table) == pytest.approx(0.08, abs=0.005)
    assert rises["April"] > 0.10 > rises["August"], "ten points see the column that is gone, not the days sent as hours"


def test_what_the_team_saw_holds_no_truth():
    lab = RetailLab(20)
    assert set(lab.table) == {"month", "watching", "wobbles", "shown", "pages"}
    assert "NaN" not in lab.sentence and WHILE in lab.sentence
    lab.controls["seen"].value = AFTERWARDS
    assert "turned to NaN" in lab.sentence and "you guessed 20 %" in lab.sentence


def test_an_alarm_that_pages_while_all_lights_are_green_says_what_it_watches():
    lab = RetailLab(20)
    lab.controls["month"].value, lab.controls["wobbles"].value = "August", 12
    assert "every health light is green on all" in lab.sentence
    assert "watches the numbers behind the health lights and rings at 12 wobbles. It paged on day 12." in lab.sentence


def test_the_sentence_counts_the_days_and_explains_a_loss_below_zero():
    lab = RetailLab(20)
    assert f"all {DAYS} days, a good week and 30 days of April." in lab.sentence
    lab.controls["month"].value, lab.controls["seen"].value = "July", AFTERWARDS
    moved = -lab.table.set_index("month").loc["July", "lost_unwatched"]
    assert moved > 0 and f"nothing to save (revenue moved by +{moved:.0f} EUR of " in lab.sentence
