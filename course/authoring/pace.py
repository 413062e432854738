"""How long a section takes: a plain model over a released notebook, to hold beside the minutes that it promises.

The model is an estimate and says so: its constants are this project's assumptions about a bright student who is
tired, not measurements. It is there to find the section that promises 12 minutes and holds 30, and to make two
sections comparable. It counts the core only: what stands below *Go further* is extra.

- *Read*: words outside `<details>` at `WORDS_A_MINUTE`, and a few seconds for each line of code that is given.
- *Play*: a fixed time for each prediction, laboratory, film, quiz and "set this, look there" question.
- *Make*: for each function to write, the time to begin, to read its contract, and to satisfy each tests cell; for
  each answer that a person marks, the time to write as many words as the text above it allows ("at most 60 words").
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat.notebooknode import NotebookNode

#: Adults read English non-fiction silently at 238 words a minute on average, most of them between 175 and 300
#: (Brysbaert 2019, Journal of Memory and Language 109); somebody who is tired and looks back reads near the lower end.
WORDS_A_MINUTE = 180
#: Given code is looked over, not studied; tests cells are not read before they fail.
SECONDS_A_CODE_LINE = 4
MINUTES_A_PREDICTION = 0.5
#: Move every control, read what the sentence says.
MINUTES_A_LAB = 2.0
MINUTES_A_QUIZ = 0.5
#: The longest that a film may last.
MINUTES_A_FILM = 1.5
#: Set the controls as asked, look, answer, open the details and read them.
MINUTES_A_QUESTION = 1.0
#: Understand what is wanted and write the first version.
MINUTES_TO_BEGIN = 2.5
#: One tests cell in four fails at first, and costs three minutes to understand and to mend.
MINUTES_A_TESTS_CELL = 0.75
#: An answer cell without a function, such as binding one name.
MINUTES_A_SMALL_ANSWER = 2.0
#: Composed, not copied, and read once more.
WORDS_WRITTEN_A_MINUTE = 15
#: For a written answer whose text above names no number of words.
MINUTES_A_POINT_BY_HAND = 2.0

EXTRA = re.compile(r"^## Go further", re.MULTILINE)
FUNCTION = re.compile(r"^\s*(?:async )?def ", re.MULTILINE)
DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)
SUMMARY_OF_DETAILS = re.compile(r"<details>\s*<summary>(.*?)</summary>", re.DOTALL)
#: Details with another summary answer a question that sends the reader to a laboratory.
HINT = re.compile(r"\s*(Hint|More help|Help)\b")
WORDS_ASKED = re.compile(r"\bat most (\d+) words\b")
CLAIM = re.compile(
    r"Reading (\d+) minutes?, playing (\d+)(?: minutes?)?, making (\d+)(?: minutes?)?(?:, writing (\d+))?"
)


@dataclass(frozen=True)
class Minutes:
    """The minutes that a section takes, or says that it takes, in its three kinds of work."""

    read: float
    play: float
    make: float

    @property
    def total(self) -> float:
        """All three together."""
        return self.read + self.play + self.make

    def __add__(self, other: Minutes) -> Minutes:
        """Return the minutes of two pieces, kind by kind."""
        return Minutes(self.read + other.read, self.play + other.play, self.make + other.make)


def minutes_of(notebook: NotebookNode) -> Minutes:
    """Return how long the core of a released section takes, by this module's model; the same for the same cells."""
    whole = Minutes(0, 0, 0)
    after_function, asked = False, None
    for cell in core_cells(notebook):
        kind = kind_of(cell)
        if kind == "text":
            questions = sum(not HINT.match(summary) for summary in SUMMARY_OF_DETAILS.findall(cell.source))
            asked = WORDS_ASKED.search(cell.source)
            read = word_count(DETAILS.sub(" ", cell.source)) / WORDS_A_MINUTE
            whole += Minutes(read, questions * MINUTES_A_QUESTION, 0)
        elif kind == "given":
            whole += Minutes(code_lines(cell.source) * SECONDS_A_CODE_LINE / 60, 0, 0)
        elif kind == "lab":
            quizzes = len(re.findall(r"(?:\bQuiz|_quiz)\(", cell.source))
            films = len(re.findall(r"_film\(", cell.source))
            labs = len(re.findall(r"Lab\(", cell.source)) or int(not quizzes and not films)
            whole += Minutes(0, labs * MINUTES_A_LAB + quizzes * MINUTES_A_QUIZ + films * MINUTES_A_FILM, 0)
        elif kind == "prediction":
            whole += Minutes(0, MINUTES_A_PREDICTION, 0)
        elif kind == "function":
            begin = len(FUNCTION.findall(cell.source)) * MINUTES_TO_BEGIN
            whole += Minutes(0, 0, begin + word_count(cell.source) / WORDS_A_MINUTE)
        elif kind == "answer":
            whole += Minutes(0, 0, MINUTES_A_SMALL_ANSWER)
        elif kind == "tests" and after_function:
            whole += Minutes(0, 0, MINUTES_A_TESTS_CELL)
        elif kind == "written":
            by_points = cell.metadata.nbgrader.get("points", 0) * MINUTES_A_POINT_BY_HAND
            whole += Minutes(0, 0, int(asked[1]) / WORDS_WRITTEN_A_MINUTE if asked else by_points)
        if kind in ("prediction", "function", "answer", "written"):
            after_function = kind == "function"
    return whole


