"""Changes from a real repository, and flags as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.repositories.applied import Applied
from approvals.risks import Change, Flag, assess
from approvals.risks.change import MAX_FILE
from tests.approvals.risks.builders import HOSTILE, OPTIONS, adding
from tests.repositories.builders import handmade


@pytest.fixture
def applied(tmp_path: Path) -> Applied:
    repository = Applied(tmp_path / "alice")
    repository.ensure()
    return repository


def pinned(applied: Applied, number: int, files: dict[str, bytes]) -> str:
    pack, commit = handmade(files)
    file = applied.path.with_suffix(".pack")
    file.write_bytes(pack)
    return applied.receive(file, commit, tag=f"proposal/{number}").commit


def test_a_first_spawn_has_nothing_before(applied: Applied) -> None:
    commit = pinned(applied, 1, {"agent.nix": b"{ }\n"})
    change = Change.from_repository(applied, None, commit, None, OPTIONS)
    assert change.before == {}
    assert change.after["agent.nix"][:2] == ("100644", b"{ }\n")
    assert assess(change) == []


def test_only_what_differs_is_read(applied: Applied) -> None:
    large = b"x" * (MAX_FILE + 1)
    base = pinned(applied, 1, {"agent.nix": b"{ }\n", "same": b"\0", "large": large})
    commit = pinned(applied, 2, {"agent.nix": b"{ }\n# b\n", "same": b"\0", "large": large})
    change = Change.from_repository(applied, base, commit, OPTIONS, OPTIONS)
    assert [path for path, _, _ in change.written()] == ["agent.nix"]
    assert change.after["same"].content is None
    assert assess(change) == []


def test_a_larger_file_is_flagged_when_it_changes(applied: Applied) -> None:
    base = pinned(applied, 1, {"agent.nix": b"{ }\n", "large": b"x" * (MAX_FILE + 1)})
    commit = pinned(applied, 2, {"agent.nix": b"{ }\n", "large": b"y" * (MAX_FILE + 1)})
    flags = assess(Change.from_repository(applied, base, commit, OPTIONS, OPTIONS, backend="nixos"))
    assert [(flag.rule, flag.where) for flag in flags] == [("too-large", "large")]


def test_a_flag_goes_through_json() -> None:
    flag = Flag("mode", "notice", "x", "It is ü.")
    assert Flag.from_json(json.loads(json.dumps(flag.to_json()))) == flag


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"rule": "a", "level": "low", "where": "b", "text": "c"},
        {"rule": 1, "level": "high", "where": "", "text": ""},
    ],
)
def test_other_json_is_no_flag(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"flag|level"):
        Flag.from_json(data)


def test_high_comes_first_and_the_order_is_the_same_each_time() -> None:
    files = {file.name: file.read_bytes() for file in HOSTILE.glob("*.nix")}
    flags = assess(adding(files, network="host", memoryMax="4G"))
    levels = [flag.level for flag in flags]
    assert levels == sorted(levels)
    assert flags == assess(adding(dict(reversed(files.items())), memoryMax="4G", network="host"))
    assert len(flags) == len(set(flags))


def test_a_flag_cites_nothing_that_hides() -> None:
    files = {file.name: file.read_bytes() for file in HOSTILE.glob("*.nix")}
    assert all(flag.text.isascii() and flag.text.isprintable() for flag in assess(adding(files)))
    assert all(flag.text.endswith(".") for flag in assess(adding(files)))
