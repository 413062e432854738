# ruff: noqa: E501 (a cell a line)
"""Tests cells that cannot work across the wall, and those that let the student's side judge: one for each way.

`REFUSED` holds cells that pass with their answer in one process: what is lost is lost at the wall. `DANGEROUS` ones
even pass across it, and may not.
"""

SLEEPY = "import time\ndef f():\n    time.sleep(0.01)\n    return 1"
TWO = "def g(): return 1\ndef f(): return g()"
OBJECT = "class A:\n    x = 1\n    def g(self): return 1\n    def f(self): return self.g()\na = A()"
MOCK = "from unittest.mock import patch\n"

#: Name → (what stands in the finding, the answer, the tests cell, the set-up cell).
REFUSED = {
    "patch.dict of globals": (
        "patch.dict(globals(), …)", TWO, MOCK + "with patch.dict(globals(), {'g': lambda: 5}):\n    assert f() == 5"
    ),
    "patch of a global": (
        "patch('__main__.g')", TWO, MOCK + "with patch('__main__.g', return_value=5):\n    assert f() == 5"
    ),
    "patch of sleep": (
        "patch('time.sleep')", SLEEPY, MOCK + "with patch('time.sleep') as sleep:\n    f()\nsleep.assert_called()"
    ),
    "patch of a module's attribute": (
        "patch.object(time, …)",
        SLEEPY,
        MOCK + "import time\nwith patch.object(time, 'sleep') as sleep:\n    f()\nsleep.assert_called()",
    ),
    "patch of print": (
        "patch('builtins.print')",
        "def f(): print(1)",
        MOCK + "with patch('builtins.print') as said:\n    f()\nsaid.assert_called_once_with(1)",
    ),
    "patch of a student's class": (
        "patch.object(A, …)", OBJECT, MOCK + "with patch.object(A, 'g', return_value=5):\n    assert A().f() == 5"
    ),
    "patch of the environment": (
        "patch.dict(os.environ, …)",
        "import os\ndef f(): return os.environ.get('MISFIT')",
        MOCK + "import os\nwith patch.dict(os.environ, MISFIT='1'):\n    assert f() == '1'",
    ),
    "patch of a dict that both sides have": (
        "it patches C",
        "def f(): return C['a']",
        MOCK + "with patch.dict(C, a=5):\n    assert f() == 5",
        "C = {'a': 1}",
    ),
    "globals set": ("it sets globals()['g']", TWO, "globals()['g'] = lambda: 5\nassert f() == 5"),
    "globals updated": ("globals().update(g=", TWO, "globals().update(g=lambda: 5)\nassert f() == 5"),
    "the function's globals": ("f.__globals__", TWO, "f.__globals__['g'] = lambda: 5\nassert f() == 5"),
    "a module of the library set": (
        "it sets time.sleep", SLEEPY, "import time\nkept, slept = time.sleep, []\ntime.sleep = slept.append\nf()\n"
        "time.sleep = kept\nassert slept"
    ),
    "a module set by setattr": (
        "setattr(math, 'tau', 3)", "import math\ndef f(): return math.tau",
        "import math\nkept = math.tau\nsetattr(math, 'tau', 3)\ngot = f()\nmath.tau = kept\nassert got == 3",
    ),
    "the environment set": (
        "it sets os.environ['MISFIT']",
        "import os\ndef f(): return os.environ.get('MISFIT')",
        "import os\nos.environ['MISFIT'] = '1'\ngot = f()\ndel os.environ['MISFIT']\nassert got == '1'",
    ),
    "a global bound anew": ("it binds 'K'", "K = 1\ndef f(): return K", "K = 5\nassert f() == 5"),
    "a set-up name bound anew": (
        "it binds 'C'", "def f(): return C['a']", "C = {'a': 5}\nassert f() == 5", "C = {'a': 1}"
    ),
    "set-up data changed": (
        "it sets C['a']", "def f(): return C['a']", "C['a'] = 5\nassert f() == 5", "C = {'a': 1}"
    ),
    "set-up data changed by a method": (
        "it calls C.update(a=5)", "def f(): return C['a']", "C.update(a=5)\nassert f() == 5", "C = {'a': 1}"
    ),
    "a student's list cleared": (
        "it calls seen.clear()", "seen = [1]\ndef f(): return len(seen)", "seen.clear()\nassert f() == 0"
    ),
    "type is": ("type(a) is A", OBJECT, "assert type(a) is A"),
    "class is": ("a.__class__ == A", OBJECT, "assert a.__class__ == A"),
    "type by name": ("type(A()).__name__ == 'A'", OBJECT, "assert type(A()).__name__ == 'A'"),
    "a class pattern": (
        "the pattern A(x=1)", OBJECT, "match a:\n    case A(x=1):\n        pass\n    case _:\n        raise ValueError"
    ),
    "a subclass of a student's class": (
        "class B(A)", OBJECT, "class B(A):\n    def h(self): return self.g() + 1\nassert B().h() == 2"
    ),
    "a deep copy": ("copy.deepcopy(a)", OBJECT, "import copy\nassert copy.deepcopy(a).x == 1"),
    "a copy": ("copy(b)", OBJECT, "from copy import copy\nb = A()\nassert copy(b).x == 1"),
    "a pickle": ("pickle.dumps(a)", "class A: pass\na = A()", "import pickle\nassert pickle.dumps(a)"),
    "dataclass fields": (
        "dataclasses.fields(A)",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int",
        "import dataclasses\nassert len(dataclasses.fields(A)) == 1",
    ),
    "code": ("f.__code__", "def f(a): return a", "assert f.__code__.co_argcount == 1"),
    "bases": ("B.__mro__", "class A: pass\nclass B(A): pass", "assert A in B.__mro__"),
    "warnings recorded": (
        "with warnings.catch_warnings(record=True)", "import warnings\ndef f(): warnings.warn('x')",
        "import warnings\nwith warnings.catch_warnings(record=True) as said:\n    warnings.simplefilter('always')\n"
        "    f()\nassert len(said) == 1",
    ),
    "warnings as errors": (
        "with warnings.catch_warnings()", "import warnings\ndef f(): warnings.warn('x')",
        "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('error')\n    try:\n        f()\n"
        "    except UserWarning:\n        pass\n    else:\n        raise AssertionError",
    ),
    "assertWarns": (
        "with unittest.TestCase().assertWarns(UserWarning)", "import warnings\ndef f(): warnings.warn('x')",
        "import unittest\nwith unittest.TestCase().assertWarns(UserWarning):\n    f()",
    ),
    "assertLogs": (
        "with unittest.TestCase().assertLogs('a')", "import logging\ndef f(): logging.getLogger('a').warning('x')",
        "import unittest\nwith unittest.TestCase().assertLogs('a'):\n    f()",
    ),
    "CPU time": (
        "it calls time.process_time", "def f(): sum(range(3_000_000))",
        "import time\nbegan = time.process_time()\nf()\nassert time.process_time() - began > 0.01",
    ),
    "memory": (
        "it calls tracemalloc.start", "def f(): return len([0] * 1_000_000)",
        "import tracemalloc\ntracemalloc.start()\nf()\npeak = tracemalloc.get_traced_memory()[1]\n"
        "tracemalloc.stop()\nassert peak > 4_000_000",
    ),
    "recursion limit": (
        "it calls sys.setrecursionlimit", "def f(n): return 0 if n == 0 else 1 + f(n - 1)",
        "import sys\nkept = sys.getrecursionlimit()\nsys.setrecursionlimit(9000)\ntry:\n    assert f(5000) == 5000\n"
        "finally:\n    sys.setrecursionlimit(kept)",
    ),
    "another folder": (
        "it calls os.chdir", "def f(): open('written.txt', 'w').write('x')",
        "import os\nos.mkdir('inner')\nos.chdir('inner')\nf()\nos.chdir('..')\n"
        "assert os.path.exists('inner/written.txt') and not os.path.exists('written.txt')",
    ),
    "an alarm": (
        "it calls signal.alarm", "import time\ndef f(): time.sleep(3)",
        "import signal\ndef ring(*_): raise TimeoutError\nkept = signal.signal(signal.SIGALRM, ring)\nsignal.alarm(1)\n"
        "try:\n    f()\nexcept TimeoutError:\n    pass\nelse:\n    raise AssertionError\nfinally:\n"
        "    signal.alarm(0)\n    signal.signal(signal.SIGALRM, kept)",
    ),
    "a program": ("it calls subprocess.call", "n = 0", "import subprocess\nassert subprocess.call(['true']) == n"),
    "a shell": ("it calls os.system", "n = 0", "import os\nassert os.system('true') == n"),
    "a pool of processes": (
        "it calls multiprocessing.get_context", "def f(n): return abs(n)",
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "    assert pool.map(abs, [-1]) == [f(-1)]",
    ),
    "a server": (
        "it calls http.server.HTTPServer",
        "import urllib.request\ndef f(url): return urllib.request.urlopen(url, timeout=2).status",
        "import http.server, threading\nclass Quiet(http.server.SimpleHTTPRequestHandler):\n"
        "    def log_message(self, *_): pass\nserver = http.server.HTTPServer(('127.0.0.1', 0), Quiet)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "try:\n    assert f(f'http://127.0.0.1:{server.server_port}/') == 200\n"
        "finally:\n    server.shutdown()\n    server.server_close()",
    ),
}  # fmt: skip

