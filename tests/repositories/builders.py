"""Repositories and packs for tests: honest ones, and hostile ones that no git would make."""

from __future__ import annotations

import hashlib
import os
import tempfile
import traceback
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from agents import command, naming
from agents.paths import Paths
from agents.repositories import proposed
from agents.repositories.git import isolation

ORDINARY_UID = 54321 if os.geteuid() == 0 else os.geteuid()
AGENT_NIX = '{ hyperhive.driver = "scripted"; }\n'


def seeded(paths: Paths, name: str = "alice", text: str = AGENT_NIX) -> Path:
    proposed.seed_proposed(paths, name, text)
    return paths.proposed(name)


def run_git(folder: Path, *arguments: str, input: bytes | None = None) -> str:
    env = isolation()
    number = int(env["GIT_CONFIG_COUNT"])
    trusted = {f"GIT_CONFIG_KEY_{number}": "safe.directory", f"GIT_CONFIG_VALUE_{number}": "*"}
    env = command.clean_environment(**{**env, **trusted, "GIT_CONFIG_COUNT": str(number + 1)})
    return command.run(["git", *arguments], timeout=30, env=env, cwd=folder, input=input).text


def commit_files(folder: Path, files: dict[str, bytes], message: str = "A change") -> str:
    """Commit files as the manager would."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    run_git(folder, "add", "--all", "--force")
    run_git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return handed_over(folder)


def commit_tree(folder: Path, entries: Iterable[tuple[str, str, bytes | str]]) -> str:
    """Commit a tree of (mode, name, content or object id), whatever it holds."""
    lines = []
    for mode, name, content in entries:
        oid = content if isinstance(content, str) else run_git(folder, "hash-object", "-w", "--stdin", input=content)
        kind = {"160000": "commit", "040000": "tree"}.get(mode, "blob")
        lines.append(f"{mode} {kind} {oid}\t{name}\0")
    tree = run_git(folder, "mktree", "-z", "--missing", input="".join(lines).encode())
    commit = run_git(folder, "commit-tree", tree, input=b"Hostile")
    run_git(folder, "update-ref", "HEAD", commit)
    handed_over(folder)
    return commit


def handed_over(folder: Path) -> str:
    """Give everything to the manager, as it is when the manager wrote it; return HEAD where there is one."""
    if os.geteuid() == 0:
        owner = naming.host_uid(naming.MANAGER)
        for where, folders, files in os.walk(folder):
            for name in [".", *folders, *files]:
                os.chown(Path(where, name), owner, owner, follow_symlinks=False)
    try:
        return run_git(folder, "rev-parse", "--verify", "HEAD")
    except command.CommandFailed:
        return ""


def emitted(paths: Paths, ref: str, name: str = "alice") -> Path:
    """The pack that the repository gives for `ref`, in a file."""
    with tempfile.NamedTemporaryFile(dir=paths.state, suffix=".pack", delete=False) as file:
        proposed.emit_objects(paths, name, ref, file.fileno())
    return Path(file.name)


COMMIT, TREE, BLOB, OFFSET_DELTA, REFERENCE_DELTA = 1, 2, 3, 6, 7
_KINDS = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob"}


def object_id(kind: int, body: bytes) -> str:
    return hashlib.sha1(b"%s %d\0%s" % (_KINDS[kind], len(body), body), usedforsecurity=False).hexdigest()


def commit_body(tree: str, message: str = "x") -> bytes:
    who = "a <a@b> 1 +0000"
    return f"tree {tree}\nauthor {who}\ncommitter {who}\n\n{message}\n".encode()


def tree_body(*entries: tuple[str, str, str]) -> bytes:
    """A tree object of (mode, name, id), in the order given."""
    return b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for mode, name, oid in entries)


def packed_object(kind: int, size: int, deflated: bytes) -> bytes:
    byte, size = (kind << 4) | (size & 15), size >> 4
    head = bytearray()
    while size:
        head.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    return bytes([*head, byte]) + deflated


def pack_of(*objects: bytes) -> bytes:
    body = b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big") + b"".join(objects)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def handmade(files: dict[str, bytes], *, message: str = "x") -> tuple[bytes, str]:
    """(pack, commit) of a tree with these names, whatever they are; all in one folder."""
    blobs = {name: object_id(BLOB, data) for name, data in files.items()}
    tree = tree_body(*(("100644", name, blobs[name]) for name in sorted(files)))
    commit = commit_body(object_id(TREE, tree), message)
    parts = [(BLOB, data) for data in files.values()] + [(TREE, tree), (COMMIT, commit)]
    return plain_pack(parts), object_id(COMMIT, commit)


def plain_pack(parts: Iterable[tuple[int, bytes]]) -> bytes:
    return pack_of(*(packed_object(kind, len(body), zlib.compress(body)) for kind, body in parts))


def zeros(size: int) -> bytes:
    """A zlib stream of `size` (a multiple of a mebibyte) zero bytes, made without inflating it."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = engine.compress(bytes(1 << 20)) + engine.flush(zlib.Z_FULL_FLUSH)
    checksum = ((size % 65521) << 16) | 1
    return b"\x78\xda" + block * (size >> 20) + b"\x03\x00" + checksum.to_bytes(4, "big")


def delta_of(source: int, result: int) -> bytes:
    """A delta that claims to make `result` bytes of `source` bytes."""
    return _varint(source) + _varint(result) + b"\x90\x01" * 8


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def as_user(uid: int, function: Callable[[], Any]) -> None:
    """Run `function` in a forked process that is an ordinary user; what it raises fails the test with its traceback."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        report = b""
        try:
            if uid != os.geteuid():
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
            function()
        except BaseException:  # noqa: BLE001 -- told to the parent
            report = traceback.format_exc().encode()
        os.write(writing, report or b"ok")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        report = stream.read()
    os.waitpid(child, 0)
    assert report == b"ok", report.decode()
