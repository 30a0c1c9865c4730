"""POSIX access control lists of files, in the kernel's own form (acl(5), linux/posix_acl_xattr.h).

Only what the hive needs: give one user id access to one file or folder, and let a folder pass it on to what is made
in it.
"""

from __future__ import annotations

import os
import stat
import struct
from errno import ENODATA, ENOTSUP
from pathlib import Path

_ACCESS, _DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
_VERSION = struct.pack("<I", 2)
_ENTRY = struct.Struct("<HHI")
_OWNER, _USER, _GROUP, _NAMED_GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_BITS = {"r": 4, "w": 2, "x": 1}

Entries = dict[tuple[int, int], int]
"""(tag, id) → permission bits"""


class AclUnsupported(OSError):
    """The file system keeps no access control lists."""


def grant(path: Path | str | int, uid: int, perms: str) -> None:
    """Give `uid` exactly `perms` (of `rwx`; `-` means nothing) on one file or folder.

    `path` is never followed when it is a link; it may be a descriptor. The owner's own mode bits are
    left alone. Raises `AclUnsupported`, `OSError`.
    """
    if _status(path).st_uid != uid:
        entries = _read(path, _ACCESS) or _from_mode(_status(path).st_mode)
        _write(path, _ACCESS, _with(entries, {uid: perms}))


def pass_on(folder: Path | str | int, perms: dict[int, str]) -> None:
    """Give each user id its `perms` on a folder and on everything that will be made in it, whoever makes it."""
    status = _status(folder)
    others = {uid: text for uid, text in perms.items() if uid != status.st_uid}
    _write(folder, _ACCESS, _with(_read(folder, _ACCESS) or _from_mode(status.st_mode), others))
    base = {(_OWNER, _NO_ID): 7, (_GROUP, _NO_ID): 0, (_OTHER, _NO_ID): 0}
    _write(folder, _DEFAULT, _with(base, perms))


def permissions(path: Path | str | int, uid: int) -> str | None:
    """What the list says of `uid`, such as `rx`; None when it does not name it."""
    bits = (_read(path, _ACCESS) or {}).get((_USER, uid))
    return None if bits is None else "".join(letter for letter, bit in _BITS.items() if bits & bit)


def _with(entries: Entries, perms: dict[int, str]) -> Entries:
    changed = dict(entries)
    for uid, text in perms.items():
        changed[(_USER, uid)] = sum(_BITS[letter] for letter in set(text) - {"-"})
    mask = 0
    for (tag, _), bits in changed.items():
        if tag in (_USER, _GROUP, _NAMED_GROUP):
            mask |= bits
    changed[(_MASK, _NO_ID)] = mask
    return changed


def _from_mode(mode: int) -> Entries:
    bits = stat.S_IMODE(mode)
    return {(_OWNER, _NO_ID): bits >> 6 & 7, (_GROUP, _NO_ID): bits >> 3 & 7, (_OTHER, _NO_ID): bits & 7}


def _status(path: Path | str | int) -> os.stat_result:
    return os.fstat(path) if isinstance(path, int) else os.lstat(path)


def _read(path: Path | str | int, kind: str) -> Entries | None:
    try:
        raw = os.getxattr(path, kind, **_nofollow(path))
    except OSError as error:
        if error.errno == ENODATA:
            return None
        raise _explained(path, error) from error
    return {(tag, number): bits for tag, bits, number in _ENTRY.iter_unpack(raw[len(_VERSION) :])}


def _write(path: Path | str | int, kind: str, entries: Entries) -> None:
    raw = _VERSION + b"".join(_ENTRY.pack(tag, bits, number) for (tag, number), bits in sorted(entries.items()))
    try:
        os.setxattr(path, kind, raw, **_nofollow(path))
    except OSError as error:
        raise _explained(path, error) from error


def _nofollow(path: Path | str | int) -> dict[str, bool]:
    return {} if isinstance(path, int) else {"follow_symlinks": False}


def _explained(path: Path | str | int, error: OSError) -> OSError:
    if error.errno != ENOTSUP:
        return error
    return AclUnsupported(
        error.errno,
        "the file system keeps no access control lists (POSIX ACL); put HYPERHIVE_STATE_ROOT and "
        "HYPERHIVE_RUNTIME_ROOT on ext4, xfs, btrfs or tmpfs, or mount this one with 'acl'",
        str(path),
    )
