"""`course export`: write a notebook as one page that can be printed, mailed and read without a network or a kernel.

Of a laboratory the page shows the state in which it was first shown: picture, sentence and numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from course.errors import CourseError
from course.pack.start import EXPORT_SETTINGS

#: JupyterLab's own light colours of these are too faint to read on the grey of a cell (WCAG 1.4.3 asks for 4.5 : 1).
READABLE = """<style>
:root {
  --jp-cell-prompt-not-active-font-color: #616161; --jp-cell-inprompt-font-color: #616161;
  --jp-cell-outprompt-font-color: #616161; --jp-mirror-editor-operator-color: #8010c8;
  --jp-mirror-editor-number-color: #006b00; --jp-mirror-editor-comment-color: #2f6f6f;
}
.jp-InputPrompt, .jp-OutputPrompt { color: #616161 !important; opacity: 1 !important; }
</style>
"""

SUMMARY = "write a notebook as a page to print or to mail, with a picture of each laboratory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("notebook", type=Path, nargs="+", help="notebooks that were run and saved")
    parser.add_argument("--out", type=Path, help="the folder for the pages (default: beside each notebook)")


def run(options: argparse.Namespace) -> int:
    """Write the pages; say of each where it is, and how many of its cells were never run."""
    for path in options.notebook:
        page, not_run = page_of(path)
        target = (options.out or path.parent) / f"{path.stem}.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
        print(target)
        if not_run:
            print(f"  {not_run} code cells of {path.name} were never run and show nothing: run all, save, export again")
    return 0


def page_of(path: Path) -> tuple[str, int]:
    """Return the page and the number of its code cells that were never run; raise CourseError for what is no notebook.

    The page loads nothing: styles, pictures and words stand in it.
    """
    import nbformat
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, nbformat.ValidationError, nbformat.reader.NotJSONError) as error:
        raise CourseError(f"{path} cannot be read as a notebook ({error}); give the path of an .ipynb file") from None
    # Widgets would ask for a kernel, and for scripts from elsewhere.
    notebook.metadata.pop("widgets", None)
    not_run = sum(cell.cell_type == "code" and cell.execution_count is None for cell in notebook.cells)
    page, _ = HTMLExporter(config=Config(EXPORT_SETTINGS)).from_notebook_node(
        notebook, resources={"metadata": {"name": path.stem}}
    )
    return page.replace("</head>", f"{READABLE}</head>", 1), not_run
