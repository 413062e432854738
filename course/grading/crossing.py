"""What cannot work when tests run in another process than the student's code: refused when a lesson is built.

Each rule stands for something that passes in one process and fails, hangs or judges nothing across the wall; the tests
of this module run every one of them on both sides, so that a rule goes when the wall has learned it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from course.grading.facts import Facts, root_of, start
from course.grading.fitness import Misfit

OWN_SIDE = "the student's code runs in another process, and looks it up there"
HAND_OVER = "hand it to the student's function as an argument"
#: What a test may put in the place of something: these cross.
MAY_BE_PATCHED = {"builtins.input", "sys.stdout", "sys.stderr"}
CHANGES = frozenset(
    [
        "append",
        "extend",
        "insert",
        "update",
        "setdefault",
        "add",
        "discard",
        "remove",
        "pop",
        "popitem",
        "clear",
        "sort",
    ]
)
ENVIRONMENT = ("os.environ", "sys.modules")

#: Calls that do not cross: full names, or their beginnings (ending in a dot); why, and the mend.
CALLS: tuple[tuple[str, str, str], ...] = (
    (
        "time.process_time time.process_time_ns time.thread_time tracemalloc. resource. cProfile. profile.",
        "it measures the tests' process, and the student's code runs in another",
        "measure with time.monotonic()",
    ),
    (
        "os.system os.popen os.fork subprocess.Popen subprocess.call subprocess.check_call multiprocessing. "
        "concurrent.futures.ProcessPoolExecutor",
        "a tests cell may not start processes of its own",
        "use subprocess.run, which runs on the student's side",
    ),
    (
        "http.server. socketserver. wsgiref.simple_server. xmlrpc.server. uvicorn. socket.create_server "
        "asyncio.start_server fastapi.testclient. starlette.testclient. "
        "urllib.request.urlopen requests.get requests.post httpx.get httpx.post",
        "there is no network between the tests and the student's code",
        "call the student's function with what a request would hold",
    ),
    ("os.chdir contextlib.chdir", "the student's code stays in its own working folder", "hand over a path"),
    (
        "signal.alarm signal.setitimer signal.signal",
        "the grader's own time limit lives there",
        "measure with time.monotonic(); a call that hangs is ended anyway",
    ),
    (
        "sys.setrecursionlimit sys.settrace sys.setprofile",
        "the student's code runs in another process, which has its own settings",
        "let the student's function take what it depends on",
    ),
    ("runpy.", "it runs a student's file in the tests' process", "use subprocess.run: it runs on the student's side"),
)
COPIES = ("copy.copy", "copy.deepcopy", "pickle.dumps", "pickle.dump", "joblib.dump", "cloudpickle.dumps", "dill.dumps")
INSIDES = (
    "__code__", "__globals__", "__closure__", "__mro__", "__bases__", "__subclasses__", "__self__", "__func__",
    "__dataclass_fields__",
)  # fmt: skip
LISTENS = ("assertWarns", "assertWarnsRegex", "assertLogs", "assertNoLogs", "assert_warns", "warns")
MAGICS = {"run", "cd", "env", "set_env", "bash", "sh", "script", "system", "sx", "!"}


def cannot_cross(facts: Facts) -> Iterator[Misfit]:
    """Yield what cannot work across the wall in a tests cell."""
    last_call = max((start(node) for node in ast.walk(facts.tree) if facts.calls_student(node)), default=(0, 0))
    for node in ast.walk(facts.tree):
        if isinstance(node, ast.Call):
            yield from _call(node, facts)
        elif isinstance(node, ast.Compare):
            yield from _compare(node, facts)
        elif isinstance(node, ast.With | ast.AsyncWith):
            yield from _with(node, facts)
        elif isinstance(node, ast.ClassDef):
            yield from _class(node, facts)
        elif isinstance(node, ast.MatchClass):
            if isinstance(node.cls, ast.Name) and node.cls.id in facts.classes:
                yield Misfit(
                    node.lineno,
                    f"the pattern {ast.unparse(node)}",
                    "a student's class is no type on the tests' side",
                    f"ask isinstance(…, {node.cls.id}), then its attributes",
                )
        elif isinstance(node, ast.Attribute) and node.attr in INSIDES and facts.is_object(node.value):
            yield Misfit(
                node.lineno,
                ast.unparse(node),
                "the insides of a student's object stay on its side",
                "call it and judge what comes back, or read inspect.getsource, inspect.signature or vars of it",
            )
        elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield from _store(node, facts, before_a_call=start(node) < last_call)


def _store(node: ast.Name | ast.Attribute | ast.Subscript, facts: Facts, before_a_call: bool) -> Iterator[Misfit]:
    """Names, attributes and items that a tests cell binds, and that the student's functions are to see."""
    if isinstance(node, ast.Name):
        if before_a_call and node.id in facts.read_globally and not _in_a_function(node, facts):
            yield _unseen(node.lineno, f"it binds {node.id!r}, which the reference answer reads as a global name")
        return
    text = ast.unparse(node)
    if isinstance(node, ast.Attribute):
        full = facts.called(node)
        if facts.is_module(node.value) and not _may_be_set(full):
            yield _unseen(node.lineno, f"it sets {text}")
            return
    else:
        name = _global_name(node)
        if name is not None and (not name or name in facts.read_globally | facts.student_names):
            yield _unseen(node.lineno, f"it sets {text}")
            return
        if facts.called(node.value) in ENVIRONMENT:
            yield _unseen(node.lineno, f"it sets {text}")
            return
    if before_a_call:
        yield from _changed(node, facts, f"it sets {text}")


