"""The usual ways to write a tests cell, each with an answer that is right and one that is wrong.

What an idiom shows when its cells run in one process is what the two sides must show too.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Idiom:
    """`tests` passes for `right` and fails for `wrong`."""

    name: str
    right: str
    wrong: str
    tests: str
    set_up: str = "import numpy as np\nimport pandas as pd"


IDIOMS = [
    Idiom("a value", "x = 3", "x = 4", "assert x == 3"),
    Idiom("a number by is", "x = None", "x = 0", "assert x is None"),
    Idiom("exact type", "x = 3", "x = True", "assert type(x) is int and x == 3"),
    Idiom("a text", "x = 'ab'", "x = 'ba'", "assert x.startswith('a') and f'{x}!' == 'ab!'"),
    Idiom("close enough", "x = 0.1 + 0.2", "x = 0.31", "import math\nassert math.isclose(x, 0.3)"),
    Idiom("a function", "def f(a, b=2):\n    return a * b", "def f(a, b=3):\n    return a * b", "assert f(4) == 8"),
    Idiom("keyword words", "def f(*, n): return n", "def f(*, n): return -n", "assert f(n=5) == 5"),
    Idiom("a lambda", "f = lambda v: v + 1", "f = lambda v: v", "assert [f(v) for v in range(3)] == [1, 2, 3]"),
    Idiom("containers", "x = {'a': [1, (2, {3})]}", "x = {'a': [1, [2, {3}]]}", "assert x == {'a': [1, (2, {3})]}"),
    Idiom("sorted results", "def f(v): return sorted(v)", "def f(v): return v", "assert f([2, 1]) == [1, 2]"),
    Idiom("a closure", "def add(n): return lambda v: v + n", "def add(n): return lambda v: v", "assert add(2)(3) == 5"),
    Idiom(
        "an instance",
        "class Stack:\n    def __init__(self): self.items = []\n    def push(self, v): self.items.append(v)\n"
        "    def __len__(self): return len(self.items)",
        "class Stack:\n    def __init__(self): self.items = []\n    def push(self, v): pass\n"
        "    def __len__(self): return len(self.items)",
        "s = Stack()\ns.push(4)\nassert len(s) == 1 and s.items == [4]\nassert isinstance(s, Stack)",
    ),
    Idiom(
        "a subclass",
        "class A: pass\nclass B(A): pass",
        "class A: pass\nclass B: pass",
        "assert issubclass(B, A) and isinstance(B(), A)",
    ),
    Idiom(
        "arithmetic of instances",
        "class V:\n    def __init__(self, x): self.x = x\n    def __add__(self, o): return V(self.x + o.x)\n"
        "    def __mul__(self, k): return V(self.x * k)",
        "class V:\n    def __init__(self, x): self.x = x\n    def __add__(self, o): return V(self.x)\n"
        "    def __mul__(self, k): return V(self.x)",
        "assert (V(1) + V(2)).x == 3\nassert (V(2) * 3).x == 6",
    ),
    Idiom(
        "a property and a class attribute",
        "class C:\n    kind = 'c'\n    @property\n    def twice(self): return 4",
        "class C:\n    kind = 'c'\n    @property\n    def twice(self): return 5",
        "assert C.kind == 'c' and C().twice == 4",
    ),
    Idiom(
        "a context manager",
        "log = []\nclass M:\n    def __enter__(self): return 7\n    def __exit__(self, *w): log.append('out')",
        "log = []\nclass M:\n    def __enter__(self): return 8\n    def __exit__(self, *w): log.append('out')",
        "with M() as m:\n    assert m == 7",
    ),
    Idiom(
        "a generator", "def g(n):\n    yield from range(n)", "def g(n):\n    yield n", "assert list(g(3)) == [0, 1, 2]"
    ),
    Idiom(
        "next by next", "def g():\n    yield 1\n    yield 2", "def g():\n    yield 2", "i = g()\nassert next(i) == 1"
    ),
    Idiom(
        "an endless generator",
        "def g():\n    n = 0\n    while True:\n        yield n\n        n += 2",
        "def g():\n    n = 0\n    while True:\n        yield n\n        n += 3",
        "from itertools import islice\nassert list(islice(g(), 3)) == [0, 2, 4]",
    ),
    Idiom(
        "an exception",
        "def f(v):\n    if v < 0: raise ValueError(f'negative: {v}')\n    return v",
        "def f(v):\n    return v",
        "try:\n    f(-1)\nexcept ValueError as error:\n    assert 'negative: -1' in str(error)\n"
        "else:\n    raise AssertionError('expected ValueError')",
    ),
    Idiom(
        "an exception of another class",
        "def f(): raise KeyError('k')",
        "def f(): raise TypeError('k')",
        "import contextlib\nwith contextlib.suppress(LookupError):\n    f()",
    ),
    Idiom(
        "an exception class of one's own",
        "class Bad(ValueError): pass\ndef f(): raise Bad('no')",
        "class Bad(ValueError): pass\ndef f(): raise ValueError('no')",
        "try:\n    f()\nexcept Bad as error:\n    assert error.args == ('no',)",
    ),
    Idiom(
        "assertRaises",
        "def f(): raise ZeroDivisionError",
        "def f(): return 1",
        "import unittest\nunittest.TestCase().assertRaises(ZeroDivisionError, f)",
    ),
    Idiom(
        "a library's exception",
        "def f(m): return m.predict([[1]])",
        "def f(m): return [0]",
        "from sklearn.exceptions import NotFittedError\nfrom sklearn.linear_model import LinearRegression\n"
        "try:\n    f(LinearRegression())\nexcept NotFittedError: pass\nelse:\n    raise AssertionError('not fitted')",
    ),
    Idiom(
        "a stopped person",
        "def f(g):\n    try: return g()\n    except Exception: return 'caught'",
        "def f(g):\n    try: return g()\n    except BaseException: return 'caught'",
        "def stop(): raise KeyboardInterrupt\ntry:\n    got = f(stop)\nexcept KeyboardInterrupt:\n    got = 'stopped'\n"
        "assert got == 'stopped'",
    ),
    Idiom("a numpy scalar", "x = np.float64(2.5)", "x = np.float64(2)", "assert x == 2.5 and isinstance(x, float)"),
    Idiom(
        "an array",
        "def f(a): return a.mean(axis=0)",
        "def f(a): return a.mean(axis=1)",
        "a = np.arange(6.0).reshape(2, 3)\nnp.testing.assert_allclose(f(a), [1.5, 2.5, 3.5])",
    ),
    Idiom(
        "a truth array", "m = np.array([1, 2]) > 1", "m = np.array([1, 2]) > 0", "assert m.tolist() == [False, True]"
    ),
    Idiom("a date", "d = np.datetime64('2026-01-02')", "d = None", "assert d == np.datetime64('2026-01-02')"),
    Idiom(
        "a frame",
        "def f(d): return d.assign(z=d['a'] * 2)",
        "def f(d): return d.assign(z=d['a'] * 3)",
        "d = pd.DataFrame({'a': [1, 2]})\npd.testing.assert_frame_equal(f(d), pd.DataFrame({'a': [1, 2], 'z': [2, 4]}))",
    ),
    Idiom(
        "a frame of every kind",
        "f = pd.DataFrame({'t': ['a', None], 'c': pd.Categorical(['u', 'v']), 'd': pd.date_range('2026', periods=2)})",
        "f = pd.DataFrame({'t': ['a', 'b'], 'c': pd.Categorical(['u', 'v']), 'd': pd.date_range('2026', periods=2)})",
        "assert f['t'].isna().sum() == 1 and f['c'].dtype == 'category' and f['d'].dt.year.tolist() == [2026, 2026]",
    ),
    Idiom(
        "a grouped series",
        "def f(d): return d.groupby('k')['v'].mean()",
        "def f(d): return d.groupby('k')['v'].sum()",
        "d = pd.DataFrame({'k': ['x', 'x', 'y'], 'v': [1.0, 3.0, 5.0]})\nassert f(d).to_dict() == {'x': 2.0, 'y': 5.0}",
    ),
    Idiom(
        "stored into a frame of ours",
        "d['z'] = d['a'] + 1",
        "d['z'] = d['a']",
        "assert d['z'].tolist() == [2, 3]",
        "import pandas as pd\nd = pd.DataFrame({'a': [1, 2]})",
    ),
    Idiom(
        "a fitted estimator",
        "from sklearn.linear_model import LogisticRegression\ndef fit(X, y): return LogisticRegression().fit(X, y)",
        "from sklearn.linear_model import LogisticRegression\ndef fit(X, y): return LogisticRegression().fit(X, 1 - y)",
        "X, y = np.arange(40.0).reshape(20, 2), (np.arange(20) > 9).astype(int)\nm = fit(X, y)\n"
        "assert isinstance(m, LogisticRegression) and m.coef_.shape == (1, 2)\nassert m.score(X, y) > 0.9",
    ),
    Idiom(
        "cross-validated",
        "from sklearn.tree import DecisionTreeClassifier\nm = DecisionTreeClassifier(max_depth=2, random_state=0)",
        "from sklearn.dummy import DummyClassifier\nm = DummyClassifier(strategy='constant', constant=0)",
        "from sklearn.model_selection import cross_val_score\nX = np.tile(np.arange(20.0), 2).reshape(40, 1)\n"
        "assert cross_val_score(m, X, (X[:, 0] > 9).astype(int), cv=2).mean() > 0.9",
    ),
    Idiom(
        "a pipeline",
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n"
        "from sklearn.linear_model import Ridge\np = make_pipeline(StandardScaler(), Ridge())",
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.linear_model import Ridge\np = make_pipeline(Ridge())",
        "assert list(p.named_steps) == ['standardscaler', 'ridge']",
    ),
    Idiom(
        "a function handed over",
        "def apply(f, vs): return [f(v) for v in vs]",
        "def apply(f, vs): return list(vs)",
        "assert apply(lambda v: v * 2, [1, 2]) == [2, 4]",
    ),
    Idiom(
        "calls counted",
        "def once(f): return f()",
        "def once(f):\n    f()\n    return f()",
        "calls = []\ndef f():\n    calls.append(1)\n    return 5\nassert once(f) == 5 and len(calls) == 1",
    ),
    Idiom(
        "a mock handed over",
        "def save(store, v): store.put('k', v)",
        "def save(store, v): store.put('k', 0)",
        "from unittest.mock import Mock\nstore = Mock()\nsave(store, 4)\nstore.put.assert_called_once_with('k', 4)",
    ),
    Idiom(
        "a model handed over",
        "def ask(model, v):\n    try: return model.predict(v)\n    except RuntimeError: return None",
        "def ask(model, v): return model.predict(v)",
        "class Broken:\n    def predict(self, v): raise RuntimeError('down')\nclass Fine:\n    def predict(self, v): return v + 1\n"
        "assert ask(Fine(), 1) == 2 and ask(Broken(), 1) is None",
    ),
    Idiom(
        "an error of the tests' own passes through",
        "def call(f): return f()",
        "def call(f):\n    try: return f()\n    except Exception: return None",
        "class Mine(Exception): pass\ndef f(): raise Mine('x')\ntry:\n    call(f)\nexcept Mine: pass\n"
        "else:\n    raise AssertionError('expected Mine')",
    ),
    Idiom(
        "threads in it",
        "import threading\ndef f(vs):\n    got = []\n    ts = [threading.Thread(target=got.append, args=(v,)) for v in vs]\n"
        "    [t.start() for t in ts]\n    [t.join() for t in ts]\n    return sorted(got)",
        "import threading\ndef f(vs):\n    return []",
        "assert f([2, 1]) == [1, 2]",
    ),
    Idiom(
        "threads that call it",
        "import time\ndef f(n):\n    time.sleep(0.001)\n    return n + 1",
        "import time\ndef f(n):\n    time.sleep(0.001)\n    return n",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(8) as pool:\n"
        "    assert list(pool.map(f, range(50))) == list(range(1, 51))",
    ),
    Idiom(
        "an argument that changes",
        "def f(l, d, s, a):\n    l.append(1)\n    d['k'] = 2\n    s.add(3)\n    a += 1",
        "def f(l, d, s, a):\n    l.append(1)\n    d['k'] = 2\n    s.add(3)\n    a = a + 1",
        "l, d, s, a = [], {}, set(), np.zeros(2)\nf(l, d, s, a)\nassert (l, d, s, a.tolist()) == ([1], {'k': 2}, {3}, [1, 1])",
    ),
    Idiom(
        "a generator of chance handed over",
        "def f(rng, r): return rng.random() + r.random()",
        "def f(rng, r): return 0.5",
        "import random\nrng, r = np.random.default_rng(1), random.Random(1)\nassert f(rng, r) != f(rng, r)\n"
        "assert rng.random() != np.random.default_rng(1).random()",
    ),
    Idiom(
        "a queue and a stream handed over",
        "def f(q, out):\n    q.popleft()\n    out.write('hi')",
        "def f(q, out): pass",
        "import collections, io\nq, out = collections.deque([1, 2]), io.StringIO()\nf(q, out)\n"
        "assert list(q) == [2] and out.getvalue() == 'hi'",
    ),
    Idiom(
        "an argument that stays",
        "def f(d): return d.sort_values('a')",
        "def f(d):\n    d.sort_values('a', inplace=True)\n    return d",
        "d = pd.DataFrame({'a': [2, 1]})\nkept = d.copy()\nf(d)\nassert d.equals(kept)",
    ),
    Idiom("the same object back", "def f(v): return v", "def f(v): return list(v)", "v = [1]\nassert f(v) is v"),
    Idiom(
        "seeded globally",
        "def f(): return np.random.random(3)",
        "def f(): return np.random.default_rng().random(3)",
        "np.random.seed(1)\ne = np.random.random(3)\nnp.random.seed(1)\nassert np.array_equal(f(), e)",
    ),
    Idiom(
        "the dice left alone",
        "import random\ndef f(): return random.Random(1).random()",
        "import random\ndef f():\n    random.seed(1)\n    return random.random()",
        "import random\nrandom.seed(4)\ne = random.random()\nrandom.seed(4)\nf()\nassert random.random() == e",
    ),
    Idiom(
        "printed output",
        "def f(): print('hello')",
        "def f(): print('goodbye')",
        "import contextlib, io\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    f()\n"
        "assert out.getvalue() == 'hello\\n'",
    ),
    Idiom(
        "a warning",
        "import warnings\ndef f():\n    warnings.warn('careful')\n    return 1",
        "def f(): return 2",
        "assert f() == 1",
    ),
    Idiom(
        "typed input",
        "def f(): return int(input('n? ')) + 1",
        "def f(): return 0",
        "from unittest.mock import patch\nwith patch('builtins.input', return_value='4'):\n    assert f() == 5",
    ),
    Idiom(
        "a file that was written",
        "def save(t): open('note.txt', 'w').write(t)",
        "def save(t): open('other.txt', 'w').write(t)",
        "save('hi')\nassert open('note.txt').read() == 'hi'",
    ),
    Idiom(
        "a file to read",
        "def load(p): return pd.read_csv(p)['a'].sum()",
        "def load(p): return 0",
        "pd.DataFrame({'a': [1, 2]}).to_csv('in.csv', index=False)\nassert load('in.csv') == 3",
    ),
    Idiom(
        "a temporary folder",
        "def save(folder): (folder / 'x.json').write_text('[1]')",
        "def save(folder): (folder / 'x.json').write_text('[2]')",
        "import json, pathlib, tempfile\nwith tempfile.TemporaryDirectory() as folder:\n    folder = pathlib.Path(folder)\n"
        "    save(folder)\n    assert json.loads((folder / 'x.json').read_text()) == [1]",
    ),
    Idiom(
        "a signature",
        "def f(a, b=1, *, c): pass",
        "def f(a, b, c): pass",
        "import inspect\nassert str(inspect.signature(f)) == '(a, b=1, *, c)'",
    ),
    Idiom(
        "the source read",
        "def f(vs): return [v for v in vs]",
        "def f(vs):\n    out = []\n    for v in vs: out.append(v)\n    return out",
        "import inspect\nassert 'for v in vs]' in inspect.getsource(f)",
    ),
    Idiom(
        "a docstring", "def f():\n    'Says f.'", "def f(): pass", "assert f.__doc__ == 'Says f.' and f.__name__ == 'f'"
    ),
    Idiom("a coroutine", "async def f(): return 3", "async def f(): return 4", "assert await f() == 3"),
    Idiom(
        "a class of ours",
        "def move(p): return Point(p.x + 1, p.y)",
        "def move(p): return Point(p.x, p.y)",
        "assert move(Point(1, 2)) == Point(2, 2)",
        "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\n    y: int",
    ),
    Idiom(
        "a named tuple",
        "from collections import namedtuple\nR = namedtuple('R', 'a b')\ndef f(): return R(1, 2)",
        "from collections import namedtuple\nR = namedtuple('R', 'a b')\ndef f(): return R(2, 1)",
        "a, b = f()\nassert (a, f().b) == (1, 2)",
    ),
    Idiom(
        "looked up by name",
        "def g(): return 1",
        "def h(): return 1",
        "assert 'g' in globals() and globals()['g']() == 1",
    ),
    Idiom("what is not there", "y = 2", "z = 2", "assert y == 2"),
    Idiom(
        "a recursion",
        "def f(n): return 1 if n < 2 else n * f(n - 1)",
        "def f(n): return n * f(n - 1)",
        "assert f(30) == 265252859812191058636308480000000",
    ),
    Idiom(
        "a decorator",
        "def twice(f):\n    def g(*a): return f(*a) * 2\n    return g",
        "def twice(f): return f",
        "@twice\ndef three(): return 3\nassert three() == 6",
    ),
    Idiom(
        "memory of calls",
        "seen = {}\ndef f(k):\n    seen[k] = seen.get(k, 0) + 1\n    return seen[k]",
        "def f(k): return 1",
        "f('a')\nassert f('a') == 2 and f('b') == 1",
    ),
]

#: Answers that try to pass without being right; the tests would fail a plain wrong answer.
FORGERIES = {
    "always equal": ("class E:\n    def __eq__(s, o): return True\ndef f(v): return E()", "assert f(3) == 4"),
    "an int that lies": (
        "class I(int):\n    def __eq__(s, o): return True\n    __hash__ = int.__hash__\ndef f(v): return I(0)",
        "assert f(3) == 4",
    ),
    "a text that lies": (
        "class S(str):\n    def __eq__(s, o): return True\n    def startswith(s, o): return True\ndef f(v): return S()",
        "assert f(3) == 'four' and f(3).startswith('f')",
    ),
    "a list that lies": (
        "class L(list):\n    def __eq__(s, o): return True\n    def __len__(s): return 3\ndef f(v): return L()",
        "assert f(3) == [1, 2, 3] and len(f(3)) == 3",
    ),
    "a dict that lies": (
        "class D(dict):\n    def __getitem__(s, k): return 1\n    def __eq__(s, o): return True\ndef f(v): return D()",
        "assert f(3) == {'a': 1} and f(3)['a'] == 1",
    ),
    "an array that lies": (
        "import numpy as np\nclass A(np.ndarray):\n    def __eq__(s, o): return np.True_\n    def all(s, *a, **k): return True\n"
        "def f(v): return np.zeros(2).view(A)",
        "import numpy as np\nassert np.array_equal(f(3), [1, 2])",
    ),
    "a frame that lies": (
        "import pandas as pd\nclass F(pd.DataFrame):\n    def equals(s, o): return True\ndef f(v): return F({'a': [0]})",
        "import pandas as pd\nassert f(3).equals(pd.DataFrame({'a': [1]}))",
    ),
    "an elastic number": (
        "class N:\n    def __lt__(s, o): return True\n    def __gt__(s, o): return True\n    __le__ = __ge__ = __lt__\n"
        "    def __abs__(s): return s\n    def __sub__(s, o): return s\n    __rsub__ = __sub__\ndef f(v): return N()",
        "assert abs(f(3) - 4) < 0.1",
    ),
    "isclose patched": (
        "import math\nmath.isclose = lambda *a, **k: True\ndef f(v): return 0",
        "import math\nassert math.isclose(f(3), 4)",
    ),
    "numpy.testing patched": (
        "import numpy as np\nnp.testing.assert_allclose = lambda *a, **k: None\ndef f(v): return 0",
        "import numpy as np\nnp.testing.assert_allclose(f(3), 4)",
    ),
    "numpy shadowed": (
        "class np:\n    array_equal = staticmethod(lambda a, b: True)\ndef f(v): return 0",
        "assert np.array_equal(f(3), [4])",
    ),
    "builtins patched": (
        "import builtins\nbuiltins.len = lambda v: 3\nbuiltins.all = lambda v: True\ndef f(v): return [0]",
        "assert len(f(3)) == 3",
    ),
    "AssertionError patched": (
        "import builtins\nbuiltins.AssertionError = type('A', (BaseException,), {})\ndef f(v): return 0",
        "assert f(3) == 4",
    ),
    "unittest patched": (
        "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\ndef f(v): return 0",
        "import unittest\nunittest.TestCase().assertEqual(f(3), 4)",
    ),
    "an import hook": (
        "import sys, types\nm = types.ModuleType('json')\nm.loads = lambda t: {'ok': True}\nsys.modules['json'] = m\ndef f(v): return '{}'",
        "import json\nassert json.loads(f(3)) == {'ok': True}",
    ),
    "an estimator that lies": (
        "from sklearn.linear_model import LogisticRegression\nclass Liar(LogisticRegression):\n"
        "    def score(s, X, y, sample_weight=None): return 1.0\n"
        "    def predict(s, X): return [0] * len(X)\ndef f(v): return Liar()",
        "import numpy as np\nX, y = np.zeros((4, 1)), np.array([0, 1, 1, 1])\nassert f(3).score(X, y) > 0.9",
    ),
    "metrics patched": (
        "import sklearn.metrics\nsklearn.metrics.accuracy_score = lambda *a, **k: 1.0\ndef f(v): return [0, 0]",
        "from sklearn.metrics import accuracy_score\nassert accuracy_score([1, 1], f(3)) == 1",
    ),
    "exit 0": ("import os\ndef f(v): os._exit(0)", "assert f(3) == 4"),
    "SystemExit": ("def f(v): raise SystemExit(0)", "assert f(3) == 4"),
    "the caller's frame": (
        "import sys\ndef f(v):\n    frame = sys._getframe()\n    while frame:\n"
        "        frame.f_globals['f'] = lambda v: 4\n        frame = frame.f_back\n    return 0",
        "assert f(3) == 4\nassert f(3) == 4",
    ),
    "a trace function": (
        "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\ndef f(v): return 0",
        "assert f(3) == 4",
    ),
    "IPython's own events": (
        "ip = get_ipython()\nip.input_transformers_cleanup.append(lambda ls: ['pass\\n'])\n"
        "ip.run_cell = lambda *a, **k: None\ndef f(v): return 0",
        "assert f(3) == 4",
    ),
    "a library of one's own": (
        "import types\nmath = types.SimpleNamespace(isclose=lambda *a: True)\ndef f(v): return 0",
        "import math\nassert math.isclose(f(3), 4)",
    ),
    "an atexit": ("import atexit\natexit.register(lambda: None)\ndef f(v): return 0", "assert f(3) == 4"),
    "its tests cell redefined": (
        "def f(v): return 0\n__name__ = 'x'\nassert_equal = lambda *a: None",
        "assert f(3) == 4",
    ),
    "a generator of equals": (
        "class E:\n    def __eq__(s, o): return True\ndef f(v):\n    while True: yield E()",
        "for got, expected in zip(f(3), [1, 2]):\n    assert got == expected",
    ),
}
