"""One edit, five fingerprints: the code's hash sleeps through an edit of the data."""

import pytest

from course.labs.what_is_mlops.source_of_truth import CUSTOMERS, EDITS, describe_edit, shop_orders, simulate_edit


def moved(edit, customer=1):
    table = simulate_edit(edit, customer)
    return set(table["artefact"][table["moved"]])


@pytest.mark.parametrize("edit", ["cents", "labels"])
def test_the_code_stays_and_the_answer_changes_when_only_the_data_are_edited(edit):
    assert moved(edit) >= {"data", "weights", "answer"}
    assert not moved(edit) & {"code", "config"}


def test_a_comment_moves_the_code_and_nothing_else():
    assert moved("comment") == {"code"}


def test_two_rows_that_change_places_move_the_data_only():
    assert moved("swap") == {"data"}


def test_nothing_moves_when_nothing_is_edited():
    assert moved("nothing") == set()


def test_one_price_in_cents_turns_a_decision_over():
    assert "and so ask back becomes send" in describe_edit(simulate_edit("cents", 1))
    assert "and so send becomes ask back" in describe_edit(simulate_edit("cents", 2))


def test_not_every_customer_is_told_otherwise():
    kept = [
        customer
        for customer in range(1, len(CUSTOMERS) + 1)
        if "still" in describe_edit(simulate_edit("cents", customer))
    ]
    assert kept and len(kept) < len(CUSTOMERS)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("customer", range(1, len(CUSTOMERS) + 1))
def test_every_edit_can_be_said_for_every_customer(edit, customer):
    table = simulate_edit(edit, customer)
    assert table.equals(simulate_edit(edit, customer))
    assert EDITS[edit] in describe_edit(table)


def test_an_edit_leaves_the_orders_as_they_were():
    before = shop_orders()
    simulate_edit("cents", 1)
    assert shop_orders().equals(before)
