"""What a student reads afterwards: points and a reason for each tests cell, and no hidden test.

`nbgrader generate_feedback` makes the pages; `nbgrader_config.py` names these preprocessors:

    c.GenerateFeedback.preprocessors = ["course.grading.feedback.…", …]   (see `PREPROCESSORS`)
    c.GenerateFeedback.exporter_class = "course.grading.feedback.ReadablePage"

An autograded notebook holds the hidden tests, what they printed, and the traceback that quotes them. All three go:
a hidden test that failed is spoken for by its author's hint.
"""

from __future__ import annotations

import re

from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests, GetGrades, NbGraderPreprocessor

LEFT_OUT = "(What this cell puts out is left out here: it ran after a check of which a part is kept back.)\n"
WITHOUT_A_HINT = (
    "what failed is a part of the check that is kept back and uses other inputs than the part that you see: "
    "read what is asked once more, and try inputs of your own"
)
#: A line of a cell in a traceback, as Python writes it.
_LINE_OF_A_CELL = re.compile(r'File "<ipython-input[^"]*>", line (\d+)')


#: nbgrader's template fetches MathJax from elsewhere; nothing on a page of feedback may run or be fetched.
_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE)
_NOTHING_RUNS = (
    """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; """
    """style-src 'unsafe-inline'">"""
)
#: Links that are seen to be links, and colours of code that stand out from grey by 4.5 : 1 (WCAG 1.4.1 and 1.4.3).
_READABLE = """<style>
a { color: #1d5687; text-decoration: underline; }
.panel-heading a, .anchor-link { color: #1d5687 !important; }
.panel-primary > .panel-heading a { color: #ffffff !important; }
.highlight .ow { color: #8010c8; } .highlight .c1, .highlight .c { color: #2f6f6f; }
.highlight .ne { color: #a8261f; } .highlight .se { color: #8a4510; } .highlight .si { color: #8c4261; }
</style>
"""


class ReadablePage(HTMLExporter):
    """nbgrader's page of feedback, for everybody: readable in colour, language and by keyboard, and running nothing."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: ResourcesDict | None = None, **kw: object
    ) -> tuple[str, ResourcesDict]:
        """Return the page."""
        page, resources = super().from_notebook_node(nb, resources, **kw)
        page = _SCRIPT.sub("", page).replace("<html>", '<html lang="en">', 1)
        page = page.replace("<head>", f"<head>{_NOTHING_RUNS}", 1).replace("</head>", f"{_READABLE}</head>", 1)
        # What is wider than the page scrolls, and only what has the focus scrolls by keyboard.
        return page.replace("<pre>", '<pre tabindex="0">'), resources


class ShowReasons(ClearHiddenTests):
    """In each tests cell cut the hidden part out, and put points and a reason in the place of its outputs.

    What a student's cell puts out after a hidden test is left out, too: an answer can write what it is tested with
    into a file, and a later cell print it.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Mend a notebook."""
        after = False
        for cell in nb.cells:
            if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
                after = after or self.begin_test_delimeter in cell.source
            elif cell.cell_type == "code" and after and cell.outputs:
                cell.outputs = [new_output("stream", name="stdout", text=LEFT_OUT)]
        return super().preprocess(nb, resources)

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Mend one cell; all but tests cells stay as they are."""
        if cell.cell_type != "code" or not utils.is_grade(cell) or utils.is_solution(cell):
            return cell, resources
        reason = self._reason(cell)
        cell.outputs = [new_output("stream", name="stdout", text=reason + "\n")]
        self._remove_hidden_test_region(cell)
        cell.source = cell.source.rstrip("\n")
        return cell, resources

    def _reason(self, cell: NotebookNode) -> str:
        points, most = cell.metadata.nbgrader.get("score", 0) or 0, cell.metadata.nbgrader.get("points", 0) or 0
        earned = f"{points:g} of {most:g} point{'' if most == 1 else 's'}."
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if points >= most and not errors:
            return f"{earned} Passed."
        seen = next((_in_sight(error, self._first_hidden_line(cell)) for error in errors), "")
        hint = cell.metadata.get("course", {}).get("hint", "")
        return f"{earned} {seen or hint or WITHOUT_A_HINT}"

    def _first_hidden_line(self, cell: NotebookNode) -> int:
        """Return the line, from 1, at which the hidden part begins; one past the end where nothing is hidden."""
        lines = cell.source.split("\n")
        marked = (number for number, line in enumerate(lines, 1) if self.begin_test_delimeter in line)
        return next(marked, len(lines) + 1)


def _in_sight(error: NotebookNode, hidden_from: int) -> str:
    """Return what an error says where it happened in the part of the cell that students see, else nothing.

    The tests cell's own line is the first of a cell in the traceback; what it called comes after. An error that
    happened nowhere (a time-out, a process that ended) says nothing about a test.
    """
    numbers = [int(found) for line in error.traceback for found in _LINE_OF_A_CELL.findall(line)]
    if numbers[0] >= hidden_from if numbers else any("File " in line for line in error.traceback):
        return ""
    return f"{error.ename}: {error.evalue}" if error.evalue else str(error.ename)


class TextOnly(NbGraderPreprocessor):
    """Leave outputs that are markup out: whatever graded a notebook, a page shows text and pictures."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Mend one cell."""
        from course.grading.cells import safe_outputs

        if cell.cell_type == "code":
            cell.outputs = [NotebookNode(output) for output in safe_outputs(list(cell.outputs), 200_000)]
        return cell, resources


#: nbgrader 0.9.6's own list, with what a student may see in the middle.
PREPROCESSORS = [GetGrades, ShowReasons, TextOnly, CSSHTMLHeaderPreprocessor]
