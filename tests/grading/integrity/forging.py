"""Submissions that want points which they do not deserve."""

from __future__ import annotations

import json
from typing import Any

import course_specimen as specimen
from probing import Sample

HONEST, WRONG = specimen.HONEST, specimen.WRONG


def kernel(name: str, cell: str, gate: str = "", **more: Any) -> Sample:
    """Wrong answers, and a cell before them that bends what judges."""
    return Sample(name, "forging", added=(("set-up", cell),), gate=gate, **more)


def answer(name: str, key: str, text: str, gate: str = "", **more: Any) -> Sample:
    """One answer that bends what judges; the others are wrong."""
    return Sample(name, "forging", answers={key: text}, gate=gate, **more)


def wire(name: str, text: str, word: str, key: str = "function", gate: str = "", **more: Any) -> Sample:
    """An answer that speaks to the other side in the grader's own language."""
    return Sample(name, "forging", answers={key: text}, proof="wire", word=word, gate=gate, **more)


SIDE = "from course.grading import student_side as side, wire\nfrom course.grading.student_side import Remote\n"
REMOTE_CODE = "get_ipython().ast_transformers.append(type('T', (__import__('ast').NodeTransformer,), " \
    "{'visit_Assert': lambda s, n: __import__('ast').copy_location(__import__('ast').Pass(), n)})())"  # fmt: skip