#: They would run a student's text where the tests are, or need IPython.
DANGEROUS = {
    "exec of a source": ("exec(inspect.getsource(f), ns)", "def f(): return 1",
                         "import inspect\nns = {}\nexec(inspect.getsource(f), ns)\nassert ns['f']() == 1"),
    "eval of a result": ("eval(said)", "def f(): return '2'", "said = f()\nassert eval(said) == 2"),
    "exec of a file": ("exec(text)", "def f(): pass", "text = open('theirs.py').read()\nexec(text)\nassert f"),
    "query by a result": ("table.query(f())", "def f(): return 'a > 1'", "assert len(table.query(f())) == 1"),
    "a file run": ("it calls runpy.run_path", "def f(): pass", "import runpy\nassert runpy.run_path('theirs.py') and f"),
    "%run": ("%run", "def f(): pass", "%run theirs.py\nassert f"),
    "!": ("!echo", "def f(): pass", "!echo\nassert f"),
    "%env": ("%env", "def f(): pass", "%env A=1\nassert f"),
}  # fmt: skip

#: Name → (what stands in the warning, the answer, the tests cell).
WARNED = {
    "two calls": ("f(1) == f(2)", "def f(n): return 0", "assert f(1) == f(2)"),
    "two names": ("a == b", "a = object()\nb = a", "assert a == b"),
    "two results": ("one == other", "def f(n): return 0", "one = f(1)\nother = f(2)\nassert one == other"),
    "one above the other": ("f(2) > f(1)", "def f(n): return n", "assert f(2) > f(1)"),
    "sorted in place": ("computed from 'v'", "def f(v): v.sort()", "v = [2, 1]\nf(v)\nassert v == sorted(v)"),
    "expected after the call": (
        "computed from 'v'", "def f(v): return sum(v)", "v = [2, 1]\ngot = f(v)\nassert got == sum(v)"
    ),
    "expected by a name of its own": (
        "computed from 'v'",
        "def f(v): return sum(v)",
        "v = [2, 1]\ngot = f(v)\nexpected = v[0] + v[1]\nassert got == expected",
    ),
    "expected in the same line": ("computed from 'v'", "def f(v): return v", "v = [2, 1]\nassert f(v) == v"),
    "an array": (
        "computed from 'v'", "def f(v): return v * 2",
        "import numpy as np\nv = np.ones(3)\nassert np.array_equal(f(v), v * 2)",
    ),
    "handed over by a star": (
        "computed from 'run'", "def f(a, b): return a", "run = ask()\nassert f(*run) == run.a",
    ),
    "a score of its own": (
        "m.score(X, y) > 0.9", "class M:\n    def score(self, X, y): return 1.0\ndef f(): return M()",
        "m = f()\nassert m.score(X, y) > 0.9",
    ),
    "equals by its own method": ("f(1).equals(table)", "def f(n): return n", "assert f(1).equals(table)"),
    "its own attribute": ("m.ok", "class M:\n    ok = True", "m = M()\nassert m.ok"),
    "its own length": ("len(s) == 2", "class S:\n    def __len__(self): return 2", "s = S()\nassert len(s) == 2"),
    "no assert": ("nothing in this cell can fail", "def f(n): return n", "f(1)\nprint(f(2))"),
    "a tenth of a second": (
        "allow 1 s", "def f(): pass",
        "import time\nbegan = time.monotonic()\nf()\ntook = time.monotonic() - began\nassert took < 0.1",
    ),
}  # fmt: skip

