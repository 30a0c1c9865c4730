"""Rules about files of any kind."""

from __future__ import annotations

import pytest

from approvals.risks import Change, File, assess
from approvals.risks.nix.changed import MOST
from tests.approvals.risks.builders import OPTIONS, adding, only, replacing


def modes(before: str | None, after: str) -> Change:
    old = {} if before is None else {"x.sh": File(before, b"id\n")}
    return Change(old, {"x.sh": File(after, b"id\n")}, OPTIONS, OPTIONS)


@pytest.mark.parametrize("before", [None, "100644"])
def test_an_executable_file_is_a_notice(before: str | None) -> None:
    flag = only(assess(modes(before, "100755")))
    assert (flag.rule, flag.level, flag.where) == ("mode", "notice", "x.sh")


def test_a_file_that_stays_executable_or_no_longer_is_raises_nothing() -> None:
    assert assess(modes("100755", "100755")) == assess(modes("100755", "100644")) == []


def test_a_link_is_high() -> None:
    assert only(assess(modes("100644", "120000"))).level == "high"


@pytest.mark.parametrize("data", [b"GIF\0x", b"\xff\xfe", "é".encode("latin-1")])
def test_a_binary_file_is_high(data: bytes) -> None:
    assert ("binary", "high") in {(flag.rule, flag.level) for flag in assess(adding({"x.gif": data}))}


def test_a_file_that_was_not_read_is_high() -> None:
    assert only(assess(adding({"x": None}))).rule == "too-large"
    assert only(assess(replacing({"x": None}, {"x": None}))).rule == "too-large"


def test_a_large_file_that_stays_raises_nothing() -> None:
    file = File("100644", None, "a" * 40)
    assert assess(Change({"x": file}, {"x": file}, OPTIONS, OPTIONS)) == []


def test_hidden_characters_are_listed_with_their_lines() -> None:
    text = only(assess(adding({"notes.md": "a\nb\u202ec\n\nd\u200b".encode()}))).text
    assert "U+202E RIGHT-TO-LEFT OVERRIDE (line 2)" in text
    assert "U+200B ZERO WIDTH SPACE (line 4)" in text
    assert text.isascii()


def test_hidden_characters_that_were_there_before_are_not_said_again() -> None:
    assert assess(replacing({"x.md": "a\u202e\n".encode()}, {"x.md": "a\u202e\nmore\n".encode()})) == []


@pytest.mark.parametrize("text", ["❤️", "👩‍💻", "1️⃣", "می‌خواهم", "क्‍ष", "a\r\nb\r\n", "\tx", "Ünïcode → ✓"])
def test_what_scripts_and_emoji_need_is_not_hidden(text: str) -> None:
    assert assess(adding({"x.md": text.encode()})) == []


@pytest.mark.parametrize("text", ["a\ufe0f", "x\u200dy", "☃\ufe0f\ufe0f", "\ufeffa", "a\rb", "a\x1b[1m", "a\u2066b"])
def test_the_same_characters_elsewhere_are_hidden(text: str) -> None:
    assert only(assess(adding({"x.md": text.encode()}))).rule == "invisible"


def test_wide_spaces_are_a_notice_in_prose_and_high_in_nix() -> None:
    assert only(assess(adding({"x.md": "5\u00a0km".encode()}))).level == "notice"
    assert only(assess(adding({"x.nix": '"5\u00a0km"'.encode()}))).level == "high"


def test_long_lines_are_a_notice_but_in_prose() -> None:
    line = b"word " * 100
    assert only(assess(adding({"x.nix": b"# " + line}))).rule == "long-line"
    assert assess(adding({"x.md": line})) == []


def test_a_gap_and_an_encoded_string_are_notices() -> None:
    assert only(assess(adding({"x.sh": b"true;" + b" " * 80 + b"id\n"}))).rule == "gap"
    assert only(assess(adding({"x.sh": b"aB3+" * 50 + b"\n"}))).rule == "encoded"


def test_a_name_that_looks_like_another_is_high() -> None:
    flag = only(assess(adding({"\u0430gent.nix": b"{ }"})))
    assert (flag.rule, flag.where) == ("confusable-path", '"\\u0430gent.nix"')


def test_many_findings_are_one_flag() -> None:
    text = only(assess(adding({"x.nix": b"[ " + b"builtins.fetchGit\n" * 30 + b" ]"}))).text
    assert "and 22 more" in text


def test_nix_text_beyond_what_is_read_is_high() -> None:
    filler = (b"#" * 127 + b"\n") * (MOST // 128)
    flag = only(assess(adding({"a.nix": filler, "b.nix": b"builtins.exec"})))
    assert (flag.rule, flag.level, flag.where) == ("unchecked", "high", "b.nix")