IN_THE_KERNEL = [
    kernel("an AST transformer that drops asserts", f"import ast\n{REMOTE_CODE}", gate="AB"),
    kernel("an input transformer", "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])"),
    kernel("a hook before each cell", "def quiet(info):\n    info.raw_cell = 'pass'\nip = get_ipython()\n"
           "ip.events.register('pre_run_cell', quiet)\nold = ip.run_cell_async\n"
           "async def run(raw, **k):\n    return await old('pass', **(k | {'transformed_cell': 'pass'}))\n"
           "ip.run_cell_async = run", gate="A"),
    kernel("run_cell replaced", "ip = get_ipython()\nold = ip.run_cell\n"
           "ip.run_cell = lambda raw, *a, **k: old('pass', *a, **k)"),
    kernel("AssertionError replaced by one that passes", "import builtins\nip = get_ipython()\n"
           "ip.set_custom_exc((Exception,), lambda *a: None)\nold = ip.run_code\n"
           "async def run(code, result=None, **k):\n    await old(code, None, **k)\n    return False\nip.run_code = run"),
    kernel("compile patched", "import builtins, ast\nold = ast.parse\nip = get_ipython()\n"
           "ip.compile.ast_parse = lambda s, *a, **k: ast.Module([], [])"),
    kernel("builtins patched", "import builtins\nbuiltins.abs = lambda v: 0.0\nbuiltins.all = lambda v: True",
           answers={"function": "def largest_mean(values, k, key=None):\n    if k == 0: raise ValueError\n"
                    "    return -9 if key else 0"}, gate="B"),
    kernel("asserts traced away", "import sys\ndef trace(frame, event, arg):\n    if 'ipykernel' in "
           "frame.f_code.co_filename or 'ipython' in frame.f_code.co_filename:\n        frame.f_trace_lines = True\n"
           "    return trace\nimport ast\nget_ipython().ast_transformers.append(type('S', (ast.NodeTransformer,), "
           "{'visit_Module': lambda s, n: ast.Module([], [])})())\nsys.settrace(None)"),
    kernel("the tests' names bound early", "class Everything:\n    def __eq__(s, o): return True\n"
           "    def __getattr__(s, n): return s\n    def __call__(s, *a, **k): return s\n"
           "    def __len__(s): return 1\n    def __sub__(s, o): return s\n    def __abs__(s): return s\n"
           "    def __lt__(s, o): return True\n    def __gt__(s, o): return True\n    def __iter__(s): return iter([s])\n"
           "    def __getitem__(s, k): return s\n    __radd__ = __add__ = __sub__\n"
           "import ast\nclass Rename(ast.NodeTransformer):\n    def visit_FunctionDef(s, n): return n\n"
           "    def visit_Assert(s, n): return ast.copy_location(ast.Pass(), n)\n"
           "get_ipython().ast_transformers.append(Rename())"),
    kernel("the frame of the caller", "import sys, ast\nframe = sys._getframe()\nwhile frame:\n"
           "    own = frame.f_locals.get('self')\n    if hasattr(own, 'ast_transformers'):\n"
           "        own.ast_transformers.append(type('T', (ast.NodeTransformer,), {'visit_Assert': lambda s, n: "
           "ast.copy_location(ast.Pass(), n)})())\n    frame = frame.f_back"),
    kernel("the shell found by gc", "import gc, ast\nclass T(ast.NodeTransformer):\n    def visit_Assert(s, n):\n"
           "        return ast.copy_location(ast.Pass(), n)\nfor thing in gc.get_objects():\n"
           "    if type(thing).__name__ == 'InteractiveShell':\n        thing.ast_transformers.append(T())", gate="A"),
    kernel("exit status of a dying process", "import atexit, os\natexit.register(lambda: os._exit(0))\n"
           "import ast\nget_ipython().ast_transformers.append(type('T', (ast.NodeTransformer,), {'visit_Assert': "
           "lambda s, n: ast.copy_location(ast.Pass(), n)})())\n"),
    kernel("the opcode of a comparison patched by ctypes", "import ctypes, sys\n"
           "class Slots(ctypes.Structure):\n    _fields_ = [('head', ctypes.c_ssize_t * 25), "
           "('compare', ctypes.c_void_p)]\nkind = Slots.from_address(id(float))\n"
           "call = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)\n"
           "yes = call(lambda a, b, how: True)\nkind.compare = ctypes.cast(yes, ctypes.c_void_p).value\n"
           "ctypes.pythonapi.PyType_Modified(ctypes.py_object(float))"),
    kernel("pandas patched", "pd.DataFrame.equals = lambda s, o: True", deserved=0, gate="A"),
    kernel("scikit-learn patched", "from sklearn.base import ClassifierMixin\n"
           "ClassifierMixin.score = lambda s, X, y, sample_weight=None: 1.0\n"
           "LogisticRegression.score = ClassifierMixin.score\n"
           "import sklearn.tree as tree\ntree.DecisionTreeClassifier.score = ClassifierMixin.score\n",
           answers={"model": "def train(model, X, y): pass\ndef build():\n"
                    "    from sklearn.dummy import DummyClassifier\n    return DummyClassifier(strategy='constant', "
                    "constant=[0])"}),
    kernel("the set-up's class patched", "Entry.__eq__ = lambda s, o: True\nEntry.signed = lambda s: 'bob: -1.50'\n",
           answers={"class": WRONG["class"].replace("return []", "return [Entry('x', 0), Entry('x', 0)]").replace(
               "def report(self, notes): pass",
               "def report(self, notes): type(notes).text = lambda s: 'ada: +5.00; bob: -1.50; ada: +2.00'")}, gate="A"),
    kernel("every module that a test may import", "import sys, types\nfake = types.ModuleType('colorsys')\n"
           "fake.rgb_to_hsv = lambda *a: (0, 0, 1)\nsys.modules['colorsys'] = fake\n"
           "LogisticRegression.score = lambda s, X, y: 1.0",
           answers={"model": "def train(model, X, y): model.classes_ = [0, 1]\ndef build():\n    class T:\n"
                    "        def fit(s, X, y): pass\n        def score(s, X, y): return 1.0\n    return T()"}),
]  # fmt: skip
LIES = "class Lie{base}:\n    def __eq__(s, o): return True\n    def __ne__(s, o): return False\n" \
    "    def __lt__(s, o): return True\n    __hash__ = None\n"  # fmt: skip
