"""Feedback says why points were lost, and shows neither hidden tests nor anybody's markup."""

import sys

sys.modules.setdefault("rfc3987_syntax", None)

import nbformat  # noqa: E402
import pytest  # noqa: E402

from course.grading.cells import Shell, warm_up  # noqa: E402
from course.grading.feedback import ShowReasons, TextOnly  # noqa: E402
from course.grading.markup import JOINER, without_markup  # noqa: E402

HIDES = """assert double(2) == 4, 'double(2): expected 4'
### BEGIN HIDDEN TESTS
secret = 98765
assert double(secret) == 2 * secret, f'double({secret}): expected {2 * secret}'
### END HIDDEN TESTS"""


def graded(answer, source=HIDES, score=0, hint="Any number may come, large ones too."):
    """A tests cell as it stands in an autograded notebook, after nbgrader put the score in."""
    warm_up()
    shell = Shell(10_000)
    shell.run(answer)
    _, _, outputs = shell.run(source)
    cell = nbformat.v4.new_code_cell(source, outputs=[nbformat.from_dict(output) for output in outputs])
    cell.metadata.nbgrader = {"grade": True, "solution": False, "grade_id": "d", "score": score, "points": 3}
    cell.metadata.course = {"hint": hint}
    shown, _ = ShowReasons().preprocess_cell(cell, {}, 0)
    return shown


def said(cell):
    (output,) = cell.outputs
    return output.text


def test_a_hidden_test_that_failed_is_spoken_for_by_its_hint():
    cell = graded("def double(x): return 4")
    assert said(cell) == "0 of 3 points. Any number may come, large ones too.\n"
    assert "98765" not in str(cell) and "197530" not in str(cell) and "HIDDEN" not in str(cell)
    assert cell.source == "assert double(2) == 4, 'double(2): expected 4'"


def test_a_visible_assert_that_failed_speaks_for_itself():
    assert said(graded("def double(x): return x")) == "0 of 3 points. AssertionError: double(2): expected 4\n"


def test_an_error_inside_the_answer_counts_as_where_the_test_called_it():
    cell = graded("def double(x):\n    return 4 if x == 2 else 1 / 0")
    assert said(cell) == "0 of 3 points. Any number may come, large ones too.\n"
    assert "ZeroDivisionError" in said(graded("def double(x):\n    return 1 / 0"))


def test_a_cell_without_a_hint_says_what_may_have_failed():
    assert "other inputs" in said(graded("def double(x): return 4", hint=""))


def test_what_passed_says_so_and_what_it_printed_is_left_out():
    cell = graded("def double(x):\n    print('got', x)\n    return 2 * x", score=3)
    assert said(cell) == "3 of 3 points. Passed.\n"


def test_a_part_of_the_points_is_shown_with_the_hint():
    assert said(graded("def double(x): return 4", source="0.5", score=0.5)).startswith("0.5 of 3 points. Any number")


def test_a_stop_says_why():
    error = nbformat.v4.new_output("error", ename="Hung", evalue="it took longer than 120 s", traceback=["stopped"])
    cell = graded("def double(x): return 4")
    cell.metadata.nbgrader.update(score=0)
    cell.outputs = [error]
    shown, _ = ShowReasons().preprocess_cell(cell, {}, 0)
    assert said(shown) == "0 of 3 points. Hung: it took longer than 120 s\n"


def test_what_a_cell_puts_out_after_a_hidden_test_is_left_out():
    def prints(text):
        return nbformat.v4.new_code_cell("show()", outputs=[nbformat.v4.new_output("stream", text=text)])

    tests = nbformat.v4.new_code_cell(HIDES)
    tests.metadata.nbgrader = {"grade": True, "solution": False, "grade_id": "d", "score": 3, "points": 3}
    notebook = nbformat.v4.new_notebook(cells=[prints("before"), tests, prints("98765")])
    shown, _ = ShowReasons().preprocess(notebook, {})
    assert shown.cells[0].outputs[0].text == "before"
    assert "98765" not in str(shown) and "left out here" in shown.cells[2].outputs[0].text


def test_markup_in_outputs_is_left_out():
    html = nbformat.v4.new_output("display_data", data={"text/html": "<script>1</script>", "text/plain": "words"})
    cell, _ = TextOnly().preprocess_cell(nbformat.v4.new_code_cell("x", outputs=[html]), {}, 0)
    assert cell.outputs[0].data == {"text/plain": "words"}


def test_do_plain_words_and_code_stay_as_they_were():
    words = "3 < 4 and 5 > 4, `a < b` & c, at 10:30, see https://e.org: *so*"
    assert without_markup(words) == words
    assert without_markup("`<b>` and <b>").replace(JOINER, "") == "`<b>` and <b>"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "written",
    [
        "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "`a` <b onclick=x>", "\\`<script>1</script>\\`",
        "    <script>1</script>", "a `b\n<script>1</script>` c", "``` x ```<script>1</script>",
        "```\nx\n```\n<script>1</script>", "[x](&#106;avascript:alert(1))", "[x](JaVaScRiPt\\:alert(1))",
        "[x]: javascript:alert(1)\n\n[x]", "<javascript:alert(1)>", "[x](<java\tscript:alert(1)>)",
        "<scr<script>ipt>1", "![x](javascript:alert(1))", "<https://e.org/\" onmouseover=\"x>", "> <script>1</script>",
        "~~~ a\n~~~ b\n<script>1</script>", "`<script>1</script>\n\n`", "* a\n  ```\n  x\n  ```\n<script>1</script>",
    ],
)  # fmt: skip
def test_does_no_page_get_a_tag_from_a_students_text(written):
    """As nbconvert renders it, which both formgrader and feedback use."""
    from html.parser import HTMLParser

    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            assert tag not in ("script", "b"), f"<{tag}> in {page}"
            for name, value in attrs:
                assert not name.startswith("on"), f"{name} in {page}"
                assert not str(value or "").lower().startswith("javascript:"), page

    page = markdown2html_mistune(without_markup(written))
    Tags().feed(page)
