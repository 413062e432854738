"""Is a canary found in whatever wrapping it leaves the house, and does the scan stay quiet on honest files?"""

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import tarfile
import textwrap
import urllib.parse
import zipfile
import zlib

import nbformat
import pytest

from course.authoring.leaks import scan_bytes, secrets_in, secrets_of, squeeze

CANARIES = {
    "line": "canary_in_the_solution = wind_from('north') * 2",
    "string": "canary-4711-in-a-string",
    "number": "27.18281",
    "seed": "0xC0FFEE00C0FFEE00C0FFEE00C0FFEE0D",
    "test": "assert grade(canary_cage(), 3) == 'sings on', 'it should sing'",
    "memo": "The canary fell silent on Tuesday, and nobody wrote it down.",
    "stub": "model_answer = ['listen', 'write down', 'act']",
}


def code(source, grade_id=None, **role):
    cell = nbformat.v4.new_code_cell(source, id=grade_id or "set-up")
    if grade_id:
        flags = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        cell.metadata["nbgrader"] = flags | {"grade_id": grade_id, "cell_type": "code"} | role
    return cell


def text(source, grade_id=None, **role):
    cell = nbformat.v4.new_markdown_cell(source, id=grade_id or "prose")
    if grade_id:
        flags = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        cell.metadata["nbgrader"] = flags | {"grade_id": grade_id, "cell_type": "markdown"} | role
    return cell


def answer(source):
    return code(source, "a-make", solution=True)


def judging(source, grade_id="a-test"):
    return code(source, grade_id, grade=True, locked=True, points=1)


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=list(cells))


LESSON = notebook(
    text("Listen to the bird.\nIt was bought in 2019 for 1024 coins; `round_trip_time` says how far it flew."),
    code("import numpy as np\nfrom course.birds import canary_cage\n\nlevels = np.zeros(3)\nthreshold = 0.12345"),
    answer(
        "def grade(cage, level):\n"
        '    """Say how the bird is: it says "all is well" while it sings."""\n'
        "    ### BEGIN SOLUTION\n"
        f"    {CANARIES['line']}\n"
        f"    if level > {CANARIES['number']}:\n"
        f"        return '{CANARIES['string']}'\n"
        "    cages = np.sort(cage.bars, kind='stable')\n"
        "    return cages.max(initial=level)\n"
        "    ### END SOLUTION"
    ),
    judging(
        "assert grade(canary_cage(), 1) == 'sings', 'it should sing'\n"
        "### BEGIN HIDDEN TESTS\n"
        f"{CANARIES['test']}\n"
        f"for year in (2019, 1024, {CANARIES['seed']}, 0.12345, 12345):\n"
        "    assert grade(canary_cage(mode='faltering'), year) == 'all is well', 'round_trip_time'\n"
        "### END HIDDEN TESTS"
    ),
    text(CANARIES["memo"], "a-memo", grade=True, solution=True, points=2),
    code(CANARIES["stub"], "a-plan", grade=True, solution=True, points=2),
)
SECRETS = secrets_in([LESSON])