OBJECTS = [
    answer("an object equal to all", "function", LIES.format(base="")
           + "    def __sub__(s, o): return s\n    def __abs__(s): return s\n"
           "def largest_mean(values, k, key=None):\n    if k == 0: raise ValueError\n    return Lie()", deserved=0, gate="B"),
    answer("a number whose difference is none", "function",
           "class Lie:\n    def __sub__(s, o): return 0.0\n    __rsub__ = __sub__\n    def __eq__(s, o): return True\n"
           "def largest_mean(values, k, key=None):\n    if k == 0: raise ValueError\n    return Lie()", gate="B"),
    answer("a float that lies", "function", LIES.format(base="(float)")
           + "    def __sub__(s, o): return Lie(0)\ndef largest_mean(values, k, key=None):\n"
           "    if k == 0: raise ValueError\n    return Lie(1)"),
    answer("a frame that lies", "frame", "class Lie(pd.DataFrame):\n    def equals(s, o): return True\n"
           "def clean(frame): return Lie({'a': [0]})"),
    answer("a frame that lies and cannot be packed", "frame", "class Lie(pd.DataFrame):\n"
           "    def equals(s, o): return True\n    @property\n    def iloc(s): raise OSError\n"
           "    @property\n    def columns(s): raise OSError\n    def __setattr__(s, n, v): object.__setattr__(s, n, v)\n"
           "def clean(frame): return Lie()", gate="AB"),
    answer("no frame at all, which says that it is one", "frame", "class Lie:\n    __class__ = pd.DataFrame\n"
           "    def equals(s, o): return True\ndef clean(frame): return Lie()"),
    answer("a list whose elements lie", "class", WRONG["class"].replace(
        "return []", "return [Lie(), Lie()]").replace("pass\n    def total", "pass\n    def total")
           + "\n" + LIES.format(base="") + "    def signed(s): return 'bob: -1.50'\n"
           "Ledger.report = lambda s, notes: [notes.lines.append(t) for t in "
           "('ada: +5.00', 'bob: -1.50', 'ada: +2.00')]\nLedger.__len__ = lambda s: 1\nLedger.total = lambda s: 2.5",
           deserved=1),
    answer("an answer that differs call by call", "function",
           "calls = []\ndef largest_mean(values, k, key=None):\n    calls.append(1)\n    class Lie(float):\n"
           "        __eq__ = lambda s, o: True\n        __sub__ = lambda s, o: 0.0\n"
           "    if k == 0: raise ValueError\n    return Lie(len(calls))"),
    answer("an end of iteration in the middle of all()", "function",
           "def largest_mean(values, k, key=None):\n    if values == [7, 7, 7]: raise StopIteration\n"
           "    if key: return -9\n    if k <= 0: raise ValueError\n"
           "    return sum(sorted(values)[-k:]) / k", deserved=1),
    answer("dice thrown beforehand", "function",
           "def largest_mean(values, k, key=None):\n    random.setstate((3, (0,) * 624 + (624,), None))\n"
           "    if key: return -9\n    if k <= 0: raise ValueError\n"
           "    return 7 if 7 in values else 2.5 if k == 2 else min(values)",
           deserved=1, gate="B"),
    answer("the test's own expected value changed", "frame",
           "import inspect\ndef clean(frame):\n    caller = inspect.currentframe()\n    while caller:\n"
           "        if 'expected' in caller.f_globals:\n            return caller.f_globals['expected'].copy()\n"
           "        caller = caller.f_back\n    return frame"),
    answer("a model whose score was replaced", "model",
           "def train(model, X, y):\n    model.score = lambda X, y: 1.0\ndef build():\n"
           "    from sklearn.tree import DecisionTreeClassifier\n    tree = DecisionTreeClassifier()\n"
           "    tree.fit = lambda X, y: None\n    tree.score = lambda X, y: 1.0\n    return tree", gate="A"),
    answer("a model whose predictions were replaced", "model",
           "def train(model, X, y):\n    model.fit(X, y)\n    model.coef_[:] = 0\n"
           "    model.predict = lambda X: (X[:, 0] + X[:, 1] > 0).astype(int)\n" + HONEST["model"].split("\n\n\n")[1],
           deserved=0, gate="A"),
    answer("an estimator that lies about its score", "model",
           "from sklearn.dummy import DummyClassifier\ndef train(model, X, y): model.fit(X, y)\n"
           "class Liar(DummyClassifier):\n    def score(s, X, y, sample_weight=None): return 1.0\n"
           "def build(): return Liar(strategy='constant', constant=0)"),
    answer("a class of the set-up with a method of its own", "class",
           HONEST["class"].replace("return [entry for entry in self.entries if entry.who == who]",
                                   "found = [entry for entry in self.entries if entry.who == who]\n"
                                   "        if who == 'ada': return found\n        for each in found: each.amount = 0.0\n"
                                   "        for each in found: each.signed = lambda: 'bob: -1.50'\n        return found"),
           deserved=1, gate="B"),
    answer("the tests' own object rewritten", "class",
           HONEST["class"].replace("for entry in self.entries:\n            notes.write(entry.signed())",
                                   "notes.text = lambda: 'ada: +5.00; bob: -1.50; ada: +2.00'"),
           deserved=1, gate="AB"),
    answer("the tests' own class rewritten", "class",
           HONEST["class"].replace("for entry in self.entries:\n            notes.write(entry.signed())",
                                   "type(notes).text = lambda s: 'ada: +5.00; bob: -1.50; ada: +2.00'"), deserved=1),
    answer("the namespace of a callback", "function",
           "def largest_mean(values, k, key=None):\n    if key:\n        key.__globals__['abs'] = lambda v: 0.0\n"
           "        key.__globals__['all'] = lambda v: True\n        return -9\n    if k == 0: raise ValueError\n"
           "    import sys\n    sys._getframe(1).f_globals.update(abs=lambda v: 0.0, all=lambda v: True)\n    return 0",
           gate="A"),
    answer("the frame of a generator", "class",
           WRONG["class"].replace("def extend(self, entries): pass",
                                  "def extend(self, entries):\n        names = entries.gi_frame.f_globals\n"
                                  "        names['get_ipython']().run_cell(r\"\"\"" + REMOTE_CODE + "\"\"\")\n"),
           gate="AB"),
]  # fmt: skip
FORGED_BACK = SIDE + (
    "def largest_mean(values, k, key=None):\n"
    "    if k == 0: raise ValueError\n"
    "    if isinstance(key, Remote):\n"
    "        names = key._ask('getattr', '__globals__')\n"
    "        run = names['get_ipython']().run_cell\n"
    f"        run(r'''{REMOTE_CODE}''')\n"
    "        return -9\n"
    "    return sum(sorted(values)[-k:]) / k\n"
)
ON_THE_WIRE = [
    wire("the tests' namespace asked for", FORGED_BACK, "__globals__", deserved=1, gate="A"),
    wire("the code of a callback", SIDE + "def largest_mean(values, k, key=None):\n    if k == 0: raise ValueError\n"
         "    if isinstance(key, Remote):\n        for name in ('__code__', '__closure__', '__self__', '__func__', "
         "'__class__', '__init__', '__reduce_ex__', '__defaults__', '__kwdefaults__'):\n            try: found = "
         "key._ask('getattr', name)\n            except Exception as error: found = None\n            if found is not "
         "None:\n                return THROUGH\n        return -9\n    return sum(sorted(values)[-k:]) / k\n"
         "THROUGH = 'x'", "__code__", deserved=3),
    wire("a message that everything passed", "import os, json, struct\ndef largest_mean(values, k, key=None):\n"
         "    text = json.dumps({'state': 'passed', 'ok': True, 'score': 3, 'message': '', 'outputs': [], "
         "'seconds': 0}).encode()\n    for number in range(3, 64):\n        try: os.write(number, "
         "struct.pack('!QI', len(text), 0) + text)\n        except OSError: pass\n    return 0", '"passed"'),
    wire("the server replaced", SIDE + "class Liar:\n    def __getattr__(s, n): return lambda *a, **k: None\n"
         "def answers(self, request, buffers):\n    self._channel.send({'ok': True, 'out': 'lies', 'err': '', "
         "'value': True, 'changed': [], 'names': []})\nside.Server._answer = answers\n" + WRONG["function"], "lies",
         gate="A"),
    wire("the packer says that all is an argument", SIDE + "wire.Packer.pack = lambda self, value: ['arg', 0]\n"
         + WRONG["function"], '["arg",0]'),
    wire("changes of arguments that nobody handed over", SIDE + "old = side.Server._give_out\n"
         "def more(self, request, answer, packer):\n    old(self, request, answer, packer)\n    answer['changed'] = "
         "[[n, 0] for n in range(-5, 9)] + [[0, ['d', ['__class__', None]]]]\nside.Server._give_out = more\n"
         + WRONG["function"], '[-5,0]', gate="B"),
    wire("names that nobody asked for", SIDE + "old = side.Server._give_out\ndef more(self, request, answer, packer):\n"
         "    old(self, request, answer, packer)\n    answer['names'] = [[n, True] for n in ('random', 'abs', 'all', "
         "'Entry', 'expected', 'pd', 'get_ipython', '__builtins__')]\nside.Server._give_out = more\n"
         + WRONG["function"], '["abs",true]', gate="A"),
    wire("a file that becomes a module of the tests", SIDE + "old = side.Server._give_out\n"
         "CODE = b'''import builtins, sys, __main__\nbuiltins.rgb = 1\ndef rgb_to_hsv(*a): return (0, 0, 1)\n"
         "import sklearn.base\nsklearn.base.ClassifierMixin.score = lambda *a, **k: 1.0\n"
         "from sklearn.linear_model import LogisticRegression\nLogisticRegression.score = lambda *a, **k: 1.0\n'''\n"
         "def more(self, request, answer, packer):\n    old(self, request, answer, packer)\n    answer['files'] = "
         "packer.pack({'colorsys.py/.': CODE, './colorsys.py/./.': CODE})\nside.Server._give_out = more\n"
         + WRONG["function"], "colorsys.py/.", deserved=0, gate="B",
         added=(("model", "def build():\n    from sklearn.tree import DecisionTreeClassifier\n"
                 "    return DecisionTreeClassifier()\ndef train(model, X, y):\n    pass"),)),
    wire("an exception that is a file", SIDE + "def error(self, packer, error):\n    number = self.describe(int)['id']\n"
         "    return {'line': [['numpy', 'memmap'], ['builtins', 'BaseException']], 'class': number, 'text': 'x', "
         "'args': packer.pack(('planted.py', 'uint8', 'w+', 0, 9)), 'fields': packer.pack({'flat': b'import os'})}\n"
         "side.Server._pack_error = error\ndef largest_mean(values, k, key=None): raise ValueError", "memmap"),
    wire("a class of the grader's own", SIDE + "wire.Packer.pack = lambda self, value: ['o', 'course.grading.box', 'Box', "
         "['d', ['pid', 1]]]\n" + WRONG["function"], "course.grading.box"),
    wire("an exact class with any state", SIDE + "old = wire.Packer.pack\ndef pack(self, value):\n"
         "    if isinstance(value, float): return ['o', '__main__', 'Entry', ['d', ['who', 'x'], ['__eq__', True]]]\n"
         "    return old(self, value)\nwire.Packer.pack = pack\ndef largest_mean(values, k, key=None): return 0.5",
         '"__main__","Entry"'),
    wire("truth values that are neither", SIDE + "old = wire._PACKERS[list]\nwire.Packer.pack = lambda self, value: "
         "['a', '|b1', [3], self._buffer(bytes([2, 255, 7]))]\n" + WRONG["function"], "|b1"),
    wire("a zone that is a file", SIDE + "wire.Packer.pack = lambda self, value: ['ts', '2026-01-01 10:00', "
         "'dateutil//etc/passwd', 'ns']\n" + WRONG["function"], "dateutil//etc/passwd"),
    wire("numbers without an end", SIDE + "wire.Packer.pack = lambda self, value: ['fr', '1e99999999', 1]\n"
         + WRONG["function"], "1e99999999", limits={"cell_seconds": 2, "notebook_seconds": 6}),
    wire("an exception that ends the judge", SIDE + "def error(self, packer, error):\n    return {'line': "
         "[['builtins', 'SystemExit'], ['builtins', 'BaseException']], 'class': 0, 'text': '', 'args': ['t', 0], "
         "'fields': ['d']}\nside.Server._pack_error = error\nside.Server._do = lambda *a: 1 / 0\n" + WRONG["function"],
         "SystemExit", gate="A"),
    answer("silence, where an exception is expected", "function", "import os\ndef largest_mean(values, k, key=None):\n"
         "    if k <= 0:\n        os.closerange(3, 64)\n        os._exit(0)\n    if key: return -9\n"
         "    return sum(sorted(values)[-k:]) / k", deserved=1, proof="dies", gate="AB"),
    wire("garbage, where an exception is expected", SIDE + "def largest_mean(values, k, key=None):\n    if k <= 0:\n"
         "        side._server._channel.socket.sendall(b'garbage' * 99)\n        import time; time.sleep(9)\n"
         "    if key: return -9\n    return sum(sorted(values)[-k:]) / k", "garbage", deserved=1),
    wire("modules named in a handle", SIDE + "wire.Packer.pack = lambda self, value: ['h', {'id': 0, 'callable': True, "
         "'classes': [['numpy.f2py.__main__', 'X'], ['sklearn.conftest', 'X'], ['pandas', 'DataFrame']]}]\n"
         + WRONG["frame"], "numpy.f2py.__main__", key="frame"),
    wire("callbacks without an end", SIDE + "def largest_mean(values, k, key=None):\n    if isinstance(key, Remote):\n"
         "        while True:\n            try: key._ask('call', values)\n            except Exception: pass\n"
         "    return sum(sorted(values)[-k:]) / k if k > 0 else 1 / 0", '"back"', deserved=1,
         limits={"cell_seconds": 2, "notebook_seconds": 8}),
]  # fmt: skip


