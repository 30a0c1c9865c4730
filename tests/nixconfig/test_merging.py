"""Several definitions of one option: what wins, what is merged, what is an error."""

from __future__ import annotations

import pytest

from agents.nixconfig.evaluate import EvaluationFailed
from tests.nixconfig.conftest import Evaluate


def module(body: str, imports: str = "") -> str:
    return f"{{ config, lib, pkgs, ... }}: {{ imports = [ {imports} ]; {body} }}"


MERGES = [
    ("driver", 'lib.mkDefault "claude"', '"scripted"', "scripted"),
    ("driver", 'lib.mkForce "claude"', '"scripted"', "claude"),
    ("driver", 'lib.mkForce "claude"', 'lib.mkOverride 10 "acp"', "acp"),
    ("driver", '"claude"', '"claude"', "claude"),
    ("driver", 'lib.mkIf false "claude"', '"acp"', "acp"),
    ("driver", 'lib.mkIf true (lib.mkForce "claude")', '"acp"', "claude"),
    ("driver", 'lib.mkMerge [ (lib.mkIf true "claude") ]', 'lib.mkDefault "acp"', "claude"),
    ("allowedRecipients", '[ "alice" ]', '[ "bob" ]', ["alice", "bob"]),
    ("allowedRecipients", '[ "alice" ]', 'lib.mkBefore [ "bob" ]', ["bob", "alice"]),
    ("allowedRecipients", 'lib.mkAfter [ "alice" ]', '[ "bob" ]', ["bob", "alice"]),
    ("allowedRecipients", '[ "alice" ]', "lib.mkForce null", None),
    ("allowedRecipients", '[ "alice" ]', "lib.mkForce [ ]", []),
    ("environment", '{ A = "1"; }', '{ B = "2"; }', {"A": "1", "B": "2"}),
    ("environment", '{ A = lib.mkDefault "1"; }', '{ A = "2"; }', {"A": "2"}),
    ("environment", '{ A = "1"; }', 'lib.mkForce { B = "2"; }', {"B": "2"}),
    ("environment", '{ A = lib.mkIf false "1"; }', '{ B = "2"; }', {"B": "2"}),
    ("environment", 'lib.mkMerge [ { A = "1"; } (lib.mkIf true { C = "3"; }) ]', "{ }", {"A": "1", "C": "3"}),
    ("turnTimeout", "60", "60", 60),
]


@pytest.mark.parametrize(("option", "one", "two", "merged"), MERGES)
def test_an_import_comes_before_what_imports_it(
    evaluate: Evaluate, option: str, one: str, two: str, merged: object
) -> None:
    text = module(f"hyperhive.{option} = {two};", "./one.nix")
    assert evaluate(text, {"one.nix": module(f"hyperhive.{option} = {one};")}).options[option] == merged


CONFLICTS = [
    (
        "driver",
        '"claude"',
        '"acp"',
        r'hyperhive\.driver has two values: "claude" \(one\.nix\) and "acp" \(agent\.nix\)',
    ),
    ("turnTimeout", "1", "2", "put lib.mkForce before the one that counts"),
    ("environment", '{ A = "1"; }', '{ A = "2"; }', r"hyperhive\.environment\.A has two values"),
    ("allowedRecipients", "[ ]", "null", r"hyperhive\.allowedRecipients has two values"),
]


@pytest.mark.parametrize(("option", "one", "two", "text"), CONFLICTS)
def test_a_conflict_names_both(evaluate: Evaluate, option: str, one: str, two: str, text: str) -> None:
    body = module(f"hyperhive.{option} = {two};", "./one.nix")
    with pytest.raises(EvaluationFailed, match=text):
        evaluate(body, {"one.nix": module(f"hyperhive.{option} = {one};")})


def test_properties_around_whole_groups(evaluate: Evaluate) -> None:
    text = """
      { lib, ... }: {
        config = lib.mkMerge [
          { hyperhive = lib.mkDefault { driver = "claude"; gui.enable = true; memoryMax = "1G"; }; }
          (lib.mkIf true { hyperhive.driver = "acp"; })
          (lib.mkIf false { hyperhive.model = "never"; })
          { hyperhive.gui = lib.mkForce { enable = false; }; }
        ];
        options.mine = lib.mkOption { };
      }
    """
    options = evaluate(text).options
    assert [options[name] for name in ("driver", "model", "gui.enable", "memoryMax")] == ["acp", None, False, "1G"]


def test_a_module_can_be_a_property_itself(evaluate: Evaluate) -> None:
    assert evaluate('{ lib, ... }: lib.mkIf true { hyperhive.driver = "acp"; }').options["driver"] == "acp"


def test_options_can_be_read(evaluate: Evaluate) -> None:
    text = module(
        "hyperhive.gui.enable = true;"
        'hyperhive.environment.M = "${config.hyperhive.memoryMax} ${config.hyperhive.driver}";'
        "hyperhive.allowedRecipients = lib.mkIf config.hyperhive.gui.enable [ config.hyperhive.environment.A ];"
        'hyperhive.environment.A = "alice";'
    )
    options = evaluate(text).options
    assert options["environment"] == {"M": "2G scripted", "A": "alice"}
    assert options["allowedRecipients"] == ["alice"]


def test_imports_of_every_shape_are_taken_once(evaluate: Evaluate) -> None:
    text = module("", './a.nix ./folder { hyperhive.environment.INLINE = "1"; } ({ lib, ... }: { })')
    files = {
        "a.nix": '{ imports = [ ./agent.nix ./folder/default.nix ]; hyperhive.allowedRecipients = [ "alice" ]; }',
        "folder/default.nix": "{ imports = [ ../a.nix ]; hyperhive.environment.F = import ./value.nix; }",
        "folder/value.nix": "builtins.readFile ../prompt.md",
        "prompt.md": "Be kind.",
    }
    options = evaluate(text, files).options
    assert options["environment"] == {"F": "Be kind.", "INLINE": "1"}
    assert options["allowedRecipients"] == ["alice"]


def test_settings_without_effect_are_named_and_never_read(evaluate: Evaluate) -> None:
    text = module(
        "environment.systemPackages = with pkgs; [ git ripgrep ];"
        "services.nginx = lib.mkIf pkgs.stdenv.isLinux { enable = throw config.networking.hostName; };"
        "services.other.enable = true;"
        'networking = throw "never";'
        "programs = lib.mkIf config.unknown { fish.enable = true; };"
        "boot = 1 + { };"
        "hyperhive.egress = [ ];"
    )
    ignored = evaluate(text).ignored
    assert ignored[0] == "hyperhive.egress"
    assert set(ignored[1:]) == {"boot", "environment", "networking", "programs", "services"}


def test_names_are_told_two_deep_where_nothing_breaks(evaluate: Evaluate) -> None:
    text = module(
        "environment.systemPackages = [ pkgs.git ]; services.nginx.enable = true; services.a = throw 1;"
        'networking = throw "never"; programs = lib.mkIf config.unknown { fish.enable = true; };'
    )
    names = ["environment.systemPackages", "networking", "programs.fish", "services.a", "services.nginx"]
    assert evaluate(text).ignored == names
