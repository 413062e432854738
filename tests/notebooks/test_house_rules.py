"""The rules of CONTRIBUTING.md that a notebook itself can show."""

import ast
import itertools
import re
import statistics
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[2]
LESSON = "01_what_is_mlops"
LONGEST_CELL = 15
#: What JupyterLab shows of a line in a window of 1280 pixels.
LONGEST_LINE = 88
MEDIAN_CELL = 5
LONG_SECTIONS = ("3_whats_different", "5_cost_of_skipping")
PROMISED = [
    "0_start_here",
    "1_the_gap",
    "2_one_sentence",
    "3_whats_different",
    "4_five_pillars",
    "5_cost_of_skipping",
    "6_ownership",
    "7_roadmap",
]


def texts(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def codes(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def graded(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def headings(notebook) -> list[tuple[int, str]]:
    found = []
    for cell in texts(notebook):
        outside_code = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
        found += [(len(m[1]), m[2]) for m in re.finditer(r"^(#+) (.+)$", outside_code, re.MULTILINE)]
    return found


def test_lesson_1_has_its_eight_sections_under_their_stored_names():
    assert sorted(p.stem for p in (ROOT / "release" / LESSON).glob("*.ipynb")) == PROMISED


def test_a_section_begins_with_its_one_title_and_skips_no_level(section, release):
    levels = [level for level, _ in headings(release)]
    assert release.cells[0].cell_type == "markdown" and levels[0] == 1 and levels.count(1) == 1
    assert headings(release)[0][1].startswith(f"{section[0]}. "), headings(release)[0]
    for before, after in itertools.pairwise(levels):
        assert after <= before + 1, f"a heading of level {after} follows one of level {before}"


def test_a_section_says_its_minutes_at_the_top(release):
    assert re.search(r"\d+ minutes?", release.cells[0].source), "the first cell names no minutes"


def test_headings_are_said_once(release):
    names = [text for _, text in headings(release)]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]


def test_no_heading_gives_a_figure_away(release):
    """The table of contents shows every heading before anybody has predicted."""
    assert [text for _, text in headings(release) if re.search(r"\d\s*%|\bpercent\b", text)] == []


def test_a_section_is_short(section, release):
    """Opens fast, is read in one sitting; what checks a function, graded or not, is not counted as a cell to read."""
    most = 30 if section in LONG_SECTIONS else 18
    to_read = [cell for cell in release.cells if not (graded(cell).get("grade") and graded(cell).get("locked"))]
    to_read = [cell for cell in to_read if "self-check" not in cell.metadata.get("tags", [])]
    assert 8 <= len(to_read) <= most, f"{len(to_read)} cells to read, expected 8 to {most}"


def test_code_cells_are_short(release):
    lengths = {cell.id: len(cell.source.strip().splitlines()) for cell in codes(release)}
    too_long = {name: n for name, n in lengths.items() if n > LONGEST_CELL}
    assert not too_long, f"cells over {LONGEST_CELL} lines: {too_long}; move code into course/"
    assert statistics.median(lengths.values()) <= MEDIAN_CELL, f"median {statistics.median(lengths.values())} lines"


def test_no_line_of_code_is_cut_off_at_the_edge_of_the_window(release):
    too_long = [(cell.id, line) for cell in codes(release) for line in cell.source.splitlines()]
    too_long = [(name, line) for name, line in too_long if len(line) > LONGEST_LINE]
    assert not too_long, f"lines over {LONGEST_LINE} characters: {too_long}"


def test_no_cell_prints_the_answer_of_its_quiz(release):
    for cell in codes(release):
        assert "right=" not in cell.source, f"{cell.id}: it shows which choice is right; put the quiz into course/"


def test_one_sentence_stands_on_a_source_line(release):
    """Two sentences on one line hide each other's changes; quotations, figures and tables are let through."""
    for cell in texts(release):
        body = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
        for line in body.splitlines():
            if line.lstrip().startswith(("|", "<", "#", "1", "2", "3", "4", "5", "6", "7", "8", "9", "-", "*")):
                continue
            ends = re.findall(r"[a-z`)\"”*][.?!] (?=[A-Z])", re.sub(r'\*".*?"\*', "", line))
            assert not ends, f"{cell.id}: more than one sentence on a line: {line!r}"


def test_every_image_and_link_has_words(release):
    for cell in texts(release):
        for alt in re.findall(r"!\[([^\]]*)\]", cell.source):
            assert len(alt.split()) >= 3 and alt.lower() != "image", f"{cell.id}: the alt text is {alt!r}"
        assert not re.search(r"\[(here|this|link|click here)\]\(", cell.source, re.IGNORECASE), cell.id


def test_details_are_closed(release):
    for cell in texts(release):
        for tag in ("details", "summary"):
            assert cell.source.count(f"<{tag}>") == cell.source.count(f"</{tag}>"), f"{cell.id}: <{tag}> is not closed"


def test_details_stand_in_lines_of_their_own(release):
    """Without a blank line around it, Markdown inside stays raw: asterisks, and a question that sticks to it."""
    for cell in texts(release):
        lines = cell.source.splitlines()
        for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
            if "</summary>" in line:
                assert line.endswith("</summary>") and not after, f"{cell.id}: no blank line after {line!r}"
            if "</details>" in line:
                assert line == "</details>", f"{cell.id}: {line!r}"
                assert not before and not after, f"{cell.id}: no blank lines around a </details>, near {before!r}"


def test_hints_stand_before_the_function_they_help_with(release):
    waiting = False
    for cell in release.cells:
        if graded(cell).get("solution"):
            waiting = "def " in cell.source
        elif graded(cell).get("grade") or cell.source.startswith("## "):
            waiting = False
        assert not (waiting and "<summary>Hint" in cell.source), f"{cell.id}: the hint comes after the function"


def test_every_work_that_is_cited_stands_in_the_list():
    notebooks = {name: nbformat.read(ROOT / "release" / LESSON / f"{name}.ipynb", as_version=4) for name in PROMISED}
    listed = set(re.findall(r"^- \*(\w+)\*: ", notebooks["0_start_here"].cells[-1].source, re.MULTILINE))
    words = "".join(cell.source for notebook in notebooks.values() for cell in texts(notebook))
    cited = set(re.findall(r"\[\*(\w+)\*|\*([a-z]+20\d\d)\*", words))
    assert {key for keys in cited for key in keys if key} == listed


def test_no_emoji_and_no_filler(release):
    filler = (
        r"\b(simply|obviously|of course|just (?:run|do|use)|very|really cool|awesome|let's dive"
        r"|in this section we will)\b"
    )
    for cell in texts(release):
        assert not re.search("[\U0001f300-\U0001faff\u2600-\u26ff\u2705\u274c]", cell.source), f"{cell.id}: an emoji"
        found = re.search(filler, cell.source, re.IGNORECASE)
        assert not found, f"{cell.id}: filler {found[0]!r}"


def test_every_section_predicts_runs_makes_and_reflects(section, source):
    ids = [graded(cell).get("grade_id", "") for cell in source.cells]
    assert any(name.endswith("prediction") for name in ids), "no prediction"
    assert any(cell.metadata.get("course", {}).get("role") == "lab" for cell in source.cells), "no lab"
    names = " / ".join(text for _, text in headings(source)).lower()
    assert "make" in names, f"no make among the headings: {names}"
    assert "reflect" in names, f"no reflection among the headings: {names}"


def test_predictions_come_before_their_lab(source):
    shows = [c.metadata.get("course", {}).get("role") == "lab" and "Lab(" in c.source for c in source.cells]
    first_prediction = next(
        i for i, c in enumerate(source.cells) if graded(c).get("grade_id", "").endswith("prediction")
    )
    assert first_prediction < shows.index(True)


def test_every_assert_a_student_sees_says_what_was_expected(release):
    for cell in codes(release):
        if graded(cell).get("grade"):
            for node in ast.walk(ast.parse(cell.source)):
                assert not isinstance(node, ast.Assert) or node.msg is not None, cell.id


def test_a_cell_that_checks_says_so_when_it_passes(release):
    """Silence looks like nothing; and nbgrader's Validate takes a number that such a cell ends with for its points."""
    for cell in codes(release):
        checks = graded(cell).get("grade") and not graded(cell).get("solution")
        if checks or "self-check" in cell.metadata.get("tags", []):
            last = ast.unparse(ast.parse(cell.source).body[-1])
            assert re.match(r"(print|check_prediction)\(", last), f"{cell.id}: it ends without a word: {last!r}"


def test_a_lab_cell_says_which_cell_to_run_first(release):
    """A NameError shows the line it happened on: the comment on that line is the help."""
    for cell in codes(release):
        for line in cell.source.splitlines():
            if re.search(r"Lab\(\w*prediction", line):
                assert "NameError?" in line, f"{cell.id}: {line!r}"


def test_hidden_seeds_cannot_be_guessed(source):
    """128 bits: a student cannot try them all."""
    for cell in codes(source):
        if "### BEGIN HIDDEN TESTS" in cell.source:
            hidden = cell.source.split("### BEGIN HIDDEN TESTS")[1]
            for seed in re.findall(r"seed=(\w+)|for seed in \(([^)]*)\)", hidden):
                for number in re.findall(r"0x[0-9A-Fa-f]+|\b\d+\b", " ".join(seed)):
                    assert number.startswith("0x") and len(number) >= 28, f"{cell.id}: the hidden seed {number}"


def test_points_are_about_100_by_machine_and_15_by_hand():
    by_machine = by_hand = 0
    for name in PROMISED:
        notebook = nbformat.read(ROOT / "source" / LESSON / f"{name}.ipynb", as_version=4)
        for cell in notebook.cells:
            points = graded(cell).get("points", 0)
            if graded(cell).get("solution"):
                by_hand += points
            else:
                by_machine += points
    assert (by_machine, by_hand) == (100, 15)
