"""`course export`, and the same settings in a student's JupyterLab."""

import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.cli import main
from course.pack.start import write_lab_settings

WIDGET = "application/vnd.jupyter.widget-view+json"
LOADS = re.compile(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?https?:")


@pytest.fixture
def notebook(tmp_path):
    """A notebook that was run, with a laboratory in it as JupyterLab saves one."""
    shown = {
        WIDGET: {"model_id": "1", "version_major": 2, "version_minor": 0},
        "text/html": '<img alt="Half of it is lost." src="data:image/png;base64,AA=="><p>Half of it is lost.</p>',
        "text/plain": "A laboratory: Half of it is lost.",
    }
    cell = new_code_cell("lab", execution_count=1)
    cell.outputs = [new_output("execute_result", shown, execution_count=1)]
    made = new_notebook(cells=[new_markdown_cell("# A claim"), cell])
    made.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}}
    nbformat.write(made, tmp_path / "one.ipynb")
    return tmp_path / "one.ipynb"


def test_the_page_shows_a_laboratory_as_picture_and_sentence_and_loads_nothing(notebook, capsys):
    assert main(["export", str(notebook)]) == 0
    page = notebook.with_suffix(".html").read_text(encoding="utf-8")
    assert "<p>Half of it is lost.</p>" in page and 'alt="Half of it is lost."' in page
    assert LOADS.findall(page) == [] and WIDGET not in page
    assert "never run" not in capsys.readouterr().out


def test_cells_that_were_never_run_are_counted(notebook, capsys, tmp_path):
    untouched = nbformat.read(notebook, as_version=4)
    untouched.cells.append(new_code_cell("1 + 1"))
    nbformat.write(untouched, notebook)
    assert main(["export", str(notebook), "--out", str(tmp_path / "pages")]) == 0
    assert (tmp_path / "pages" / "one.html").is_file()
    assert "1 code cells of one.ipynb were never run" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "no notebook", "{}"])
def test_what_is_no_notebook_is_said_so(tmp_path, capsys, content):
    path = tmp_path / "other.ipynb"
    if content is not None:
        path.write_text(content)
    assert main(["export", str(path)]) == 2
    assert "cannot be read as a notebook" in capsys.readouterr().err


def test_a_students_jupyterlab_exports_in_the_same_way(notebook, tmp_path):
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    write_lab_settings(tmp_path)
    settings = json.loads((tmp_path / ".course" / "jupyter" / "jupyter_server_config.json").read_text())
    page, _ = HTMLExporter(config=Config(settings)).from_filename(str(notebook))
    assert "<p>Half of it is lost.</p>" in page
    assert LOADS.findall(page) == []
