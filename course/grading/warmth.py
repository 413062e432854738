"""What a warm process should have imported and computed before a notebook is graded: what it can be seen to use.

A fork copies the map of all that is loaded: with scikit-learn and SciPy it takes four times as long as without, and a
notebook takes six forks and more. What is used but cannot be seen is imported in its box, and only takes longer.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import course

#: What every cell needs, or comes lazily when a cell runs or fails.
ALWAYS = (
    "IPython.display", "IPython.core.inputtransformer2", "IPython.core.displaypub", "IPython.core.displayhook",
    "bdb", "inspect", "ast", "asyncio", "unittest.mock",
)  # fmt: skip
_NUMPY = ("numpy", "numpy.random")
_MATPLOTLIB = (*_NUMPY, "matplotlib.figure", "matplotlib.pyplot", "matplotlib.backends.backend_agg")
#: By what is imported: what to import, and what it is used with. A fixed list: these modules do nothing but exist.
LIBRARIES = {
    "numpy": _NUMPY,
    "matplotlib": _MATPLOTLIB,
    "pandas": (*_MATPLOTLIB, "pandas"),
    "ipywidgets": ("ipywidgets",),
    "scipy": (*_NUMPY, "scipy.stats"),
    "joblib": ("joblib",),
    "sklearn": (
        *_MATPLOTLIB, "pandas", "scipy.stats", "joblib", "sklearn", "sklearn.base", "sklearn.datasets",
        "sklearn.ensemble", "sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection",
        "sklearn.neural_network", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.tree",
    ),
}  # fmt: skip
_OURS = Path(course.__file__).parent


@lru_cache(maxsize=1024)  # most cells are the same for a whole class
def imported(source: str) -> frozenset[str]:
    """Return the modules that a cell imports from installed packages, as `import` finds them.

    >>> sorted(imported("import numpy as np\\nfrom course.labs import lab"))
    ['course.labs', 'numpy']
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    return frozenset(_of(tree))


def libraries(sources: Iterable[str]) -> frozenset[str]:
    """Return the modules to import for cells: of the known libraries, those that they use, or what they import uses.

    Whatever a cell names, the answer holds names of `LIBRARIES` only.

    >>> sorted(libraries(["import scipy.optimize", "import antigravity"]))
    ['numpy', 'numpy.random', 'scipy.stats']
    >>> "pandas" in libraries(["from course.display import table_html"])
    True
    """
    packages: set[str] = set()
    for source in sources:
        for module in imported(source):
            packages |= _packages(module)
    return frozenset(module for package in packages for module in LIBRARIES[package])


def compute_once(module: ModuleType) -> None:
    """Call what a module of the course lists in `ONCE`: functions that keep what they compute, the same for everybody.

    A notebook's two sides would otherwise each train the laboratory's own models. Other packages are left alone.

    >>> compute_once(ast)
    """
    if module.__name__.startswith("course.labs."):
        for compute in getattr(module, "ONCE", ()):
            compute()


def _of(tree: ast.AST) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _packages(module: str) -> frozenset[str]:
    top = module.partition(".")[0]
    if top == "course":
        return _packages_of_ours(module)
    return frozenset({top} & LIBRARIES.keys())


@lru_cache(maxsize=1024)
def _packages_of_ours(module: str) -> frozenset[str]:
    """Return the libraries that a module of the course uses, in its functions too, by itself or by what it imports."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        path = _OURS.joinpath(*name.split(".")[1:])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if not file.is_file():
                continue
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for other in _of(tree):
                top = other.partition(".")[0]
                if top == "course":
                    waiting.append(other)
                elif top in LIBRARIES:
                    found.add(top)
    return frozenset(found)
