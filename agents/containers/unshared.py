"""What bubblewrap does, for machines without it: understands the words that `agents.sandbox` writes, and no others.

Run as a program by path (`python -I -S unshared.py WORDS -- COMMAND`), so it imports nothing of the hive. Like
bubblewrap it stays outside as a waiting parent; the namespace's first process reaps, and its child becomes COMMAND.
Needs Linux 5.12 (mount_setattr). Flags and numbers: mount(2), namespaces(7), prctl(2), capabilities(7).
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable

LIBC = ctypes.CDLL(None, use_errno=True)
NAMESPACES = {
    "--unshare-cgroup-try": 0x02000000,
    "--unshare-uts": 0x04000000,
    "--unshare-ipc": 0x08000000,
    "--unshare-pid": 0x20000000,
    "--unshare-net": 0x40000000,
}
NEW_USER, NEW_MOUNTS = 0x10000000, 0x00020000
NOSUID, NODEV, NOEXEC, BIND, RECURSIVE, SLAVE, DETACH = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x80000, 0x2
ATTR_READ_ONLY, ATTR_NOSUID, ATTR_NODEV, AT_RECURSIVE, AT_HERE, MOUNT_SETATTR = 0x1, 0x2, 0x4, 0x8000, -100, 442
PARENT_DEATH, DROP_BOUND, NO_NEW_PRIVILEGES, LAST_CAPABILITY = 1, 24, 38, 63
CAPABILITIES = {"CAP_CHOWN": 0, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SETPCAP": 8}
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 0x1
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
BASE, OLD, NEW = "/tmp", "/oldroot", "/newroot"  # noqa: S108  # a private mount over it, let go at once

ARGUMENTS = {
    **dict.fromkeys(["--symlink", "--ro-bind", "--bind", "--setenv"], 2),
    **dict.fromkeys(
        ["--uid", "--gid", "--cap-drop", "--cap-add", "--perms", "--size", "--dir", "--tmpfs", "--remount-ro"], 1
    ),
    **dict.fromkeys(["--proc", "--dev", "--hostname", "--info-fd", "--block-fd", "--chdir"], 1),
    **dict.fromkeys(["--unshare-user", "--new-session", "--die-with-parent", "--clearenv", *NAMESPACES], 0),
}
MOUNTS = ("--symlink", "--ro-bind", "--bind", "--dir", "--tmpfs", "--proc", "--dev", "--remount-ro")

Step = tuple[str, list[str], int | None, str | None]
"""(word, its arguments, permissions, size) of one thing to make in the new root"""


class Wanted:
    """The parsed words."""

    def __init__(self, words: list[str]) -> None:
        self.steps: list[Step] = []
        self.flags: set[str] = set()
        self.single: dict[str, str] = {}
        self.keep: set[int] = set()
        self.environment: dict[str, str] = {}
        perms, size, position = None, None, 0
        while words[position] != "--":
            word = words[position]
            if word not in ARGUMENTS:
                raise SystemExit(f"this machine has no bubblewrap, and {word!r} cannot be done without it")
            values = words[position + 1 : position + 1 + ARGUMENTS[word]]
            position += 1 + ARGUMENTS[word]
            if word == "--perms":
                perms = int(values[0], 8)
            elif word == "--size":
                size = values[0]
            elif word in MOUNTS:
                self.steps.append((word, _resolved(word, values), perms, size))
                perms = size = None
            else:
                self._take(word, values)
        self.command = words[position + 1 :]

    def _take(self, word: str, values: list[str]) -> None:
        if word == "--setenv":
            self.environment[values[0]] = values[1]
        elif word == "--cap-add":
            self.keep.add(CAPABILITIES[values[0]])
        elif values:
            self.single[word] = values[0]
        else:
            self.flags.add(word)

    def descriptor(self, word: str) -> int | None:
        return int(self.single[word]) if word in self.single else None


def main(words: list[str]) -> int:
    wanted = Wanted(words)
    die_with_parent()
    user = "--unshare-user" in wanted.flags
    if user:
        new_user_namespace(0, os.getuid(), os.getgid())
    flags = NEW_MOUNTS
    for word, flag in NAMESPACES.items():
        flags |= flag if word in wanted.flags else 0
    check(LIBC.unshare(flags), "unshare")
    ready, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go)
        die_with_parent()
        if os.read(ready, 1):
            first_process(wanted, user=user)
        os._exit(1)
    write_info(wanted, pid)
    os.write(go, b"1")
    os.close(ready)
    return exit_code(os.waitpid(pid, 0)[1])


def first_process(wanted: Wanted, *, user: bool) -> None:
    """Make the world, wait until it may begin, start the command and reap until it ends."""
    if "--hostname" in wanted.single:
        socket.sethostname(wanted.single["--hostname"])
    if "--unshare-net" in wanted.flags:
        loopback_up()
    new_root(wanted.steps)
    os.chdir(wanted.single.get("--chdir", "/"))
    if user:
        new_user_namespace(int(wanted.single["--uid"]), 0, 0, int(wanted.single["--gid"]))
        die_with_parent()
    check(LIBC.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
    for capability in range(LAST_CAPABILITY):
        if capability not in wanted.keep:
            LIBC.prctl(DROP_BOUND, capability, 0, 0, 0)
    block = wanted.descriptor("--block-fd")
    if block is not None:
        os.read(block, 1)
        os.close(block)
    child = os.fork()
    if child == 0:
        become(wanted)
    os.closerange(3, 1 << 16)
    drop_capabilities()
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(exit_code(status))


def become(wanted: Wanted) -> None:
    if "--new-session" in wanted.flags:
        os.setsid()
    environment = wanted.environment if "--clearenv" in wanted.flags else {**os.environ, **wanted.environment}
    name = wanted.command[0]
    # os.execvpe imports a module, and the library that it is in need not be inside.
    folders = [""] if "/" in name else environment.get("PATH", "/usr/bin:/bin").split(":")
    why = "not found"
    for folder in folders:
        try:
            os.execve(os.path.join(folder, name), wanted.command, environment)  # noqa: S606  # what this program is for
        except FileNotFoundError:
            continue
        except OSError as error:
            why = os.strerror(error.errno or 0)
    os.write(2, f"{name}: {why}\n".encode())
    os._exit(127)


def new_root(steps: list[Step]) -> None:
    """A root of nothing but what is named: made beside the old one, which is then let go."""
    mount(None, "/", None, SLAVE | RECURSIVE)
    mount("tmpfs", BASE, "tmpfs", NOSUID | NODEV, "mode=0755")
    os.mkdir(BASE + NEW, 0o755)
    os.mkdir(BASE + OLD, 0o755)
    mount(BASE + NEW, BASE + NEW, None, BIND | RECURSIVE)
    check(LIBC.pivot_root(BASE.encode(), (BASE + OLD).encode()), "pivot_root")
    os.chdir("/")
    for word, values, perms, size in steps:
        MAKERS[word](values, perms, size)
    mount(None, OLD, None, SLAVE | RECURSIVE)
    check(LIBC.umount2(OLD.encode(), DETACH), "umount")
    os.chdir(NEW)
    check(LIBC.pivot_root(b".", b"."), "pivot_root")
    check(LIBC.umount2(b".", DETACH), "umount")
    os.chdir("/")


def make_folder(values: list[str], perms: int | None, _size: str | None) -> None:
    try:
        os.mkdir(NEW + values[0])
    except FileExistsError:
        return
    os.chmod(NEW + values[0], 0o755 if perms is None else perms)


def make_tmpfs(values: list[str], perms: int | None, size: str | None) -> None:
    make_folder(values, None, None)
    options = f"mode={0o755 if perms is None else perms:o}" + (f",size={size}" if size else "")
    mount("tmpfs", NEW + values[0], "tmpfs", NOSUID | NODEV, options)


def make_link(values: list[str], _perms: int | None, _size: str | None) -> None:
    os.symlink(values[0], NEW + values[1])


def bind(values: list[str], attributes: int) -> None:
    source, target = OLD + values[0], NEW + values[1]
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, None, BIND | RECURSIVE)
    if attributes:
        restrict(target, attributes)


def make_proc(values: list[str], _perms: int | None, _size: str | None) -> None:
    make_folder(values, None, None)
    proc = NEW + values[0]
    mount("proc", proc, "proc", NOSUID | NODEV | NOEXEC)
    for name in ("sys", "sysrq-trigger", "irq", "bus"):
        if os.path.exists(f"{proc}/{name}"):
            mount(f"{proc}/{name}", f"{proc}/{name}", None, BIND | RECURSIVE)
            restrict(f"{proc}/{name}", ATTR_READ_ONLY)


def make_dev(values: list[str], _perms: int | None, _size: str | None) -> None:
    make_tmpfs(values, None, None)
    dev = values[0]
    for name in DEVICES:
        bind([f"/dev/{name}", f"{dev}/{name}"], 0)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{NEW}{dev}/{name}")
    os.symlink("/proc/self/fd", f"{NEW}{dev}/fd")
    os.mkdir(f"{NEW}{dev}/shm")
    os.mkdir(f"{NEW}{dev}/pts")
    mount("devpts", f"{NEW}{dev}/pts", "devpts", NOSUID | NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    os.symlink("pts/ptmx", f"{NEW}{dev}/ptmx")


MAKERS: dict[str, Callable[[list[str], int | None, str | None], None]] = {
    "--dir": make_folder,
    "--tmpfs": make_tmpfs,
    "--symlink": make_link,
    "--bind": lambda values, _perms, _size: bind(values, ATTR_NOSUID | ATTR_NODEV),
    "--ro-bind": lambda values, _perms, _size: bind(values, ATTR_READ_ONLY | ATTR_NOSUID | ATTR_NODEV),
    "--remount-ro": lambda values, _perms, _size: restrict(NEW + values[0], ATTR_READ_ONLY, recursive=False),
    "--proc": make_proc,
    "--dev": make_dev,
}


def _resolved(word: str, values: list[str]) -> list[str]:
    """Sources are followed on the host's own root."""
    if word in ("--bind", "--ro-bind"):
        return [os.path.realpath(values[0]), values[1]]
    return values


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [None if text is None else text.encode() for text in (source, target, kind, options)]
    check(
        LIBC.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]), f"mount {source or kind} at {target}"
    )


