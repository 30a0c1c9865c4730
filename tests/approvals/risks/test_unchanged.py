"""What was approved before is not said again, unless something that it depends on has changed."""

from __future__ import annotations

import pytest

from tests.approvals.risks.builders import replacing, rules

BEFORE = """\
{ pkgs, ... }:
let
  url = "https://example.org/a";
in
{
  hyperhive.memoryMax = "2G";
  environment.systemPackages = [ (pkgs.fetchurl { inherit url; hash = "x"; }) ];
  boot.kernelModules = [ "a" ];
}
"""


def raised(old: str, new: str, text: str = BEFORE) -> set[str]:
    assert old in text
    return rules(replacing({"agent.nix": text.encode()}, {"agent.nix": text.replace(old, new).encode()}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"2G"', '"1G"'),
        ("{\n  hyperhive", "{\n  # a comment\n  hyperhive"),
        ("];\n}", "];\n  programs.git.enable = true;\n}"),
        ("  boot", "\n\n  boot"),
    ],
)
def test_a_change_elsewhere_raises_nothing(old: str, new: str) -> None:
    assert raised(old, new) == set()


def test_a_changed_statement_is_said_again() -> None:
    assert raised('"a" ]', '"b" ]') == {"privileges"}
    assert raised('hash = "x"', 'hash = "y"') == {"fetcher"}


def test_a_changed_variable_makes_all_of_it_new() -> None:
    assert raised("example.org/a", "example.org/b") == {"fetcher", "privileges"}


def test_statements_that_see_one_another_are_new_together() -> None:
    text = BEFORE.replace("in\n{", "in\nrec {")
    assert raised('"2G"', '"1G"', text) == {"fetcher", "privileges"}
    text = BEFORE.replace("inherit url", "url = config.hyperhive.project")
    assert raised('"2G"', '"1G"', text) == {"fetcher"}


def test_a_moved_file_is_new() -> None:
    data = BEFORE.encode()
    assert rules(replacing({"a.nix": data}, {"b.nix": data})) == {"fetcher", "privileges"}


def test_a_file_that_could_not_be_read_before_is_new() -> None:
    assert rules(replacing({"agent.nix": None}, {"agent.nix": BEFORE.encode()})) == {"fetcher", "privileges"}


def test_what_is_added_to_what_was_there_is_raised_alone() -> None:
    assert raised("];\n}", "];\n  security.sudo.enable = true;\n}") == {"privileges"}