def _changed(node: ast.expr, facts: Facts, found: str) -> Iterator[Misfit]:
    """Data that both sides have a copy of: changing ours changes nothing there."""
    root = root_of(node)
    if not isinstance(root, ast.Name) or facts.binding_of(root) or root.id not in facts.read_globally:
        return
    is_data = root.id in facts.data if root.id in facts.student_names else root.id in facts.set_up
    if is_data:
        yield _unseen(root.lineno, f"{found}, and the reference answer reads {root.id!r} as a global name")


def _unseen(line: int, found: str) -> Misfit:
    return Misfit(line, found, OWN_SIDE, HAND_OVER)


def _in_a_function(name: ast.Name, facts: Facts) -> bool:
    """Whether a name is bound in a function or a comprehension: that is its own."""
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.comprehension)
    for node in ast.walk(facts.tree):
        if isinstance(node, inner) and any(part is name for part in ast.walk(node)):
            return not any(isinstance(part, ast.Global) and name.id in part.names for part in ast.walk(node))
    return False


def _global_name(node: ast.Subscript) -> str | None:
    """Return "f" for `globals()["f"]`, "" where the name is computed, None for anything else."""
    if not _is_the_module(node.value):
        return None
    return node.slice.value if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str) else ""


def _is_the_module(node: ast.expr) -> bool:
    """Whether it is `globals()` or `vars()`."""
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("globals", "vars") and not node.args


def _may_be_set(name: str) -> bool:
    return name in MAY_BE_PATCHED or name.startswith("matplotlib.")


def _call(node: ast.Call, facts: Facts) -> Iterator[Misfit]:
    name = facts.called(node.func)
    text = ast.unparse(node)
    first = node.args[0] if node.args else None
    yield from _patch(node, name, facts)
    if facts.is_module(node.func):
        for names, why, mend in CALLS:
            if any(name == known or (known[-1] == "." and name.startswith(known)) for known in names.split()):
                yield Misfit(node.lineno, f"it calls {name}", why, mend)
    if name in COPIES and first is not None and facts.is_object(first):
        yield Misfit(
            node.lineno,
            text,
            "a student's object stays on its side: it cannot be copied or pickled",
            "make a second one, or copy the data that it gives",
        )
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    runs_text = name in ("exec", "eval") or method in ("query", "eval")
    if runs_text and first is not None and _is_a_students_text(first, facts):
        yield Misfit(
            node.lineno,
            text,
            "it would run a student's text in the tests' process",
            "call the student's function, or read its text with ast.parse or ast.literal_eval",
        )
    if name == "setattr" and first is not None and facts.is_module(first):
        yield _unseen(node.lineno, text)
    if name.startswith("dataclasses.") and first is not None and facts.is_object(first):
        yield Misfit(
            node.lineno,
            text,
            "a student's class is no dataclass on the tests' side",
            "read its attributes, or vars of it",
        )
    if isinstance(node.func, ast.Attribute) and method in CHANGES:
        target = node.func.value
        if _is_the_module(target) or facts.called(target) in ENVIRONMENT:
            yield _unseen(node.lineno, text)
        elif any(facts.calls_student(other) and start(other) > start(node) for other in ast.walk(facts.tree)):
            yield from _changed(target, facts, f"it calls {text}")
    yield from _magic(node)


def _is_a_students_text(node: ast.expr, facts: Facts, depth: int = 6) -> bool:
    """Whether a text is, or is made of, what a student wrote: a result, a source, a file."""
    for part in ast.walk(node) if depth else ():
        if isinstance(part, ast.expr) and facts.is_raw(part):
            return True
        if isinstance(part, ast.Call):
            method = part.func.attr if isinstance(part.func, ast.Attribute) else ""
            if facts.called(part.func) in ("inspect.getsource", "open") or method == "read_text":
                return True
        if isinstance(part, ast.Name):
            binding = facts.binding_of(part)
            made_of = binding.value if binding else None
            if made_of is not None and made_of is not node and _is_a_students_text(made_of, facts, depth - 1):
                return True
    return False


