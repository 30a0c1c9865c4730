"""Each trick is one file in `hostile/`; every rule that it must raise, and no other."""

from __future__ import annotations

import pytest

from tests.approvals.risks.builders import HOSTILE, adding, rules

EXPECTED: dict[str, set[str]] = {
    "absolute-path": {"outside-path"},
    "activation": {"privileges"},
    "after-bare-return": {"exec", "invisible"},
    "aliased-builtins": {"indirect-builtin", "exec"},
    "bidi-comment": {"invisible"},
    "boot": {"privileges"},
    "builtin-by-text": {"indirect-builtin"},
    "comment-that-ends": {"fetcher"},
    "computed-builtin": {"indirect-builtin"},
    "computed-name-constant": {"fetcher"},
    "cyrillic-code": {"non-ascii-code"},
    "cyrillic-host": {"confusable"},
    "cyrillic-name": {"confusable"},
    "disabled-module": {"inputs"},
    "encoded": {"encoded"},
    "environment-of-host": {"impure"},
    "escape-sequence": {"invisible"},
    "escaped-name": {"fetcher"},
    "exec": {"exec"},
    "exec-underscored": {"exec"},
    "far-right": {"gap"},
    "fetch-tarball": {"fetcher"},
    "firewall": {"privileges"},
    "firewall-nested": {"privileges"},
    "fixed-output": {"open-build"},
    "from-github": {"fetcher"},
    "get-flake": {"fetcher"},
    "harness-unit": {"root-service"},
    "home-path": {"outside-path"},
    "import-from-build": {"import-from-derivation"},
    "import-from-package": {"import-from-derivation"},
    "import-from-variable": {"import-from-derivation"},
    "import-of-variable": {"computed-import"},
    "inherited-fetcher": {"fetcher"},
    "inputs-argument": {"input-words"},
    "inputs-of-all-arguments": {"input-words"},
    "interpolated-parent": {"outside-text"},
    "long-line": {"long-line"},
    "modules-of-nixpkgs": {"nixpkgs-path"},
    "no-break-space": {"invisible"},
    "no-chroot": {"open-build"},
    "not-nix-name": {"import-not-nix"},
    "option-by-path": {"computed-option"},
    "option-computed": {"computed-option"},
    "overlay": {"inputs"},
    "parent-path": {"outside-path"},
    "preload-variable": {"privileges"},
    "read-absolute-text": {"outside-text"},
    "replaced-argument": {"inputs"},
    "root-and-text": {"outside-path"},
    "root-unit": {"root-service"},
    "root-unit-exec": {"root-service"},
    "search-path": {"outside-path"},
    "setuid-wrapper": {"privileges"},
    "store-path": {"exec"},
    "string-that-ends": {"exec"},
    "sudoers-file": {"privileges"},
    "tag-characters": {"invisible"},
    "text-after-path": {"outside-text"},
    "text-import": {"outside-text"},
    "text-in-variable": {"outside-text"},
    "time-bomb": {"impure"},
    "trusted-user": {"privileges"},
    "underscored": {"fetcher"},
    "unit-forced-root": {"root-service"},
    "unit-imported": {"root-service"},
    "unit-plus": {"root-service"},
    "users": {"privileges"},
    "users-imported-module": {"privileges"},
    "users-in-let": {"privileges"},
    "users-inherited": {"privileges"},
    "users-nested": {"privileges"},
    "users-quoted": {"privileges"},
    "users-specialisation": {"privileges"},
    "variation-selectors": {"invisible"},
    "virtualisation": {"privileges"},
    "whole-networking": {"whole-set"},
    "with-builtins": {"fetcher"},
    "zero-width": {"invisible"},
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_it_raises_exactly_these(name: str) -> None:
    text = (HOSTILE / f"{name}.nix").read_bytes()
    assert rules(adding({"agent.nix": text, "notes.txt": b"{ }", "other.nix": b"{ }"})) == EXPECTED[name]


def test_every_sample_has_its_row() -> None:
    assert {file.stem for file in HOSTILE.glob("*.nix")} == set(EXPECTED)


def test_no_sample_explains_itself() -> None:
    for file in HOSTILE.glob("*.nix"):
        assert "hostile" not in file.read_text().lower()
