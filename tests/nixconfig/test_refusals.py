"""What agent.nix cannot do: each is a sentence for the one who wrote it."""

from __future__ import annotations

import pytest

from agents.nixconfig.evaluate import EvaluationFailed
from tests.nixconfig.conftest import Evaluate

TEXTS = [
    ("{ hyperhive.driver = 1 }", r"syntax error, unexpected '}', expecting ';' \(agent\.nix, line 1\)"),
    ("{\n hyperhive.driver = nonsense; }", r"undefined variable 'nonsense' \(agent\.nix, line 2\)"),
    ("{ lib }: { }", r"unexpected argument .*; write `\.\.\.` among the arguments"),
    ("{ inputs, ... }: { }", "asks for the argument inputs, which does not exist here"),
    ("[ ]", r"agent\.nix: a set of settings or a function that gives one is expected, not list"),
    ("{ config = { }; services = { }; }", "services stands beside config or options; move it into config"),
    ("{ imports = ./x.nix; }", "imports must be a list"),
    ("{ imports = [ ./absent.nix ]; }", r"absent\.nix does not exist"),
    ("{ imports = [ 1 ]; }", "is expected, not int"),
    ("{ disabledModules = [ ]; }", "disabledModules is not supported"),
    ("{ _module.args.x = 1; }", "_module is not supported"),
    ("{ hyperhive = 3; }", "a set of settings is expected, not int"),
    ("{ hyperhive.memMax = 1; }", r"hyperhive\.memMax does not exist; did you mean memoryMax\?"),
    ("{ hyperhive.gui.enabled = x: x; }", r"hyperhive\.gui\.enabled does not exist; did you mean gui\.enable\?"),
    ('{ hyperhive.memoryMax = "lots"; }', r"hyperhive\.memoryMax: 'lots' is not a size such as 512M or 2G"),
    ('throw "my own words: here"', "^my own words: here$"),
    ('{ hyperhive.model = abort "enough"; }', "enough"),
    ("{ hyperhive.model = assert false; null; }", "assertion 'false' failed"),
    ("{ options, ... }: { hyperhive.model = options.x; }", "the argument options cannot be read"),
    ("{ lib, ... }: { hyperhive.gui.enable = lib.mkIf 1 true; }", r"condition of lib\.mkIf must be true or false"),
    (
        '{ lib, ... }: { hyperhive.allowedTools = [ (lib.mkIf true "a") ]; }',
        r"allowedTools\[0\]: lib\.mkIf cannot stand",
    ),
    ("{ lib, ... }: { hyperhive.model = lib.mkOption { }; }", r"lib\.mkOption is not available"),
]


@pytest.mark.parametrize(("text", "message"), TEXTS)
def test_a_file_that_says_what_it_cannot(evaluate: Evaluate, text: str, message: str) -> None:
    with pytest.raises(EvaluationFailed, match=message):
        evaluate(text)


EXPRESSIONS = [
    ("x: x", r"hyperhive\.instructions: a function is not a value \(agent\.nix\)"),
    ("./agent.nix", "a path is not a value; builtins.readFile"),
    ('"${./agent.nix}"', "would be copied to the Nix store"),
    ('"${pkgs.git}/bin/git"', r"pkgs\.git has no value here"),
    ("with pkgs; toString ripgrep", r"pkgs\.ripgrep has no value here"),
    ("lib.foldAttrs", r"lib\.foldAttrs is not available"),
    ("lib.types.str", r"lib\.types is not available"),
    ("config.networking.hostName", r"config\.networking cannot be read here: only config\.hyperhive"),
    ("config.hyperhive.instructions", "depends on itself"),
    ("let x = x; in x", "depends on itself"),
    ("let f = x: 1 + f (x + 1); in toString (f 1)", "calls itself without end"),
    ('builtins.concatStringsSep "" (builtins.genList (x: "0123456789") 300000)', "at most 1 MiB"),
    ("toString (builtins.foldl' (a: b: a + b) 0 (builtins.genList (x: x) 900000000))", "too much memory"),
    ("toString builtins.currentTime", r"builtins\.currentTime is not available"),
    ("toString __currentTime", r"builtins\.currentTime is not available"),
    ("builtins.currentSystem", r"builtins\.currentSystem is not available"),
    ('builtins.getEnv "HOME"', r"builtins\.getEnv is not available"),
    ('builtins.exec [ "id" ]', r"builtins\.exec is not available"),
    ('(builtins.fetchTree { type = "path"; path = "/"; }).outPath', r"builtins\.fetchTree is not available"),
    ('fetchTarball "https://example.org/x"', r"builtins\.fetchTarball is not available"),
    ('fetchGit "/"', r"builtins\.fetchGit is not available"),
    ('builtins.getFlake "/"', r"builtins\.getFlake is not available"),
    ('builtins.toFile "x" "y"', r"builtins\.toFile is not available"),
    ('builtins.path { path = "/"; }', r"builtins\.path is not available"),
    ("builtins.scopedImport { } ./agent.nix", r"builtins\.scopedImport is not available"),
    ("builtins.builtins.currentSystem", r"builtins\.currentSystem is not available"),
    (
        'import (derivation { name = "x"; builder = "/bin/sh"; system = "x"; })',
        r"builtins\.derivation is not available",
    ),
    ('(builtins.derivationStrict { name = "x"; }).out', r"builtins\.derivationStrict is not available"),
    ("(import <nixpkgs> { }).hello", "<nixpkgs> is not available"),
    ("builtins.readFile /etc/passwd", "/etc/passwd lies outside the agent's files"),
    ('builtins.readFile "/tree/../etc/passwd"', "/etc/passwd lies outside the agent's files"),
    ("builtins.readFile /evaluator/default.nix", "lies outside the agent's files"),
    ("builtins.readFile ../x", "lies outside the agent's files"),
    ('builtins.readFile "relative"', "a path such as ./file is needed"),
    ("toString (builtins.attrNames (builtins.readDir /.))", "lies outside the agent's files"),
    ("toString (builtins.pathExists /treenot)", "lies outside the agent's files"),
    ("import /etc/passwd", "lies outside the agent's files"),
    ("import ../..", "lies outside the agent's files"),
]


@pytest.mark.parametrize(("expression", "message"), EXPRESSIONS)
def test_an_expression_that_reaches_too_far(evaluate: Evaluate, expression: str, message: str) -> None:
    with pytest.raises(EvaluationFailed, match=message) as caught:
        evaluate(f"{{ config, lib, pkgs, ... }}: {{ hyperhive.instructions = {expression}; }}")
    assert "/tree/agent.nix" not in str(caught.value)


def test_imports_stay_in_the_tree(evaluate: Evaluate) -> None:
    with pytest.raises(EvaluationFailed, match="imports: / lies outside the agent's files"):
        evaluate("{ imports = [ ../.. ]; }")


def test_what_takes_too_long_is_ended(evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.nixconfig.evaluate.TIMEOUT", 1.0)
    loop = "let f = n: if n == 0 then 0 else f (n - 1) + f (n - 1); in f 60"
    with pytest.raises(EvaluationFailed, match="takes too long"):
        evaluate(f"{{ hyperhive.turnTimeout = {loop}; }}")
