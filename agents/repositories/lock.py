"""The lock of the meta flake: which revision of every shared input the agents are built from. Nix makes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from agents import command

NAME = "flake.lock"
TIMEOUT = 1800.0
_MAX = 4 * 1024 * 1024
_STORES = (Path("/nix/var/nix/daemon-socket/socket"), Path("/nix/var/nix/db"))
_FEATURES = "experimental-features = nix-command flakes\nflake-registry =\n"

Log = Callable[[str], None]


class LockFailed(Exception):
    """Nix could not make or use the lock; the text is its own."""


def renewed(flake: Path, scratch: Path, log: Log) -> bytes:
    """The lock of the flake in this folder with every input as it is now. Raises `LockFailed`."""
    (flake / NAME).unlink(missing_ok=True)
    _nix(scratch, log, "flake", "lock", f"path:{flake}")
    text = (flake / NAME).read_bytes() if (flake / NAME).exists() else b""
    if len(text) > _MAX:
        raise LockFailed(f"the lock has {len(text)} bytes; the limit is {_MAX}")
    return text


def check(flake: Path, scratch: Path, log: Log, *, build: bool) -> None:
    """Read the flake with exactly the lock in it; with `build` build every agent. Raises `LockFailed`."""
    fixed = "--no-update-lock-file"
    names = _nix(scratch, log, "eval", fixed, "--raw", f"path:{flake}#nixosConfigurations", "--apply", _JOINED).split()
    log(f"The flake can be read with this lock: {len(names)} agents.")
    for name in names if build else ():
        log(f"Building {name}.")
        toplevel = f'path:{flake}#nixosConfigurations."{name}".config.system.build.toplevel'
        _nix(scratch, log, "build", fixed, "--no-link", toplevel)


_JOINED = (
    'agents: builtins.concatStringsSep " " (map (name: builtins.seq agents.${name} name) (builtins.attrNames agents))'
)


def _nix(scratch: Path, log: Log, *words: str) -> str:
    """Run nix and return what it wrote to its standard output; what it says goes to the log."""
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        done = command.run(["nix", *words], timeout=TIMEOUT, env=_environment(scratch), cwd=scratch, on_output=log)
    except command.CommandFailed as error:
        if error.code == 127:
            raise LockFailed("there is no Nix on this machine: install nix-bin (apt install nix-bin)") from error
        raise LockFailed(error.stderr[-4000:] or str(error)) from error
    return done.text


def _environment(scratch: Path) -> dict[str, str]:
    """Nix as its variables say; without a store that can be written or a daemon it gets one of its own."""
    given = {name: value for name, value in os.environ.items() if name.startswith("NIX_")}
    config = _FEATURES + given.pop("NIX_CONFIG", "")
    if not {"NIX_STORE_DIR", "NIX_REMOTE"} & set(given) and not _has_store():
        given |= {f"NIX_{part}_DIR": str(scratch / part.lower()) for part in ("STORE", "STATE", "LOG", "CONF")}
        config += "sandbox = false\nbuild-users-group =\n"
    return command.clean_environment(HOME=str(scratch), USER="hive", NIX_CONFIG=config, **given)


def _has_store() -> bool:
    """Whether there is a daemon to ask, or a store of the machine's that this user can write itself."""
    return any(os.access(path, os.W_OK) for path in _STORES)
