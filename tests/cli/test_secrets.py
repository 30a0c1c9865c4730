from __future__ import annotations

import os

import pytest

from tests.cli.hive import QuietHive

VALUE = "s3cret-of-the-forge"


@pytest.fixture
def alice(hive: QuietHive) -> QuietHive:
    """With the folders that her container needs."""
    owner = (hive.root / "s/hive.sqlite").stat()
    for folder in ("claude", "secrets", "secrets/env"):
        path = hive.root / "s/agents/alice" / folder
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, owner.st_uid, owner.st_gid)
    return hive


def test_a_secret_goes_in_and_never_comes_out(alice: QuietHive) -> None:
    done = alice.ask("secret", "set", "alice", "FORGE_TOKEN", "--env", input=f"{VALUE}\n")
    assert (done["agent"], done["secret"], done["variable"]) == ("alice", "FORGE_TOKEN", True)
    assert (alice.root / "s/agents/alice/secrets/env/FORGE_TOKEN").read_text() == VALUE
    listed = alice.hivectl("secret", "list", "alice")
    assert "FORGE_TOKEN" in listed.stdout
    assert VALUE not in listed.stdout + str(alice.ask("secret", "list", "alice"))
    alice.ask("secret", "unset", "alice", "FORGE_TOKEN")
    assert alice.ask("secret", "list", "alice") == []
    assert alice.hivectl("audit", "verify").returncode == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("set", "alice"), "say which secret"),
        (("set", "alice", "PATH"), "cannot name a secret"),
        (("unset", "alice", "NOTHING"), "has no secret"),
        (("set", "nobody", "TOKEN"), "nobody"),
    ],
)
def test_what_makes_no_sense_is_refused(alice: QuietHive, words: tuple[str, ...], why: str) -> None:
    done = alice.hivectl("secret", *words, input=VALUE)
    assert done.returncode == 3
    assert why in done.stderr
    assert VALUE not in done.stdout + done.stderr
