"""The names that tests take from the student are those that the reference answer binds."""

import subprocess
import sys

import pytest

from course.grading.names import bound_names

BINDS = {
    "def f(a, b=1):\n    c = a": "f",
    "async def f(): x = 1": "f",
    "class A(B):\n    y = 1": "A",
    "a, (b, *c) = 1, (2, 3)": "a b c",
    "x: int = 1\ny: int": "x",
    "total += 1": "total",
    "df['z'] = 1": "df",
    "obj.a.b = 1": "obj",
    "grid[0][1].x += 1": "grid",
    "del df['z']": "df",
    "f(x)[0].y = 3": "",
    "import a.b, c.d as e\nfrom f import g, h as i\nfrom j import *": "a e g i",
    "for i, row in rows: seen = row": "i row seen",
    "with open(p) as f, g() as (h, k): pass": "f h k",
    "if (n := 1): pass\n[m := q for q in (k for k in r)]": "n m",
    "key = lambda v: (w := v)": "key",
    "try:\n    z = 1\nexcept E as error:\n    pass": "z",
    "match c:\n    case {'k': v, **rest}: pass\n    case [p, *q] as w: pass": "v rest p q w",
    "x = 1\ndel x": "",
    "x = 1\ndel x\nx = 2": "x",
    "def f():\n    global g\n    g = 1\n    def h():\n        global k\n        k = 2\n        l = 3": "f g k",
    "x = await f()\nasync for t in u: pass": "x t",
    "%matplotlib inline\nx = 1": "x",
    "%%time\nx = 1": "x",
    "%time y = f(2)": "y",
    "%%capture out --no-stderr\nx = 1": "out x",
    "files = !ls": "files",
    "help?\nz = 1": "z",
    "%%writefile a.py\nx = 1": "",
    "  a = 1\n  b = 2": "a b",
    "'\\d'; x = 1": "x",
    "no python at all": "",
    "x = '\0'": "",
    "(" * 5000: "",
    "1+" * 20_000 + "1": "",
}


@pytest.mark.parametrize("source", BINDS, ids=lambda source: repr(source[:40]))
def test_a_cell_binds(source):
    assert bound_names(source) == set(BINDS[source].split())


def test_without_magics_their_lines_are_no_python():
    assert bound_names("%time y = 1", magics=False) == frozenset()


def test_ipython_and_nbgrader_are_not_loaded_for_plain_python():
    code = (
        "import sys, course.grading.rebuild; from course.grading.names import bound_names; bound_names('x = 1');"
        "print([m for m in ('IPython', 'nbgrader', 'nbformat', 'numpy', 'pandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
