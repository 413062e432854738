"""The preprocessors that `nbgrader generate_assignment` runs in this course beside its own."""

from __future__ import annotations

from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader import preprocessors, utils
from nbgrader.preprocessors import ClearSolutions, NbGraderPreprocessor


class ClearAnswers(ClearSolutions):
    """Clear solutions as nbgrader does, but show a cell's own stub where its author gave one.

    A prediction's stub is `prediction = ...`: it must run, while nbgrader's would raise at once and end Run All.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        stub = cell.metadata.get("course", {}).get("stub")
        if stub is None:
            return super().preprocess_cell(cell, resources, cell_index)
        if not utils.is_solution(cell):
            raise RuntimeError(f"cell {cell.id!r} has a stub but is no answer: build it with `course build`")
        cell.source = stub
        return cell, resources


class MendRelease(NbGraderPreprocessor):
    """Tag tests cells `raises-exception`, and drop what only authors read (hints, stubs, roles).

    With the tag a student's Run All reaches the last cell although untouched tests fail. It is set in the release
    only: in `source/` a failing tests cell must fail.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        cell.metadata.pop("course", None)
        is_tests = utils.is_grade(cell) and not utils.is_solution(cell) and cell.cell_type == "code"
        if is_tests or "self-check" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = sorted({*cell.metadata.get("tags", []), "raises-exception"})
        return cell, resources


#: nbgrader 0.9.6's own list with ClearSolutions replaced and MendRelease added at the end.
PREPROCESSORS = [
    preprocessors.IncludeHeaderFooter,
    preprocessors.LockCells,
    ClearAnswers,
    preprocessors.ClearOutput,
    preprocessors.CheckCellMetadata,
    preprocessors.ComputeChecksums,
    preprocessors.SaveCells,
    preprocessors.ClearHiddenTests,
    preprocessors.ClearMarkScheme,
    preprocessors.ComputeChecksums,
    preprocessors.CheckCellMetadata,
    MendRelease,
]