def longest_reading(notebook: NotebookNode) -> tuple[float, str]:
    """Return the longest time, in minutes, in which a reader of the core only reads, and where it ends.

    What asks for something ends it: a prediction, a laboratory or quiz, a cell to write or to pass, a question whose
    answer is folded away. The place is the last heading above.

    >>> from nbformat.v4 import new_markdown_cell, new_notebook
    >>> longest_reading(new_notebook(cells=[new_markdown_cell("## A claim\\n" + "word " * WORDS_A_MINUTE)]))[1]
    '## A claim'
    """
    longest, since, heading = (0.0, ""), 0.0, ""
    for cell in core_cells(notebook):
        kind = kind_of(cell)
        if kind in ("text", "given"):
            headings = re.findall(r"^#+ .*", cell.source, re.MULTILINE) if kind == "text" else []
            heading = headings[-1] if headings else heading
            since += minutes_of(NotebookNode(cells=[cell])).read
            longest = max(longest, (since, heading))
        asks = any(not HINT.match(summary) for summary in SUMMARY_OF_DETAILS.findall(cell.source))
        if kind not in ("text", "given") or asks:
            since = 0.0
    return longest


def claimed_minutes(notebook: NotebookNode) -> Minutes | None:
    """Return what the section's first cell promises, None where it names no such numbers.

    It reads a line such as `*Reading 5 minutes, playing 6, making 12.*`; writing counts as making.
    """
    found = CLAIM.search(notebook.cells[0].source) if notebook.cells else None
    if found is None:
        return None
    read, play, make, write = (float(number or 0) for number in found.groups())
    return Minutes(read, play, make + write)


def core_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Yield the cells above *Go further*; of the cell that holds that heading, what stands before it."""
    for cell in notebook.cells:
        extra = EXTRA.search(cell.source) if cell.cell_type == "markdown" else None
        if extra is None:
            yield cell
            continue
        before = NotebookNode(cell)
        before["source"] = cell.source[: extra.start()]
        yield before
        return


def kind_of(cell: NotebookNode) -> str:
    """Return what a cell of a released notebook is to its reader.

    One of text, given, lab, prediction, function, answer (one without a function), tests, written.
    """
    nbgrader = cell.metadata.get("nbgrader", {})
    graded, solution = nbgrader.get("grade", False), nbgrader.get("solution", False)
    if graded and solution:
        return "written"
    if cell.cell_type == "markdown":
        return "text"
    if graded:
        return "tests"
    if solution:
        if FUNCTION.search(cell.source):
            return "function"
        return "prediction" if nbgrader.get("grade_id", "").endswith("prediction") else "answer"
    return "lab" if "lab" in cell.metadata.get("tags", []) else "given"


def word_count(text: str) -> int:
    """Return the number of words that are read: marks of Markdown and HTML are none.

    >>> word_count("## A *claim* | 8 % |\\n|---|---|\\n<code>uv</code> costs 3.5 €")
    6
    """
    plain = html.unescape(re.sub(r"</?[a-z]+[^<>]*>", " ", text))
    return len(re.findall(r"\w[\w.,’'/–-]*", plain))


def code_lines(source: str) -> int:
    """Return the number of lines of code that say something."""
    return sum(bool(line.strip()) for line in source.splitlines())
