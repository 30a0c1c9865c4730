"""Nix text as Nix itself reads it: each case was compared with `nix-instantiate --parse`."""

from __future__ import annotations

import pytest

from approvals.risks.nix.lexer import tokenize

CASES = [
    ('"a$${x}b"', ["string:a$${x}b"]),
    ("''a ''${x} ''' $''", ["string:a ${x} '' $"]),
    (r'"\e\x\n"', ["string:ex\n"]),
    ("''x$''", ["string:x$"]),
    ("''''\\${x}''", ["string:${x}"]),
    ("1 # c\r+ 2", ["number:1", "operator:+", "number:2"]),
    ("x:y", ["uri:x:y"]),
    ("x: y", ["word:x", "operator::", "word:y"]),
    ('./a${"b"}/c', ["open:path", "path:./a", "${:${", "string:b", "}:}", "text:/c", "close:"]),
    ("~/x <a/b>", ["path:~/x", "search:<a/b>"]),
    ("1/2 a.b/c", ["path:1/2", "path:a.b/c"]),
    ('"${"${"b"}"}"', ['open:"', "${:${", 'open:"', "${:${", "string:b", "}:}", 'close:"', "}:}", 'close:"']),
    ("/* a */ 1 /**/", ["number:1"]),
    ("a'b-c", ["word:a'b-c"]),
    ("a == b", ["word:a", "operator:==", "word:b"]),
    ("a // b", ["word:a", "operator://", "word:b"]),
    ("/* a", ["operator:/", "operator:*", "word:a"]),
    ('"a', ['open:"', "text:a"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_tokens(text: str, expected: list[str]) -> None:
    assert [
        f"{token.kind}:{token.text}" for token in tokenize(f"{text} " if expected[-1] == "close:" else text)
    ] == expected


def test_lines_are_counted_through_strings_and_comments() -> None:
    tokens = tokenize("a\n/* \n */ ''\n\n'' # x\nb")
    assert [(token.text, token.line) for token in tokens] == [("a", 1), ("\n\n", 3), ("b", 6)]
