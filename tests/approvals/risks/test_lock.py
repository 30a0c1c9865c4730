"""What changes from one lock of the shared inputs to the next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.risks.lock import lock_changes


def lock(**inputs: dict[str, Any]) -> str:
    nodes = {name: {"locked": locked} for name, locked in inputs.items()}
    return json.dumps({"nodes": {**nodes, "root": {"inputs": {name: name for name in inputs}}}, "version": 7})


NIXPKGS = {"type": "github", "owner": "NixOS", "repo": "nixpkgs", "rev": "a" * 40}


def test_a_newer_revision_is_a_notice() -> None:
    (flag,) = lock_changes(lock(nixpkgs=NIXPKGS), lock(nixpkgs={**NIXPKGS, "rev": "b" * 40}))
    assert (flag.level, flag.where) == ("notice", "inputs.nixpkgs")
    assert flag.text == 'From "aaaaaaaaaaaa" to "bbbbbbbbbbbb". Every agent is built from it.'


@pytest.mark.parametrize("other", [{"owner": "evil"}, {"repo": "nixpkgz"}, {"type": "git", "url": "https://x"}])
def test_another_source_is_high(other: dict[str, str]) -> None:
    (flag,) = lock_changes(lock(nixpkgs=NIXPKGS), lock(nixpkgs={**NIXPKGS, **other}))
    assert (flag.rule, flag.level) == ("lock-input", "high")


def test_a_new_input_is_high_and_comes_first() -> None:
    flags = lock_changes(lock(nixpkgs=NIXPKGS), lock(nixpkgs={**NIXPKGS, "rev": "b" * 40}, zzz=NIXPKGS))
    assert [(flag.level, flag.where) for flag in flags] == [("high", "inputs.zzz"), ("notice", "inputs.nixpkgs")]


def test_the_first_lock_has_new_inputs_only() -> None:
    assert [flag.level for flag in lock_changes(None, lock(nixpkgs=NIXPKGS))] == ["high"]


def test_what_stays_and_what_goes_raises_nothing() -> None:
    assert lock_changes(lock(nixpkgs=NIXPKGS, old=NIXPKGS), lock(nixpkgs=NIXPKGS)) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nodes": 3}', '{"nodes": {"a": 1}}'])
def test_what_cannot_be_read_is_high(text: str) -> None:
    assert [flag.rule for flag in lock_changes(None, text or "x")] == ["lock"]


def test_names_are_cited_so_that_nothing_hides() -> None:
    (flag,) = lock_changes(None, lock(**{"nix\u202epkgs": NIXPKGS}))
    assert flag.where.isascii()
