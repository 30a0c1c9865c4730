"""How the program ends: 3 refused, 2 wrong usage, 1 failed, with one line or one JSON object on standard error."""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.hive import QuietHive


def test_a_refusal_is_one_line_for_people(hive: QuietHive) -> None:
    done = hive.hivectl("status", "bob")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "hivectl: there is no agent 'bob'\n")


def test_a_refusal_is_one_object_for_programs(hive: QuietHive) -> None:
    done = hive.hivectl("spawn", "alice", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    assert json.loads(done.stderr) == {"error": "alice is there already: start or rebuild it"}


def test_wrong_usage_is_one_object_too(hive: QuietHive) -> None:
    done = hive.hivectl("fly", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "invalid choice: 'fly'" in json.loads(done.stderr)["error"]


def test_a_hive_that_was_never_started_is_said_and_not_made() -> None:
    empty = QuietHive()
    try:
        done = empty.hivectl("list", "--json")
        assert done.returncode == 1
        assert "never been started" in json.loads(done.stderr)["error"]
        assert not (empty.root / "s").exists()
    finally:
        empty.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is turned into the hive's user")
def test_root_leaves_the_databases_to_the_hive(hive: QuietHive) -> None:
    hive.ask("send", "alice", "from root")
    owners = {
        entry.name: entry.owner() for entry in (hive.root / "s").iterdir() if entry.name.startswith("hive.sqlite")
    }
    assert set(owners.values()) == {"hyperhive"}