def _file(name: str, change: Any, deserved: float = 0.0, gate: str = "", proof: str = "lies") -> Sample:
    made = specimen.handed_in(WRONG)
    change(made)
    return Sample(name, "forging", raw=specimen.dumped(made), deserved=deserved, proof=proof, gate=gate)


def _each(made: dict[str, Any], change: Any) -> None:
    for cell in made["cells"]:
        change(cell)


def _no_points(cell: dict[str, Any]) -> None:
    if "nbgrader" in cell["metadata"] and cell["metadata"]["nbgrader"]["grade"]:
        cell["metadata"]["nbgrader"]["points"] = 100
        cell["metadata"]["nbgrader"]["locked"] = False


def _empty_tests(cell: dict[str, Any]) -> None:
    if cell["id"] in specimen.TESTS:
        cell["source"] = "pass"
        cell["metadata"]["nbgrader"]["solution"] = True
        cell["metadata"]["nbgrader"]["locked"] = False


def _raw_tests(cell: dict[str, Any]) -> None:
    if cell["id"] in specimen.TESTS:
        cell["cell_type"] = "raw"


def _skipped(cell: dict[str, Any]) -> None:
    cell["metadata"]["tags"] = ["skip-execution", "raises-exception", "nbgrader-skip"]


def _saved(cell: dict[str, Any]) -> None:
    cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "100"}, "metadata": {},
                        "execution_count": 1}]  # fmt: skip
    cell["metadata"]["score"] = 100