def zipped(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/notes.txt", data)
    return out.getvalue()


def tarred(data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("notes.txt")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def in_notebook(source, kind="code"):
    cell = code("1 + 1") if kind == "output" else code(source) if kind == "code" else text(source)
    if kind == "output":
        cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": f"<p>{html.escape(source)}</p>"})]
    if kind == "attachment":
        cell.attachments = {"a.txt": {"text/plain": base64.b64encode(source.encode()).decode()}}
        cell.source = "![see](attachment:a.txt)"
    made = json.loads(nbformat.writes(notebook(cell)))
    made["cells"][0]["source"] = made["cells"][0]["source"]
    return json.dumps(made).encode()


def wrapped_base64(data):
    return base64.encodebytes(b"some words before it, so that lines are wrapped\n" + data + b"\nand some after it\n")


def page(words):
    spans = "".join(f"<span class='k'>{html.escape(part)}</span> " for part in words.split(" "))
    return f"<html><body><pre>{spans}</pre></body></html>".encode()


def some_wheel(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("course/birds.py", b"'''Birds.'''\n# " + data.replace(b"\n", b" ") + b"\nx = 1\n")
    return out.getvalue()


FORMS = {
    "plain text": ("a.txt", lambda words: words.encode()),
    "white space": ("a.txt", lambda words: ("say:\n\t" + words.replace(" ", "  \n ") + "\nthat is all").encode()),
    "utf-16": ("a.txt", lambda words: words.encode("utf-16")),
    "byte order mark": ("a.csv", lambda words: b"\xef\xbb\xbf" + words.encode()),
    "between binary bytes": ("a.npy", lambda words: b"\x93NUMPY\xff\xfe\x80" + words.encode() + b"\xff\x81"),
    "code cell": ("a.ipynb", lambda words: in_notebook(f"# {words}")),
    "text cell": ("a.ipynb", lambda words: in_notebook(f"so: {words}", "text")),
    "output of a cell": ("a.ipynb", lambda words: in_notebook(words, "output")),
    "attachment": ("a.ipynb", lambda words: in_notebook(words, "attachment")),
    "metadata": (
        "a.ipynb",
        lambda words: json.dumps({"cells": [], "nbformat": 4, "metadata": {"x": [words]}}).encode(),
    ),
    "key of a JSON": ("a.json", lambda words: json.dumps({"deep": [{words: 1}]}).encode()),
    "JSON in JSON": ("a.json", lambda words: json.dumps({"page": json.dumps({"words": words})}).encode()),
    "script with escapes": ("a.js", lambda words: f'let page = {json.dumps(words)} + "\\u0041";'.encode()),
    "page with coloured code": ("a.html", page),
    "page with entities": ("a.html", lambda words: "".join(f"&#{ord(c)};" for c in words).encode()),
    "data URI": ("a.html", lambda words: f"<a href='data:text/plain,{urllib.parse.quote(words)}'>x</a>".encode()),
    "data URI in base 64": (
        "a.html",
        lambda words: b"<img src='data:image/svg+xml;base64," + base64.b64encode(b"<svg>" + words.encode()) + b"'>",
    ),
    "base 64": ("a.txt", lambda words: b"blob = '" + base64.b64encode(words.encode() + b" and more") + b"'"),
    "base 64 for addresses": ("a.txt", lambda words: base64.urlsafe_b64encode("ÿþ?>".encode() + words.encode())),
    "base 64 in lines": ("a.txt", lambda words: wrapped_base64(words.encode())),
    "base 64 twice": ("a.txt", lambda words: base64.b64encode(base64.b64encode(words.encode() + b" ..."))),
    "hexadecimal": ("a.txt", lambda words: words.encode().hex().encode()),
    "zip": ("a.zip", lambda words: zipped(words.encode())),
    "zip in a zip": ("a.bin", lambda words: zipped(zipped(words.encode()))),
    "zip after something else": ("a.exe", lambda words: b"#!/bin/sh\n" + zipped(words.encode())),
    "wheel": ("a.whl", lambda words: some_wheel(words.encode())),
    "zip in base 64": ("a.py", lambda words: b"data = '" + base64.b64encode(zipped(words.encode())) + b"'"),
    "gzip": ("a.gz", lambda words: gzip.compress(words.encode())),
    "tar": ("a.tar", lambda words: tarred(words.encode())),
    "tar.gz": ("a.tgz", lambda words: gzip.compress(tarred(words.encode()))),
    "bz2": ("a.bz2", lambda words: bz2.compress(words.encode())),
    "xz": ("a.xz", lambda words: lzma.compress(words.encode())),
    "zlib in base 64": ("a.txt", lambda words: base64.b64encode(zlib.compress(words.encode()))),
    "notebook in a tar in a zip": ("a.zip", lambda words: zipped(tarred(in_notebook(words, "text")))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_canary_is_found_in_every_form(form):
    name, wrap = FORMS[form]
    for what, canary in CANARIES.items():
        found = scan_bytes({name: wrap(canary)}, SECRETS)
        assert found, f"the canary {what!r} got out as {form}"
        assert all(leak.file.startswith(name) for leak in found)


def test_an_honest_release_of_the_lesson_is_quiet():
    released = notebook(
        LESSON.cells[0],
        LESSON.cells[1],
        answer('def grade(cage, level):\n    """Say how."""\n    raise NotImplementedError("write this part")'),
        judging("assert grade(canary_cage(), 1) == 'sings', 'it should sing'"),
        text("YOUR ANSWER HERE", "a-memo", grade=True, solution=True, points=2),
        code("model_answer = ...", "a-plan", grade=True, solution=True, points=2),
    )
    package = (
        b"import numpy as np\n\n\ndef canary_cage(mode='faltering'):\n    levels = np.zeros(3)\n    return levels\n"
    )
    files = {"a.ipynb": nbformat.writes(released).encode(), "course/birds.py": package, "c.csv": b"year\n2019\n1024\n"}
    assert scan_bytes(files, SECRETS) == []


def test_the_source_itself_gives_everything_away():
    kinds = {leak.kind for leak in scan_bytes({"a.ipynb": nbformat.writes(LESSON).encode()}, SECRETS)}
    assert kinds == {"line", "string", "number", "copy"}


def test_an_excerpt_reprints_no_more_than_is_needed():
    [leak] = scan_bytes({"a.txt": b"canary-4711-in-a-string"}, SECRETS)
    assert str(leak) == "a.txt: 'canary-471… (23 characters)' is a string of the solution of a-make; take it out"


# --- Lines ----------------------------------------------------------------------------------------------------


def secrets_of_solution(body, *others):
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    made = answer(f"def f(values, limit):\n    ### BEGIN SOLUTION\n{lines}\n    ### END SOLUTION")
    return secrets_in([notebook(*others, made)])


@pytest.mark.parametrize("line", ["import numpy as np", "for key, value in kwargs.items():", "def __init__(self):"])
def test_what_everybody_writes_is_no_secret(line):
    secrets = secrets_of_solution(f"{line}\nmade_up = values.of_nobody(limit)")
    assert scan_bytes({"course/a.py": line.encode()}, secrets) == []


def test_a_short_line_is_no_secret():
    assert squeeze("a = b + c") not in secrets_of_solution("a = b + c\nreturn a if values else limit").lines


def test_a_line_that_visible_code_has_too_is_no_secret():
    shown = code("strange_total = sum(values_of_my_own) / 7")
    secrets = secrets_of_solution("strange_total = sum(values_of_my_own) / 7\nreturn strange_total + limit", shown)
    assert scan_bytes({"a.py": b"strange_total = sum(values_of_my_own) / 7"}, secrets) == []


@pytest.mark.parametrize(
    "shown",
    [
        code("# strange_total = sum(values_of_my_own) / 7"),
        code('def g():\n    """Do it so:\n\n    strange_total = sum(values_of_my_own) / 7\n    """'),
        text("<details>strange_total = sum(values_of_my_own) / 7</details>"),
    ],
    ids=["comment", "docstring", "prose"],
)
def test_a_line_in_a_comment_a_docstring_or_prose_is_the_leak_and_no_excuse(shown):
    secrets = secrets_of_solution("strange_total = sum(values_of_my_own) / 7\nreturn strange_total", shown)
    assert [leak.kind for leak in scan_bytes({"a.md": shown.source.encode()}, secrets)] == ["line"]


def test_a_solution_that_stands_whole_in_visible_code_is_leaked_there():
    shown = code("def g(values, limit):\n    return sorted(values)[: limit // 3]")
    secrets = secrets_of_solution("return sorted(values)[: limit // 3]", shown)
    assert [leak.kind for leak in scan_bytes({"a.py": shown.source.encode()}, secrets)] == ["line"]


def test_a_line_does_not_match_in_the_middle_of_words():
    secrets = secrets_of_solution("total = values / limit\nreturn total")
    assert scan_bytes({"a.txt": b"subtotal = values / limits"}, secrets) == []


# --- Literals -------------------------------------------------------------------------------------------------


def test_a_name_that_the_package_uses_itself_is_no_secret_but_another_word_is():
    secrets = secrets_of_solution("return values['checkout_fee'] > limit['unheard_of']")
    files = {"course/shop.py": b"COLUMNS = ['checkout_fee']\n", "notes.md": b"see checkout_fee, unheard_of"}
    assert [leak.excerpt for leak in scan_bytes(files, secrets)] == ["'unheard_of… (10 characters)'"]


def test_words_that_the_prose_gives_are_no_secret_but_codes_and_numbers_are():
    told = text("The role is a data scientist; the key is k-9131-b; expect 0.6174 or 61.74 %.")
    secrets = secrets_of_solution("return {'data scientist': 'k-9131-b', 'share': 0.6174}", told)
    found = {(leak.kind, leak.excerpt) for leak in scan_bytes({"a.md": told.source.encode()}, secrets)}
    assert found == {("string", "'k-9131-b'"), ("number", "'0.6174'"), ("number", "'61.74'")}


@pytest.mark.parametrize(
    ("literal", "written"),
    [
        ("0.8317", "83.17 %"),
        ("48213", "48,213 rows"),
        ("48213", "4.8213e4"),
        ("48213", "0xBC55"),
        ("48_213", "48 213"),
        ("-48213", "minus 48213."),
    ],
)
def test_a_number_is_found_however_it_is_written(literal, written):
    assert [leak.kind for leak in scan_bytes({"a.md": written.encode()}, secrets_of_solution(f"return {literal}"))] == [
        "number"
    ]


@pytest.mark.parametrize("literal", ["2019", "65536", "255", "12345", "1000000", "0.05", "3600"])
def test_years_powers_and_round_numbers_are_no_secrets(literal):
    assert secrets_of_solution(f"return {literal}").numbers == {}


def test_no_guess_is_wrong_so_none_is_secret():
    guess = code("prediction = 48213", "a-guess", solution=True)
    asked = judging("check_prediction(prediction, Between(0, 99_999, 'rows'))")
    assert len(secrets_in([notebook(guess, asked)])) == 0


# --- Copied statements ----------------------------------------------------------------------------------------

BODY = """edges = np.quantile(values, limit)
cuts = np.histogram(values, bins=edges)[0]
return cuts / cuts.sum()"""


@pytest.mark.parametrize(
    "copy",
    [
        "def g(v, q):\n    e = np.quantile(v, q)\n    c = np.histogram(v, bins=e)[0]\n    return c / c.sum()",
        "class A:\n    def g(self, v, q):\n        '''Doc.'''\n        if q:\n"
        "            e: list = np.quantile(v,\n                q)  # note\n\n"
        "            c = np.histogram(v, bins=e)[0]\n            '''again'''\n            return c / c.sum()",
        "text before\n\n```python\ne = np.quantile(v, q)\nc = np.histogram(v, bins=e)[0]\nreturn_value = 3\n"
        "def h():\n    e = np.quantile(v, q); c = np.histogram(v, bins=e)[0]; return c / c.sum()\n```\ntext after",
        "<p>So:</p><pre>def g(v, q):\n    e = np.quantile(v, q)\n    c = np.histogram(v, bins=e)[<b>0</b>]\n"
        "    return c / c.sum()</pre>",
        "words\n\n    def g(v, q):\n        e = np.quantile(v, q)\n        c = np.histogram(v, bins=e)[0]\n"
        "        return c / c.sum()\n\nmore words",
    ],
    ids=["renamed", "reformatted and documented", "fenced", "on a page", "indented in prose"],
)
def test_a_copied_solution_is_found_under_other_names(copy):
    found = scan_bytes({"a.txt": copy.encode()}, secrets_of_solution(BODY, code("import numpy as np")))
    assert [(leak.kind, leak.origin) for leak in found] == [("copy", "the solution of a-make")]


def test_a_longer_solution_is_found_by_any_three_statements_of_it():
    body = "first = values.mean()\n" + BODY.replace("return ", "shares = ") + "\nreturn max(shares) - first"
    copy = "def g(v, q):\n    c = np.histogram(v, bins=q)[0]\n    s = c / c.sum()\n    return max(s) - w\n"
    assert scan_bytes({"a.py": copy.encode()}, secrets_of_solution(body, code("import numpy as np"))) != []


def test_one_statement_that_holds_three_counts_too():
    body = "for value in values:\n    if value.age > 42:\n        value.retire(limit)\n        values.drop(value)"
    copy = "def g(xs, n):\n    for x in xs:\n        if x.age > 42:\n            x.retire(n)\n            xs.drop(x)\n"
    assert [leak.kind for leak in scan_bytes({"a.py": copy.encode()}, secrets_of_solution(body))] == ["copy"]


def test_an_idiom_that_tells_nothing_counts_with_its_very_names_only():
    secrets = secrets_of_solution("total = 0\nfor value in values:\n    total += value\nreturn total")
    idiom = "def g(xs):\n    n = 0\n    for x in xs:\n        n += x\n    return n\n"
    same = "def g(values):\n    total = 0\n    for value in values:\n        total += value\n    return total\n"
    assert scan_bytes({"a.py": idiom.encode()}, secrets) == []
    assert "copy" in {leak.kind for leak in scan_bytes({"a.py": same.encode()}, secrets)}


def test_other_calls_on_the_same_shape_are_no_copy():
    other = "def g(v, q):\n    e = np.linspace(v, q)\n    c = np.digitize(v, bins=e)[0]\n    return c / c.max()"
    assert scan_bytes({"a.py": other.encode()}, secrets_of_solution(BODY, code("import numpy as np"))) == []


def test_secrets_are_read_from_a_folder(tmp_path):
    nbformat.write(LESSON, tmp_path / "1_birds.ipynb")
    assert secrets_of(tmp_path) == SECRETS


def test_bytes_that_only_look_like_something_do_no_harm():
    broken = [
        b"PK\x03\x04 no zip",
        b"\x1f\x8b no gzip",
        b"BZh9 no bz2",
        b"{ no json",
        b"\xff\xfe\x00",
        b"",
        b"x" * 257 + b"ustar",
    ]
    broken += [b"x\x9c no zlib", zipped(b"words")[:-30], b"A" * 5000, b"[" * 20000]
    assert scan_bytes({f"{n}.bin": data for n, data in enumerate(broken)}, SECRETS) == []


def test_what_another_section_shows_is_no_secret():
    shown = notebook(code("strange_total = sum(values_of_my_own) / 7"))
    body = "strange_total = sum(values_of_my_own) / 7\n    return g(strange_total)"
    hidden = answer(f"def f(x):\n    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION")
    assert squeeze("strange_total = sum(values_of_my_own) / 7") in secrets_in([notebook(hidden)]).lines
    assert set(secrets_in([notebook(hidden)], also_visible=[shown]).lines) == {"return g(strange_total)"}


def test_annotations_of_an_inner_function_hide_nothing():
    inner = "def far{}:\n    return abs(x - limit.mean()) > 17\n{}\nreturn [x for x in values if far(x)]"
    secrets = secrets_of_solution(inner.format("(x)", "limit = limit.clip(17)"))
    copy = inner.format("(x: float) -> bool", "limit: Series = limit.clip(17)").replace("limit", "edge")
    found = scan_bytes({"a.py": f"def g(values, edge):\n{textwrap.indent(copy, '    ')}".encode()}, secrets)
    assert "copy" in {leak.kind for leak in found}