#: What looks like one of them, and is right: the answer, the tests cell, the set-up cell.
FINE = {
    "typed input": ("def f(): return input()", MOCK + "with patch('builtins.input', return_value='4'):\n    assert f() == '4'"),
    "printed": ("def f(): print(1)", "import io\n" + MOCK + "with patch('sys.stdout', io.StringIO()) as out:\n    f()\nassert out.getvalue() == '1\\n'"),
    "a name of the tests' own": ("def f(n):\n    half = n / 2\n    return half", "half = f(4)\nassert half == 2"),
    "a loop's name": ("def f(n): return [k for k in range(n)]", "for k in range(3):\n    assert len(f(k)) == k"),
    "a dict of the tests' own patched": ("def f(d): return d['a']", MOCK + "mine = {'a': 1}\nwith patch.dict(mine, a=5):\n    assert f(mine) == 5"),
    "an object's attribute set": (OBJECT, "a.x = 5\nassert a.x == 5"),
    "type of data": ("def f(): return 1", "assert type(f()) is int"),
    "type in a message": (OBJECT, "assert a.x == 1, f'got {type(a).__name__}'"),
    "data copied": ("def f(): return [[1]]", "import copy\nassert copy.deepcopy(f()) == [[1]]"),
    "a program on their side": ("n = 0", "import subprocess\nassert subprocess.run(['true']).returncode == n"),
    "a literal evaluated": ("def f(): return '[1]'", "import ast\nassert ast.literal_eval(f()) == [1]"),
    "our own text evaluated": ("def f(): return 3", "rule = '1 + 2'\nassert f() == eval(rule)"),
    "expected before": ("def f(v): return sum(v)", "v = [2, 1]\nexpected = sum(v)\nassert f(v) == expected"),
    "a copy handed over": ("def f(v): return sum(v)", "v = [2, 1]\nassert f(list(v)) == sum(v)"),
    "a number handed over": ("def f(n): return n + 1", "for n in (1, 2, 3):\n    assert f(n) == n + 1"),
    "one of many handed over": ("def f(n): return n + 1", "import random\nfor n in random.sample(range(9), 3):\n    assert f(n) == n + 1"),
    "a number drawn": ("def f(n): return n + 1", "import random\nn = random.randint(1, 9)\nassert f(n) == n + 1"),
    "another number drawn": ("def f(n): return n + 1", "import numpy as np\nn = np.random.default_rng(1).integers(9)\nassert f(n) == n + 1"),
    "an argument judged": ("def f(v): v.append(1)", "v = []\nf(v)\nassert v == [1]"),
    "the same object back": ("def f(v): return v", "v = [1]\nassert f(v) is v"),
    "unequal results": ("def f(n): return n", "assert f(1) != f(2)"),
    "equal texts": ("def f(n): return 'a'", "one = f(1)\nassert isinstance(one, str) and one == f(2)"),
    "equal to ours too": ("def f(n): return 'a'", "one = f(1)\nassert one == 'a' and one == f(2)"),
    "a checker of ours": ("prediction = 3", "check_prediction(prediction, 3)"),
    "a score": ("def f(n): return n", "points = 0\npoints += f(1) == 1\npoints"),
    "two seconds": ("def f(): pass", "import time\nbegan = time.time()\nf()\nassert time.time() - began < 2"),
}  # fmt: skip
