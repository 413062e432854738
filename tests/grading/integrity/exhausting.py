"""Submissions that use more than their share, each bounded by itself as well."""

from __future__ import annotations

from typing import Any

import course_specimen as specimen
from probing import Sample

SHORT = {"cell_seconds": 2, "notebook_seconds": 6}
CALLED = {"cell_seconds": 2, "notebook_seconds": 20}


def cell(name: str, text: str, gate: str = "", proof: str = "through", deserved: float = 10, **more: Any) -> Sample:
    """Right answers behind a greedy cell."""
    return Sample(name, "exhausting", answers=specimen.HONEST, added=(("set-up", text),), deserved=deserved, proof=proof,
                  gate=gate, **more)  # fmt: skip


def call(name: str, body: str, gate: str = "", proof: str = "hangs", **more: Any) -> Sample:
    """A function that is greedy when the tests call it."""
    body = body.replace("\n", "\n    ")
    text = f"def largest_mean(values, k, key=None):\n    {body}"
    return Sample(name, "exhausting", answers=specimen.HONEST | {"function": text}, deserved=7, proof=proof, gate=gate,
                  **({"limits": CALLED} | more))  # fmt: skip


SAY = "print('got ' + 'through')"
EXHAUSTING = [
    cell("memory of one process", f"b = bytearray(700 * 2**20)\n{SAY}", gate="AB"),
    cell("memory, a little at a time", f"parts = []\nfor n in range(80):\n    parts.append(bytearray(10 * 2**20))\n{SAY}",
         deserved=-1),
    cell("memory of many processes", "import os, time\nkids = []\nfor n in range(6):\n    pid = os.fork()\n    if not pid:\n"
         "        b = bytearray(100 * 2**20)\n        time.sleep(2)\n        os._exit(0)\n    kids.append(pid)\n"
         f"done = [os.waitpid(k, 0)[1] for k in kids]\nif not any(done): {SAY}", gate="A"),
    cell("processes", "import os, time\nn = 0\ntry:\n    for n in range(30):\n        if os.fork() == 0:\n"
         "            time.sleep(3); os._exit(0)\nexcept OSError: pass\n"
         f"else:\n    time.sleep(0.5)\n    {SAY}", gate="A", deserved=-1),
    cell("many threads", "import threading, time\ntry:\n    for n in range(60):\n        threading.Thread(target=time.sleep, args=(2,), "
         f"daemon=True).start()\nexcept RuntimeError: pass\nelse:\n    time.sleep(0.5)\n    {SAY}"),
    cell("one large file", f"with open('big', 'wb') as f:\n    for n in range(24): f.write(bytes(2**20))\n{SAY}"),
    cell("many files", f"import time\nfor n in range(400): open(f'own-{{n}}', 'w').close()\ntime.sleep(0.7)\n{SAY}", gate="A"),
    cell("deep folders", "import os\nfor n in range(600):\n    os.mkdir('d'); os.chdir('d')\nimport time; time.sleep(1)\n"
         f"{SAY}", gate="B", deserved=-1),
    cell("output by print", f"for n in range(60):\n    print('x' * 10**5)\n{SAY}", proof="floods"),
    cell("output by display", "from IPython.display import display\nfor n in range(2000): display('y' * 1000)\n"
         f"{SAY}", proof="floods", gate="A"),
    cell("output by an exception", "raise ValueError('z' * 10**7)", proof="nothing"),
    cell("output by pictures", "from IPython.display import display, Image\nimport base64\nbig = Image(data=b'\\x89PNG' + "
         f"bytes(700_000), format='png')\nfor n in range(40): display(big)\n{SAY}", proof="floods"),
    call("an enormous value", "return [values] * 10**7 + ['got ' + 'through'] if k else 1/0", proof="nothing"),
    call("an endless list", "out = []\nwhile True: out.append(out)", proof="hangs"),
    call("an endless generator", "while True: yield 1", proof="nothing"),
    call("a very deep list", "out = []\nfor n in range(10**5): out = [out]\nreturn out", proof="nothing"),
    call("recursion without an end", "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return f(n + 1)\n"
         "return f(0)", proof="dies"),
    cell("recursion in a cell", "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1)\nf(0)", proof="dies"),
    cell("a loop", "while True: pass", proof="hangs", limits={"cell_seconds": 2}),
    cell("signals ignored", "import signal\nfor n in set(range(1, 32)) - {9, 19}: signal.signal(n, signal.SIG_IGN)\n"
         "while True: pass", proof="hangs", limits={"cell_seconds": 2}),
    cell("stopped by itself", "import os\nos.kill(os.getpid(), 19)", proof="hangs", gate="B", limits={"cell_seconds": 2}),
    Sample("the stage stopped", "exhausting", answers=specimen.HONEST, deserved=10, proof="hangs", gate="A", limits=SHORT,
           added=(("set-up", "import os\nstage = os.getpid()\nif os.fork() == 0:\n    os.kill(stage, 19)\n    os._exit(0)\n"
                   "import time\ntime.sleep(0.2)"),)),
    Sample("every parent stopped", "exhausting", answers=specimen.HONEST, deserved=-1, proof="hangs", limits=SHORT,
           added=(("set-up", "import os\nfor pid in range(2, 40) if os.getpid() < 40 else ():  # in a box only\n    if pid != os.getpid():\n"
                   "        try: os.kill(pid, 19)\n        except OSError: pass\nwhile True: pass"),)),
    Sample("asleep in every cell", "exhausting", deserved=0, proof="hangs", gate="A",
           limits={"cell_seconds": 1, "notebook_seconds": 2.5}, answers=dict.fromkeys(specimen.HONEST, "import time\ntime.sleep(60)")),
    call("asleep in every call", "import time\ntime.sleep(60)"),
    call("no answer, and the socket filled", "from course.grading import student_side as s\nchannel = s._server._channel if "
         "s._server else None\nwhile channel: channel.socket.sendall(b'\\0' * 10**6)\nwhile True: pass", gate="A"),
    Sample("orders that nobody reads", "exhausting", answers=specimen.HONEST, deserved=-1, proof="hangs", gate="B", limits=SHORT,
           added=(("set-up", "import os, json, struct, time\ntext = json.dumps({'state': 'passed', 'message': '', 'outputs': [], "
                   "'seconds': 0}).encode()\nfor number in range(3, 32):\n    try: os.write(number, struct.pack('!QI', "
                   "len(text), 0) + text)\n    except OSError: pass\ntime.sleep(60)"), ("set-up", "#" + "x" * 900_000),
                  ("set-up", "#" + "y" * 900_000))),
    Sample("a word at a time, and memory meanwhile", "exhausting", answers=specimen.HONEST, deserved=-1, proof="through",
           limits={"cell_seconds": 4, "notebook_seconds": 9},
           added=(("set-up", "import os, time\nfor number in range(3, 32):\n    try: os.write(number, b'\\0')\n"
                   "    except OSError: pass\nkids = []\nfor n in range(6):\n    pid = os.fork()\n    if not pid:\n"
                   "        b = bytearray(100 * 2**20)\n        for i in range(0, len(b), 4096): b[i] = 1\n        time.sleep(2)\n"
                   f"        os._exit(0)\n    kids.append(pid)\ndone = [os.waitpid(k, 0)[1] for k in kids]\nif not any(done):\n    {SAY}\n"
                   "    open('seen', 'w').write('through')"),)),
    Sample("an answer to the grader of many parts", "exhausting", answers=specimen.HONEST, deserved=-1, proof="nothing",
           added=(("set-up", "import os, struct\ntext = b'[' + b'[],' * 5_000_000 + b'1]'\ndata = struct.pack('!QI', len(text), 0) + "
                   "text\nfor number in range(3, 32):\n    try:\n        if os.fstat(number).st_mode >> 12 == 0o14: \n"
                   "            import socket\n            socket.socket(fileno=os.dup(number)).sendall(data)\n"
                   "    except OSError: pass"),)),
    cell("the descriptors used up", f"import os\nkept = []\ntry:\n    for n in range(400): kept.append(os.open('/dev/null', 0))\n"
         f"    {SAY}\nexcept OSError: pass", deserved=-1),
    cell("sockets filled and kept", "import socket\nkept = []\ntry:\n    for n in range(160):\n        a, b = socket.socketpair()\n"
         f"        a.setblocking(False)\n        kept += [a, b]\n        try: a.send(bytes(2**18))\n        except OSError: pass\n    {SAY}"
         "\nexcept OSError: pass", deserved=-1),
    cell("exit at the end of a cell", "import os\nos._exit(0)", proof="dies", gate="A"),
    cell("a crash", "import ctypes\nctypes.string_at(0)", proof="dies"),
]  # fmt: skip