def _patch(node: ast.Call, name: str, facts: Facts) -> Iterator[Misfit]:
    """`unittest.mock.patch` in all its forms, where it replaces what the student's code looks up on its own side."""
    form = name.removeprefix("unittest.mock.patch")
    if form == name or form not in ("", ".object", ".dict", ".multiple"):
        return
    words = {word.arg: word.value for word in node.keywords}
    target = node.args[0] if node.args else words.get("target", words.get("in_dict"))
    if target is None:
        return
    text = ast.unparse(target)
    if form == "":
        known = target.value if isinstance(target, ast.Constant) else ""
        if known not in MAY_BE_PATCHED:
            yield _patched(node, f"patch({text})")
    elif form == ".dict":
        named = isinstance(target, ast.Constant) or facts.called(target) in ENVIRONMENT or facts.is_module(target)
        if named or _is_the_module(target):
            yield _patched(node, f"patch.dict({text}, …)")
        else:
            yield from _changed(target, facts, f"it patches {text}")
    elif form == ".multiple" or facts.is_module(target) or facts.is_object(target):
        second = node.args[1] if len(node.args) > 1 else None
        attribute = second.value if isinstance(second, ast.Constant) else ""
        if f"{facts.called(target)}.{attribute}" not in MAY_BE_PATCHED:
            yield _patched(node, f"patch{form}({text}, …)")


def _patched(node: ast.Call, found: str) -> Misfit:
    return Misfit(node.lineno, found, OWN_SIDE, f"{HAND_OVER}; of what can be patched only builtins.input crosses")


def _compare(node: ast.Compare, facts: Facts) -> Iterator[Misfit]:
    """`type(x) is Theirs`, and the same by name: on the tests' side every object of theirs has another type."""
    sides = [node.left, *node.comparators]
    for one, other in pairwise(sides):
        for asked, given in ((one, other), (other, one)):
            theirs = ""
            if _is_type_of(asked):
                theirs = given.id if isinstance(given, ast.Name) else ""
            elif isinstance(asked, ast.Attribute) and asked.attr in ("__name__", "__qualname__"):
                theirs = given.value if _is_type_of(asked.value) and isinstance(given, ast.Constant) else ""
            if theirs in facts.classes:
                yield Misfit(
                    node.lineno,
                    ast.unparse(node),
                    "on the tests' side an object of a student's class is of another type",
                    f"ask isinstance(…, {theirs})",
                )


def _is_type_of(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "__class__"
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "type" and len(node.args) == 1


def _with(node: ast.With | ast.AsyncWith, facts: Facts) -> Iterator[Misfit]:
    """Blocks that listen for warnings and log lines: the student's code gives them on its own side."""
    if not any(facts.calls_student(part) for statement in node.body for part in ast.walk(statement)):
        return
    for item in node.items:
        call = item.context_expr
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name | ast.Attribute):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
        records = name == "catch_warnings" and any(word.arg == "record" for word in call.keywords)
        raises = name == "catch_warnings" and any(_makes_errors(part) for part in ast.walk(node))
        if name in LISTENS or records or raises:
            yield Misfit(
                node.lineno,
                f"with {ast.unparse(call)}",
                "warnings and log lines of the student's code stay on its side",
                "judge what the call returns, prints or raises",
            )


def _makes_errors(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
    first = node.args[0] if node.args else None
    return name in ("simplefilter", "filterwarnings") and isinstance(first, ast.Constant) and first.value == "error"


def _class(node: ast.ClassDef, facts: Facts) -> Iterator[Misfit]:
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in facts.classes and facts.is_students(base):
            yield Misfit(
                node.lineno,
                f"class {node.name}({base.id})",
                "a student's class is no type on the tests' side, and cannot be subclassed there",
                f"make objects of {base.id} and call their methods",
            )


def _magic(node: ast.Call) -> Iterator[Misfit]:
    """IPython's lines, which stand in the tree as the calls that IPython makes of them."""
    if not isinstance(node.func, ast.Attribute) or not isinstance(node.func.value, ast.Call):
        return
    if getattr(node.func.value.func, "id", "") != "get_ipython":
        return
    first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
    if node.func.attr in ("system", "getoutput"):
        mend = "use subprocess.run, which runs on the student's side"
        yield Misfit(node.lineno, f"!{first}", "a tests cell may not start processes of its own", mend)
    elif node.func.attr in ("run_line_magic", "run_cell_magic") and first in MAGICS:
        yield Misfit(node.lineno, f"%{first}", "it works on the tests' process only", "write it as plain Python")
