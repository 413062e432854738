"""What makes grading cheap stays so, and changes nothing."""

from test_two_sides import grade

from course.grading.records import Cell


def test_do_small_objects_lie_together_in_pages_of_their_own():
    look = "import sys\nprint(sys.getallocatedblocks() > 100_000)"  # of Python's own pools: 0 where there are none
    (output,) = grade(Cell("look", "added", look)).cells["look"].outputs
    assert output["text"] == "True\n"
