"""Submissions that read what is not theirs, change it, or talk to somebody."""

from __future__ import annotations

from typing import Any

import course_specimen as specimen
from probing import Sample

MARK, THROUGH = specimen.MARK, specimen.THROUGH


def reads(name: str, cell: str, gate: str = "", **more: Any) -> Sample:
    more = {"proof": "secret"} | more
    return Sample(
        name, "reading secrets", answers=specimen.HONEST, deserved=10, added=(("set-up", cell),), gate=gate, **more
    )


def tampers(name: str, cell: str, gate: str = "", **more: Any) -> Sample:
    more = {"proof": "changed", "deserved": 10} | more
    return Sample(name, "tampering", answers=specimen.HONEST, added=(("set-up", cell),), gate=gate, **more)


def calls(name: str, cell: str, gate: str = "", **more: Any) -> Sample:
    more = {"proof": "reached"} | more
    cell = f"try:\n    {cell}\nexcept OSError as error: print(error)".replace("\n    ", "\n    ")
    return Sample(name, "network", answers=specimen.HONEST, deserved=10, added=(("set-up", cell),), gate=gate, **more)


TRY = "def show(*paths):\n    for path in paths:\n        try: print(open(path, errors='replace').read(10**6))\n" \
    "        except Exception as error: print(type(error).__name__)\n"  # fmt: skip
WALK = TRY + "import os\nfor folder, _, names in os.walk('{root}'):\n    show(*(f'{folder}/{n}' for n in names))"
MEMORY = (
    "import re\ndef scan(pid):\n    try:\n        lines = open(f'/proc/{pid}/maps').read().splitlines()\n"
    "        with open(f'/proc/{pid}/mem', 'rb', 0) as mem:\n            for line in lines[:4000]:\n"
    "                start, end = (int(x, 16) for x in line.split()[0].split('-'))\n"
    "                if 'rw' in line and end - start < 2**25:\n                    mem.seek(start)\n"
    "                    found = re.search(rb'planted-in-memory-(?:e9){2}', mem.read(end - start))\n"
    "                    if found: print(found.group().decode()); return\n"
    "    except (OSError, ValueError, OverflowError) as error: print(type(error).__name__)\n"
)
PTRACE = (
    "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nfor pid in {pids}:\n"
    "    if libc.ptrace(16, pid, 0, 0) == 0:\n        print('{through}')\n        os.waitpid(pid, 0)\n"
    "        libc.ptrace(17, pid, 0, 0)\n        break\n"
).replace("{through}", THROUGH)
VECTORS = (
    "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nclass V(ctypes.Structure):\n"
    "    _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]\nspace = ctypes.create_string_buffer(64)\n"
    "try:\n    line = next(l for l in open('/proc/{grader}/maps') if 'rw' in l)\n"
    "    here = V(ctypes.addressof(space), 16); there = V(int(line.split('-')[0], 16), 16)\n"
    "    if libc.process_vm_readv({grader}, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0: print('{through}')\n"
    "except (OSError, StopIteration) as error: print(error)\n"
).replace("{through}", THROUGH)

