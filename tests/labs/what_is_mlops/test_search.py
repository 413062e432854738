"""The search incident: rebuilt to the bit or not at all, and what section 5 says of its laboratory."""

import numpy as np
import pytest

from course.labs.what_is_mlops.search import (
    CLICKS,
    KEPT,
    SHARES,
    SearchLab,
    simulate_clicks,
    simulate_rebuild,
    train_ranker,
)


def flips(overwritten, partition=73):
    return float((train_ranker(overwritten, 0, partition)[1] != train_ranker(0.0, 0, partition)[1]).mean())


def test_same_data_and_seed_rebuild_the_ranker_to_the_bit():
    again = train_ranker.__wrapped__(0.0, 0)
    first = train_ranker(0.0, 0)
    assert again[0] == first[0] and np.array_equal(again[1], first[1])


def test_five_percent_overwritten_flips_decisions_while_accuracy_goes_up():
    row = simulate_rebuild(0.05, seed_kept=True).iloc[0]
    assert row["flipped"] == pytest.approx(0.076, abs=0.004)
    assert row["accuracy_then"] == pytest.approx(0.744, abs=0.003)
    assert row["accuracy_now"] == pytest.approx(0.751, abs=0.003)
    assert row["accuracy_now"] > row["accuracy_then"] and not row["same"]


def test_it_is_no_accident_of_one_partition():
    gains, flipped = [], []
    for partition in (1, 2):
        gains.append(train_ranker(0.05, 0, partition)[2] - train_ranker(0.0, 0, partition)[2])
        flipped.append(flips(0.05, partition))
    assert np.mean(gains) > 0 and all(0.05 < share < 0.11 for share in flipped)


def test_one_row_in_a_hundred_flips_more_than_half_as_many_as_one_in_ten():
    assert flips(0.01) > 0.6 * flips(0.10) > 0


def test_that_more_rows_flip_fewer_decisions_is_chance():
    """On nine partitions drawn alike, ours among them, the two shares overlap, and the larger flips more on average."""
    at_5, at_10 = (sorted(flips(share, partition) for partition in (73, *range(1, 9))) for share in (0.05, 0.10))
    assert at_10[0] < at_5[-1] and sum(at_10) > sum(at_5)
    assert flips(0.10) < flips(0.05)


def test_the_laboratory_opens_where_nothing_was_overwritten():
    assert SearchLab().settings["overwritten"] == 0.0 and SearchLab().table["same"].all()


@pytest.mark.parametrize("share", SHARES)
def test_a_job_overwrites_exactly_its_share_and_nothing_but_clicks(share):
    pairs, clicks = simulate_clicks(5)
    pairs_later, clicks_later = simulate_clicks(5, share)
    assert pairs.equals(pairs_later)
    assert int((clicks != clicks_later).sum()) == round(share * CLICKS)


def test_a_seed_of_128_bits_gives_the_same_partition_again():
    seed = 2**127 + 3
    assert simulate_clicks(seed)[0].equals(simulate_clicks(seed)[0])


def test_without_its_seed_the_same_data_gives_another_ranker():
    assert not simulate_rebuild(0.0, seed_kept=False)["same"].any()


def test_what_is_worth_keeping_depends_on_what_happens():
    def cheapest(overwritten, seed_kept):
        table = simulate_rebuild(overwritten, seed_kept)
        return table.loc[table["cost"].idxmin(), "kept"]

    code, with_hash, with_copy = KEPT
    assert cheapest(0.0, True) == code
    assert cheapest(0.05, True) == with_copy
    assert cheapest(0.05, False) == with_hash, "the seed is lost: a copy brings nothing back"
