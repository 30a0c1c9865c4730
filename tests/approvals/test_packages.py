"""Which packages a text asks for, and which changes do nothing but add some."""

from __future__ import annotations

import pytest

from approvals import packages

BEFORE = "{ pkgs, lib, ... }:\n{\n  environment.systemPackages = with pkgs; [ git ];\n}\n"


def added(new: str, old: str = BEFORE) -> frozenset[str] | None:
    return packages.only_added({"agent.nix": old}, {"agent.nix": new})


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("with pkgs; [ git jq ]", ["jq"]),
        ("with pkgs; [ git python3Packages.requests ]", ["python3Packages.requests"]),
        ("with pkgs; [ git ] ++ [ pkgs.jq ]", ["jq"]),
        (
            "with pkgs; [ git (python3.withPackages (p: [ p.numpy ])) ]",
            ["( python3 . withPackages ( p : [ p . numpy ] ) )"],
        ),
        ("lib.optionals true (with pkgs; [ git jq ])", ["jq"]),
        ("with pkgs; [ ]", []),
    ],
)
def test_what_a_text_asks_for(written: str, names: list[str]) -> None:
    new = BEFORE.replace("with pkgs; [ git ]", written)
    assert packages.compare({"agent.nix": BEFORE}, {"agent.nix": new}).added == names


def test_what_goes_is_named_too() -> None:
    change = packages.compare({"agent.nix": BEFORE}, {"agent.nix": "{ }"})
    assert (change.added, change.removed) == ([], ["git"])


@pytest.mark.parametrize(
    "new",
    [
        BEFORE.replace("git ]", "git jq ripgrep ]"),
        BEFORE.replace("git ]", "pkgs.jq git\n    ripgrep # why not\n  ]"),
    ],
)
def test_a_change_that_only_adds_packages(new: str) -> None:
    assert added(new) == frozenset({"jq", "ripgrep"})


@pytest.mark.parametrize(
    "new",
    [
        BEFORE.replace("git ]", "jq ]"),
        BEFORE.replace("git ]", "git (jq) ]"),
        BEFORE.replace("git ]", "git ./jq ]"),
        BEFORE.replace("git ]", 'git "jq" ]'),
        BEFORE.replace("git ]", "git lib.jq ]").replace("with pkgs; ", ""),
        BEFORE.replace("git ]", 'git jq ];\n  hyperhive.memoryMax = "4G";\n  x = [ ]'),
        BEFORE.replace("with pkgs", "with other"),
        BEFORE.replace("systemPackages", "systemPackagez"),
        "let jq = ./evil; in " + BEFORE.replace("git ]", "git jq ]"),
    ],
)
def test_a_change_that_does_more_or_may(new: str) -> None:
    assert added(new) is None


@pytest.mark.parametrize(
    "around", ["let jq = ./evil; in {}", "let inherit (evil) jq; in {}", "jq: {}", "with evil; {}"]
)
def test_a_name_that_may_mean_something_else_is_no_package(around: str) -> None:
    old = around.replace("{}", BEFORE.partition(":\n")[2])
    assert added(old.replace("git ]", "git jq ]"), old) is None
    assert added(old.replace("git ]", "git pkgs.hello ]"), old) == frozenset({"hello"})


def test_pkgs_that_is_another_set_is_no_source_of_packages() -> None:
    old = "let pkgs = evil; in " + BEFORE
    assert added(old.replace("git ]", "git pkgs.jq ]"), old) is None


def test_other_files_have_to_stay_as_they_are() -> None:
    new = BEFORE.replace("git ]", "git jq ]")
    assert packages.only_added({"agent.nix": BEFORE}, {"agent.nix": new, "x": "1"}) is None
    assert packages.only_added({"agent.nix": BEFORE, "x": "1"}, {"agent.nix": new, "x": "2"}) is None
    assert packages.only_added({"agent.nix": BEFORE, "x": None}, {"agent.nix": new, "x": None}) is None
    assert packages.only_added({"agent.nix": BEFORE, "x": "1"}, {"agent.nix": new, "x": "1"}) == frozenset({"jq"})


def test_nothing_changed_adds_nothing() -> None:
    assert added(BEFORE) == frozenset()
