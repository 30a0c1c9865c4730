"""The lock of the meta flake, made by a real Nix."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from agents.paths import Paths
from agents.repositories import lock
from agents.repositories.lock import LockFailed
from tests.repositories.builders import ORDINARY_UID, as_user
from tests.repositories.test_meta import STUB


@pytest.fixture
def flake(ordinary_paths: Paths) -> Path:
    """A flake with one input, readable for everybody, in a folder that an ordinary user can write."""
    root = ordinary_paths.state.parent
    (root / "hive").mkdir()
    shutil.copy(STUB, root / "hive" / "flake.nix")
    (root / "hive" / "flake.nix").chmod(0o644)
    for folder in (root, root / "hive"):
        folder.chmod(0o755)
    text = f'{{ inputs.hyperhive.url = "path:{root}/hive"; outputs = {{ hyperhive, ... }}: {{ '
    text += "nixosConfigurations = { }; }; }"
    as_user(ORDINARY_UID, lambda: (root / "state" / "flake.nix").write_text(text))
    return ordinary_paths.state


def test_an_ordinary_user_without_a_store_gets_one(flake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NIX_STORE_DIR", "NIX_REMOTE"):
        monkeypatch.delenv(name, raising=False)

    def work() -> None:
        text = lock.renewed(flake, flake / "nix", lambda _: None)
        assert json.loads(text)["nodes"]["hyperhive"]["locked"]["type"] == "path"
        (flake / "flake.lock").write_bytes(text)
        lock.check(flake, flake / "nix", lambda _: None, build=False)

    as_user(ORDINARY_UID, work)


def test_what_nix_says_is_the_reason(flake: Path) -> None:
    (flake / "flake.nix").write_text('{ inputs.hyperhive.url = "path:/no/such/flake"; outputs = _: { }; }')

    def work() -> None:
        with pytest.raises(LockFailed, match="no/such/flake"):
            lock.renewed(flake, flake / "nix", lambda _: None)

    as_user(ORDINARY_UID, work)


def test_without_nix_it_says_what_to_install(flake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(LockFailed, match="apt install nix-bin"):
        lock.renewed(flake, flake / "nix", lambda _: None)