def restrict(target: str, attributes: int, *, recursive: bool = True) -> None:
    wanted = ctypes.create_string_buffer(struct.pack("=QQQQ", attributes, 0, 0, 0), 32)
    done = LIBC.syscall(
        MOUNT_SETATTR, AT_HERE, target.encode(), AT_RECURSIVE if recursive else 0, wanted, ctypes.c_size_t(32)
    )
    check(done, f"mount_setattr {target}")


def new_user_namespace(inside: int, outside_uid: int, outside_gid: int, inside_gid: int | None = None) -> None:
    check(LIBC.unshare(NEW_USER), "unshare user")
    gid = inside if inside_gid is None else inside_gid
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside_uid} 1\n"),
        ("gid_map", f"{gid} {outside_gid} 1\n"),
    ):
        with open(f"/proc/self/{file}", "w") as stream:
            stream.write(text)


def die_with_parent() -> None:
    check(LIBC.prctl(PARENT_DEATH, int(signal.SIGKILL), 0, 0, 0), "prctl")


def drop_capabilities() -> None:
    header, nothing = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    check(LIBC.capset(header, nothing), "capset")


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some:
        request = struct.pack("16sH22x", b"lo", 0)
        flags = struct.unpack_from("16xH", fcntl.ioctl(some, GET_FLAGS, request))[0]
        fcntl.ioctl(some, SET_FLAGS, struct.pack("16sH22x", b"lo", flags | UP))


def write_info(wanted: Wanted, pid: int) -> None:
    fd = wanted.descriptor("--info-fd")
    if fd is not None:
        os.write(fd, json.dumps({"child-pid": pid}).encode())
        os.close(fd)


def exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    try:
        CODE = main(sys.argv[1:])
    except OSError as failure:
        os.write(2, f"sandbox: {failure}\n".encode())
        CODE = 1
    os._exit(CODE)
