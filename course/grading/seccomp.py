"""The filter of system calls: what student code never needs, and what Landlock and namespaces leave open.

A small program for the kernel's packet-filter machine, written here as data. It looks at the number of the call and at
the low half of one or two arguments, never behind a pointer; calls whose flags stand behind a pointer (`clone3`,
`openat2`) are answered as if the kernel were too old for them, and libc falls back.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import platform
import socket
import struct
from dataclasses import dataclass

from course.grading.kernel import PR_SET_NO_NEW_PRIVS, number, set_process, system_call

#: A call's number on (x86_64, aarch64); None where the machine has no such call.
Numbers = tuple[int | None, int | None]

#: Refused in every box.
NEVER: dict[str, Numbers] = {
    # other processes' memory and descriptors
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # corners of the kernel with a history
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "modify_ldt": (154, None),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "open_tree_attr": (467, 467),
    # the machine itself
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
}

#: In every box, answered as by a kernel that is too old for them.
UNKNOWN: dict[str, Numbers] = {
    "clone3": (435, 435),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # memory that belongs to no process, so that nobody would count it
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}

#: Judged by what they ask for.
JUDGED: dict[str, Numbers] = {
    "clone": (56, 220),
    "prctl": (157, 167),
    "ioctl": (16, 29),
    "fcntl": (72, 25),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
}

#: Judged where there are no namespaces.
SHARED: dict[str, Numbers] = {
    # metadata of files, which Landlock does not guard, nor behind a descriptor that may only read
    "chmod": (90, None),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "fchmod": (91, 52),
    "fchown": (93, 55),
    "setxattr": (188, 5),
    "fsetxattr": (190, 7),
    "fremovexattr": (199, 16),
    "lsetxattr": (189, 6),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "truncate": (76, 45),
    "open": (2, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    # other processes of the same account
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
CALLS = NEVER | UNKNOWN | JUDGED | SHARED
COLUMN: dict[str, int] = {"x86_64": 0, "aarch64": 1}
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000  # x86_64 only: the same calls under other numbers

ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, AT_LEAST, ANY_BIT, MASK, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
NUMBER_AT, MACHINE_AT, ARGUMENTS_AT = 0, 4, 16

SILENTLY = 0  # "it worked": shutil.copy and tarfile set modes and times, and must not fail over them


@dataclass(frozen=True)
class Check:
    """Does the low half of an argument, after a mask, equal any of the values?"""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    bits: bool = False  # any of the bits of values[0] is set, instead of equality


@dataclass(frozen=True)
class Rule:
    """Answer `error` to a call: always, if all of `when` hold, or unless all of `unless` hold."""

    call: str
    error: int
    when: tuple[Check, ...] = ()
    unless: tuple[Check, ...] = ()


NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW… bits of clone(2)

FORBIDDEN_EVERYWHERE = (
    *(Rule(name, errno.EPERM) for name in NEVER),
    *(Rule(name, errno.ENOSYS) for name in UNKNOWN),
)

TYPING = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
SIGNAL_OWNERS = (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP
FILE_FLAGS = (0x40086602, 0x40046602, 0x40087602, 0x401C5820)  # FS_IOC_SETFLAGS, its 32-bit form, …SETVERSION, …XATTR

JUDGED_EVERYWHERE = (
    Rule("clone", errno.EPERM, when=(Check(0, (NEW_NAMESPACES,), bits=True),)),
    Rule("prctl", errno.EPERM, when=(Check(0, (4,)),)),  # PR_SET_DUMPABLE: the watcher reads what a process uses
    Rule("ioctl", errno.EPERM, when=(Check(1, (*TYPING, *SIGNAL_OWNERS, *FILE_FLAGS)),)),
    Rule("fcntl", errno.EPERM, when=(Check(1, (8, 10, 15, 1024, 1026)),)),  # F_SETOWN, F_SETSIG, …_EX, leases, F_NOTIFY
)

# In a network of its own, the box may talk to itself.
WITH_OWN_NETWORK = (
    Rule("socket", errno.EAFNOSUPPORT, unless=(Check(0, (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)),)),
)

# A pair of connected streams cannot be turned to another address; a pair of datagram sockets can.
STREAM_PAIR = (Check(0, (socket.AF_UNIX,)), Check(1, (socket.SOCK_STREAM, 5), mask=0xF))  # 5: SOCK_SEQPACKET

WITHOUT_NAMESPACES = (
    Rule("socket", errno.EACCES),
    Rule("connect", errno.EACCES),
    Rule("socketpair", errno.EACCES, unless=STREAM_PAIR),
    *(
        Rule(name, SILENTLY)
        for name in (
            "chmod",
            "fchmodat",
            "chown",
            "lchown",
            "fchownat",
            "utime",
            "utimes",
            "futimesat",
            "utimensat",
            "fchmod",
            "fchown",
        )
    ),
    Rule("fchmodat2", errno.ENOSYS),
    Rule("file_setattr", errno.ENOSYS),
    *(
        Rule(name, errno.EOPNOTSUPP)
        for name in (
            "setxattr",
            "lsetxattr",
            "fsetxattr",
            "removexattr",
            "lremovexattr",
            "fremovexattr",
            "setxattrat",
            "removexattrat",
        )
    ),
    Rule("inotify_init", errno.ENOSYS),
    Rule("inotify_init1", errno.ENOSYS),
    Rule("prlimit64", errno.EPERM, unless=(Check(0, (0,)),)),
    Rule("sched_setaffinity", errno.EPERM, unless=(Check(0, (0,)),)),
    Rule("sched_setscheduler", errno.EPERM, unless=(Check(0, (0,)),)),
    Rule("sched_setparam", errno.EPERM, unless=(Check(0, (0,)),)),
    Rule("sched_setattr", errno.EPERM, unless=(Check(0, (0,)),)),
    Rule("setpriority", errno.EPERM, unless=(Check(0, (0,)), Check(1, (0,)))),
    Rule("ioprio_set", errno.EPERM, unless=(Check(0, (1,)), Check(1, (0,)))),
)

# Landlock before version 6 lets signals out: then a box may signal its own process group, and nothing else.
WITHOUT_SIGNAL_SCOPE = (
    Rule("kill", errno.EPERM, unless=(Check(0, (0,)),)),
    *(
        Rule(name, errno.EPERM)
        for name in ("tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")
    ),
)

# Landlock before version 3 lets files be emptied. 0x200: O_TRUNC; low bits 0 and 3: not opened to write.
WITHOUT_TRUNCATION = (
    Rule("truncate", errno.EACCES),
    Rule("openat2", errno.ENOSYS),
    Rule("open", errno.EACCES, when=(Check(1, (0x200, 0x203), mask=0x203),)),
    Rule("openat", errno.EACCES, when=(Check(2, (0x200, 0x203), mask=0x203),)),
)


def rules_for(own_namespaces: bool, landlock: int) -> tuple[Rule, ...]:
    """The rules of a box, with namespaces of its own (level A) or without (B), on a kernel with this Landlock."""
    rules = FORBIDDEN_EVERYWHERE + JUDGED_EVERYWHERE
    if own_namespaces:
        return rules + WITH_OWN_NETWORK
    rules += WITHOUT_NAMESPACES
    if landlock < 6:
        rules += WITHOUT_SIGNAL_SCOPE
    if landlock < 3:
        rules += WITHOUT_TRUNCATION
    return rules


def _step(code: int, value: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, jump_true, jump_false, value)


def _program_of_test(test: Check, length_after: int) -> list[bytes]:
    """Fall through if the test holds, else jump over what follows it: `length_after` steps."""
    steps = [_step(LOAD, ARGUMENTS_AT + 8 * test.argument)]
    if test.mask != 0xFFFFFFFF:
        steps.append(_step(MASK, test.mask))
    compare = ANY_BIT if test.bits else EQUAL
    for place, value in enumerate(test.values):
        left = len(test.values) - 1 - place
        steps.append(_step(compare, value, left, length_after if left == 0 else 0))
    return steps


def _program_of_rule(rule: Rule) -> list[bytes]:
    refuse = _step(RETURN, ERRNO | rule.error)
    if rule.unless:
        first, second = _step(RETURN, ALLOW), refuse
    else:
        first, second = refuse, _step(RETURN, ALLOW)
    tests = rule.unless or rule.when
    if not tests:
        return [refuse]
    body = [first]
    for test in reversed(tests):
        body = _program_of_test(test, len(body)) + body
    return [*body, second]


def program(rules: tuple[Rule, ...], machine: str) -> bytes:
    """The filter, ready for the kernel.

    >>> len(program((Rule("ptrace", 1),), "aarch64")) // 8
    7
    """
    steps = [
        _step(LOAD, MACHINE_AT),
        _step(EQUAL, AUDIT_ARCH[machine], 1, 0),
        _step(RETURN, KILL_PROCESS),
        _step(LOAD, NUMBER_AT),
    ]
    if machine == "x86_64":
        steps += [_step(AT_LEAST, X32_BIT, 0, 1), _step(RETURN, KILL_PROCESS)]
    for rule in rules:
        call_number = CALLS[rule.call][COLUMN[machine]]
        if call_number is not None:
            body = _program_of_rule(rule)
            steps += [_step(EQUAL, call_number, 0, len(body)), *body]
    return b"".join([*steps, _step(RETURN, ALLOW)])


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


@functools.cache
def ready_program(own_namespaces: bool, landlock: int) -> bytes:
    return program(rules_for(own_namespaces, landlock), platform.machine())


def restrict(own_namespaces: bool, landlock: int) -> None:
    """Put the filter over this process and all it starts, for good. OSError when the kernel refuses."""
    steps = ready_program(own_namespaces, landlock)
    set_process(PR_SET_NO_NEW_PRIVS, 1)
    system_call(number("seccomp"), 1, 0, ctypes.byref(_Program(len(steps) // 8, steps)))  # 1: SECCOMP_SET_MODE_FILTER
