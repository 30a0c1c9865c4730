"""The closed table: what is not exactly right is refused before anything is touched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from agents.containers import privileged, verbs
from agents.containers.folders import Owners
from agents.containers.protocol import VerbFailed, VerbRefused
from tests.containers.hive import Hive, spec

BAD_NAMES = ["..", "a/b", "/etc", "A", "", "abcdefghij", "аlice", "nobody", None, 7, ["alice"], "a\0b", "-a"]
REST: dict[str, dict[str, Any]] = {
    "prepare": {},
    "stop": {"grace": 1},
    "drain": {},
    "freeze": {},
    "thaw": {},
    "destroy": {},
    "purge": {},
    "seed_proposed": {"text": "{ }"},
    "head_commit": {},
    "emit_objects": {"commit_ref": "abcdef1"},
}


def perform(hive: Hive, verb: str, **arguments: Any) -> Any:
    return verbs.perform(verbs.Context(hive.paths, Owners.this_process(), 1), verb, arguments)


@pytest.mark.parametrize("verb", REST)
def test_a_bad_name_is_refused_by_every_verb(hive: Hive, verb: str) -> None:
    for name in BAD_NAMES:
        with pytest.raises(VerbRefused):
            perform(hive, verb, name=name, **REST[verb])
    assert list(hive.root.iterdir()) == []


def test_every_verb_is_covered_here() -> None:
    assert set(verbs.VERBS) == {*REST, "start", "evaluate", "hold"}


@pytest.mark.parametrize("verb", ["", "Start", "read_log", "__class__", "perform"])
def test_there_are_no_other_verbs(hive: Hive, verb: str) -> None:
    with pytest.raises(VerbRefused, match="not a verb"):
        perform(hive, verb)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("prepare", {}),
        ("prepare", {"name": "alice", "path": "/etc"}),
        ("stop", {"name": "alice", "grace": "1"}),
        ("stop", {"name": "alice", "grace": -1}),
        ("stop", {"name": "alice", "grace": 1e9}),
        ("stop", {"name": "alice", "grace": True}),
        ("stop", {"name": "alice", "grace": float("nan")}),
        ("seed_proposed", {"name": "alice", "text": 7}),
        ("evaluate", {"job_id": "1/../../x"}),
        ("evaluate", {"job_id": -1}),
        ("evaluate", {"job_id": True}),
        ("start", {"spec": None}),
        ("start", {"spec": {**spec().to_json(), "environment": {"A B": "c"}}}),
        ("start", {"spec": {**spec().to_json(), "command": ["/bin/sh"]}}),
        ("start", {"spec": {**spec().to_json(), "name": "../x"}}),
    ],
)
def test_wrong_arguments_are_refused(hive: Hive, verb: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(VerbRefused):
        perform(hive, verb, **arguments)
    assert list(hive.root.iterdir()) == []


def test_without_a_helper_a_call_is_done_here(hive: Hive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(privileged.HELPER_FD, raising=False)
    privileged.call_for(hive.paths, "prepare", name="alice")
    assert hive.paths.notes("alice").is_dir()


def test_a_folder_that_is_a_link_is_refused(hive: Hive, tmp_path: Path) -> None:
    hive.containers.create("bob")
    hive.paths.agent("alice").mkdir()
    hive.paths.notes("alice").symlink_to(tmp_path)
    with pytest.raises(VerbFailed, match="not a link"):
        perform(hive, "prepare", name="alice")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("names", "frozen"),
    [("alice", True), (["alice", "../x"], True), (["alice"], 1), (["x"] * 501, True), ([None], False)],
)
def test_holding_takes_names_alone(hive: Hive, names: Any, frozen: Any) -> None:
    with pytest.raises(VerbRefused):
        perform(hive, "hold", names=names, frozen=frozen)