READING = [
    reads("the solutions, by path", TRY + "show('{root}/source/hw/hw.ipynb')", gate="A"),
    reads("the hidden tests, by path", TRY + "show('{root}/source/hw/tests.py')"),
    reads("the gradebook", TRY + "show('{root}/gradebook.db')", gate="B"),
    reads("another submission", TRY + "show('{root}/submitted/bob/hw/hw.ipynb')"),
    reads("all of the course, by walking", WALK),
    reads("the home of the instructor", TRY + "show('{root}/home/.netrc')"),
    reads("by a shell", "!cat {root}/source/hw/hw.ipynb {root}/gradebook.db; grep -r planted {root}"),
    reads("by a link beside the notebook", "import os\nos.symlink('{root}/gradebook.db', 'mine.txt')\n"
          "try: print(open('mine.txt').read())\nexcept OSError as error: print(error)"),
    reads("by a link, from the shell", "import os\nos.symlink('{root}/gradebook.db', 'mine.txt')\n"
          "try: print(open('mine.txt').read())\nexcept OSError as error: print(error)"),
    reads("by a descriptor of another process", TRY + "import glob\nshow('/proc/{grader}/root{root}/gradebook.db', "
          "'/proc/1/root{root}/gradebook.db', '/proc/{grader}/cwd/gradebook.db')", gate="A"),
    reads("the environment", "import os\nprint(dict(os.environ))\n" + TRY + "show('/proc/self/environ')"),
    reads("every environment in /proc", "import os\nprint(dict(os.environ))\n" + TRY
          + "import glob\nshow(*glob.glob('/proc/[0-9]*/environ'), *glob.glob('/proc/[0-9]*/cmdline'))", gate="B"),
    reads("the memory of the grader", MEMORY + "scan({grader})", gate="AB"),
    reads("the memory of every process", MEMORY + "import os\n[scan(p) for p in [{grader}, os.getppid(), 1]]"),
    reads("the grader's memory by system call", VECTORS, proof="through"),
    reads("by ptrace", PTRACE.replace("{pids}", "[{grader}]"), proof="through", gate="A"),
    reads("a core of the process", "import resource\ntry:\n    resource.setrlimit(resource.RLIMIT_CORE, (2**20, 2**20))\n"
          "    print('got ' + 'through')\nexcept (OSError, ValueError) as error: print(error)", proof="through"),
    # Where Python itself lies below one of these, the way to it is there, and must be.
    reads("the folder of the trusted side", "import os, sys\nfor top in ('/tmp', '/dev/shm', '/var/tmp', '/work', "
          "'/root', '/home'):\n    try: names = [] if sys.prefix.startswith(top + '/') else os.listdir(top)\n"
          "    except OSError: names = []\n"
          "    if [n for n in names if n not in ('work',) and not n.startswith('own-')]: print('got ' + 'through')",
          proof="through", gate="A"),
    reads("what was in this process before", "import gc, sys\nwords = [o for o in gc.get_objects() if isinstance(o, dict)]\n"
          "print([v for d in words for v in d.values() if isinstance(v, str) and 'planted-in-' in v][:9])\n"
          "print([k for k in sys.modules if k in ('course_specimen', 'probing', 'sqlite3')])"),
    reads("hidden tests out of this process's own memory", MEMORY.replace("planted-in-memory-(?:e9){2}",
          "planted-in-hidden-tests-58[d]1") + "import os\nscan('self')"),
    reads("secrets by an exception's traceback", "import sys\nframe = sys._getframe()\nwhile frame:\n"
          "    print({k: str(v)[:300] for k, v in frame.f_globals.items()}, str(frame.f_locals)[:3000])\n"
          "    frame = frame.f_back\nfor module in list(sys.modules.values()):\n    for value in list(vars(module).values()"
          ") if module else ():\n        if isinstance(value, dict) and 'planted-in' in str(value)[:9000]: print(value)"),
    reads("by a hard link", "import os\ntry:\n    os.link('{root}/gradebook.db', 'copy')\n    print(open('copy').read())\n"
          "except OSError as error: print(error)"),
    reads("another process's files by pidfd", "import os, ctypes\nlibc = ctypes.CDLL(None)\ntry:\n    p = os.pidfd_open("
          "{grader})\n    got = [libc.syscall(438, p, n, 0) for n in range(3, 30)]\n    if max(got) > 0: print('got ' + "
          "'through')\nexcept OSError as error: print(error)", proof="through"),
]  # fmt: skip
WRITE = "def put(path, mode='a', text='tampered'):\n    try:\n        with open(path, mode) as file: file.write(text)\n" \
    "    except OSError as error: print(error)\n"  # fmt: skip
