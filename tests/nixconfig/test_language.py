"""The part of Nix and of nixpkgs' lib that agent.nix can use gives what it gives there."""

from __future__ import annotations

import json
from collections.abc import Callable

EXPRESSIONS = {
    'lib.concatStringsSep "," (lib.optionals true [ "a" "b" ] ++ lib.optional false "c")': "a,b",
    'lib.optionalString true "x" + lib.optionalString false "y"': "x",
    'builtins.toJSON (lib.genAttrs [ "a" ] (n: n + "!"))': '{"a":"a!"}',
    "builtins.toJSON (lib.mapAttrs (n: v: v + 1) { a = 1; })": '{"a":2}',
    "toString (lib.attrValues { a = 1; b = 2; })": "1 2",
    "toString (lib.concatLists [ [ 1 ] [ 2 3 ] ])": "1 2 3",
    "toString (lib.unique [ 1 2 1 ])": "1 2",
    "toString (lib.range 1 3 ++ lib.reverseList [ 5 4 ] ++ lib.take 1 [ 6 7 ] ++ lib.drop 1 [ 6 7 ])": "1 2 3 4 5 6 7",
    "toString (lib.flatten [ 1 [ 2 [ 3 ] ] ])": "1 2 3",
    'toString (lib.splitString "." "a.b.c")': "a b c",
    'lib.toUpper "abc" + lib.removePrefix "x" "xy" + lib.removeSuffix "z" "yz" + lib.trim "  t "': "ABCyyt",
    'lib.boolToString (lib.hasPrefix "a" "ab" && lib.hasSuffix "b" "ab" && lib.hasInfix "b" "abc")': "true",
    "builtins.toJSON (lib.recursiveUpdate { a.b = 1; } { a.c = 2; })": '{"a":{"b":1,"c":2}}',
    "builtins.toJSON (lib.filterAttrs (n: v: v > 1) { a = 1; b = 2; })": '{"b":2}',
    'lib.attrByPath [ "a" "b" ] "none" { a.b = "found"; }': "found",
    'lib.escapeShellArg "it\'s"': "'it'\\''s'",
    "toString (lib.foldr (a: b: a + b) 0 [ 1 2 3 ] + lib.max 1 2 + lib.mod 7 4)": "11",
    "lib.pipe 1 [ (x: x + 1) toString ]": "2",
    "lib.fileContents ./prompt.md": "Be kind.",
    "toString (lib.attrNames (builtins.readDir ./folder))": "value.nix",
    "lib.boolToString (builtins.pathExists ./folder && !(builtins.pathExists ./absent))": "true",
    "(import ./folder/value.nix).text": "from a file",
    "(lib.importJSON ./data.json).key": "from JSON",
    'builtins.hashString "sha256" "" + toString (builtins.tryEval (throw "x")).success': (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    ),
    'with lib; optionalString (hasPrefix "a" "ab") "works with with"': "works with with",
    'with lib; with pkgs; optionalString true "pkgs does not hide lib"': "pkgs does not hide lib",
    'let inherit (pkgs) lib; in lib.toLower "PKGS.LIB"': "pkgs.lib",
    "''\n  indented\n    text\n''": "indented\n  text\n",
}
FILES = {
    "prompt.md": "Be kind.\n",
    "folder/value.nix": '{ text = "from a file"; }',
    "data.json": '{"key": "from JSON"}',
}


def test_every_expression_at_once(value: Callable[..., str]) -> None:
    listed = " ".join(f"({expression})" for expression in EXPRESSIONS)
    results = json.loads(json.loads(value(f"builtins.toJSON [ {listed} ]", FILES)))
    assert dict(zip(EXPRESSIONS, results, strict=True)) == EXPRESSIONS