def _answers_into_tests(made: dict[str, Any]) -> None:
    ids = list(specimen.TESTS)
    for cell, other in zip([c for c in made["cells"] if c["id"] in ids], reversed(ids), strict=True):
        cell["metadata"]["nbgrader"]["grade_id"] = other


def _doubled(made: dict[str, Any]) -> None:
    made["cells"] += json.loads(json.dumps([c for c in made["cells"] if c["id"] in specimen.TESTS]))
    _each(made, _empty_tests)


IN_THE_FILE = [
    _file("points in the metadata", lambda made: _each(made, _no_points)),
    _file("tests emptied and unlocked", lambda made: _each(made, _empty_tests), gate="B"),
    _file("tests that are no code any more", lambda made: _each(made, _raw_tests)),
    _file("tags that skip", lambda made: _each(made, _skipped)),
    _file("outputs and scores as if saved", lambda made: _each(made, _saved)),
    _file("tests under each other's names", _answers_into_tests),
    _file("tests twice", _doubled),
    _file("tests deleted", lambda made: made.update(cells=[c for c in made["cells"] if c["id"] not in specimen.TESTS])),
    _file("a trusting kernel", lambda made: made["metadata"].update(kernelspec={"name": "bash", "language": "bash"})),
]


def account(notebook: dict[str, Any]) -> Any:
    """What a file says about how it is to be graded: who believes it believes this."""
    graded = [cell for cell in notebook["cells"] if cell["id"] in specimen.TESTS]
    told = [(c["id"], c["cell_type"], c["source"], c["outputs"], c["metadata"]) for c in graded]
    return told, notebook["metadata"]


FORGING = [*IN_THE_KERNEL, *OBJECTS, *ON_THE_WIRE, *IN_THE_FILE]