TAMPERING = [
    tampers("a tests file of the course", WRITE + "put('{root}/source/hw/tests.py')"),
    tampers("the gradebook emptied", WRITE + "put('{root}/gradebook.db', 'w', '')", gate="B"),
    tampers("another submission replaced", WRITE + "put('{root}/submitted/bob/hw/hw.ipynb', 'w', '{}')"),
    tampers("a file planted beside the course", WRITE + "put('{root}/sitecustomize.py', 'w', 'x = 1')"),
    tampers("files deleted", "import shutil\nshutil.rmtree('{root}/submitted', ignore_errors=True)", gate="A"),
    tampers("modes changed", "import os\ntry: os.chmod('{root}/gradebook.db', 0o777)\nexcept OSError as e: print(e)", gate="B"),
    tampers("a file moved", "import os\ntry: os.rename('{root}/gradebook.db', '{root}/cache/gone')\n"
            "except OSError as e: print(e)"),
    tampers("a cache beside the home", WRITE + "put('{root}/cache/planted')\nput('{root}/home/.cache')"),
    tampers("site-packages, matplotlib's cache and the course's code", "import glob, course, matplotlib, numpy\n"
            "for path in (numpy.__file__, course.__file__, *glob.glob(matplotlib.get_cachedir() + '/*')):\n"
            "    try:\n        open(path, 'r+').close()  # opened to write, and left as it is\n"
            "        print('got ' + 'through')\n    except OSError as error: print(error)\n"
            "try:\n    open('{root}/source/hw/tests.py', 'r+').close()\n    print('got ' + 'through')\n"
            "except OSError as error: print(error)", proof="through"),
    tampers("the grader's memory", "try:\n    f = open('/proc/{grader}/mem', 'r+b', 0)\n    print('got ' + 'through')\n"
            "except OSError as e: print(e)", proof="through"),
    tampers("the next run, by what it imports", WRITE + "put('{root}/cache/planted')\n"
            "put('random.py', 'w', 'x = 1')\nput('numpy.py', 'w', 'x = 1')"),
    tampers("the warm process, by signals", "import os\ntry:\n    os.kill({grader}, 0)\n    print('got ' + 'through')\n"
            "except OSError as error: print(error)", proof="through", gate="B"),
    tampers("every process that it may end", "import os, signal\nmine = {os.getpid(), os.getppid(), 1}\n"
            "for name in os.listdir('/proc') if os.path.isdir('/proc') else []:\n    if name.isdigit() and int(name) not in "
            "mine:\n        try: os.kill(int(name), 0); print('got ' + 'through' if int(name) == {grader} else '')\n"
            "        except OSError: pass", proof="through"),
    tampers("names that live in the warm process", "import sys, builtins, numpy\nbuiltins.planted = 1\n"
            "numpy.planted = 1\nsys.modules['planted'] = numpy\nopen('{root}/cache/planted', 'w') if __import__('os')"
            ".access('{root}/cache', 2) else None"),
    tampers("the limits of others", "import resource\ntry:\n    resource.prlimit({grader}, resource.RLIMIT_NOFILE)\n"
            "    print('got ' + 'through')\nexcept (OSError, PermissionError) as e: print(e)", proof="through"),
    tampers("mounts and names", "import ctypes, os, socket\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "if libc.unshare(0x10000000) == 0: print('got ' + 'through')", proof="through"),
    tampers("a process that stays", "import subprocess, sys, os\ntry:\n    subprocess.Popen(['/bin/sleep', '60'], "
            f"env={{'MARK': '{MARK}'}}, start_new_session=True)\nexcept OSError as e: print(e)", proof="lingers", gate="AB"),
    tampers("a process that stays, twice forked", "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:"
            f"\n        os.execve('/bin/sleep', ['/bin/sleep', '60'], {{'MARK': '{MARK}'}})\n    os._exit(0)",
            proof="lingers", gate="B"),
    tampers("a process that ignores signals and stays", "import os, signal, subprocess\nif os.fork() == 0:\n"
            "    os.setsid()\n    for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
            f"    os.execve('/bin/sleep', ['/bin/sleep', '60'], {{'MARK': '{MARK}'}})", proof="lingers"),
]  # fmt: skip
NETWORK = [
    calls("TCP", "import socket\n    socket.create_connection(('127.0.0.1', {tcp}), 2).send(b'x')"),
    calls("UDP", "import socket\n    socket.socket(2, 2).sendto(b'x', ('127.0.0.1', {udp}))", gate="B"),
    calls("a unix socket", "import socket\n    s = socket.socket(1)\n    s.connect('{unix}')\n    s.send(b'x')", gate="A"),
    calls("a name to be looked up", "import socket\n    s = socket.socket(2, 2)\n    s.sendto(b'\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0"
          "\\0\\7example\\3com\\0\\0\\1\\0\\1', ('127.0.0.1', {udp}))", gate="A"),
    calls("by a program", "import subprocess, sys\n    subprocess.run([sys.executable, '-c', 'import socket; "
          "socket.create_connection((\"127.0.0.1\", {tcp}), 2)'], capture_output=True, timeout=4)"),
    calls("by urllib", "import urllib.request\n    urllib.request.urlopen('http://127.0.0.1:{tcp}/x', timeout=1).read()"),
    calls("from a test's call", "import socket\n    socket.create_connection(('127.0.0.1', {tcp}), 1)"),
]  # fmt: skip
INTRUDING = [*READING, *TAMPERING, *NETWORK]
