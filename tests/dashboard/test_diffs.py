from __future__ import annotations

import re
from html import unescape

from agents import visible
from approvals import diffs, highlight, optionchanges


def text(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)


def test_only_files_that_differ_are_shown() -> None:
    found = diffs.compare({"a": "1\n", "b": "2\n", "gone": "x\n"}, {"a": "1\n", "b": "3\n", "new": "y\n"})
    assert [(file.path, file.status) for file in found] == [("b", "changed"), ("gone", "removed"), ("new", "added")]


def test_lines_keep_their_numbers_on_both_sides() -> None:
    (file,) = diffs.compare({"a": "1\n2\n3\n"}, {"a": "1\nnew\n3\n"})
    lines = [(line.kind, line.old, line.new, text(line.html)) for line in file.hunks[0]]
    assert lines == [("same", 1, 1, "1"), ("removed", 2, None, "2"), ("added", None, 2, "new"), ("same", 3, 3, "3")]
    assert (file.added, file.removed) == (1, 1)


def test_a_missing_newline_at_the_end_is_a_difference() -> None:
    (file,) = diffs.compare({"a": "1\n"}, {"a": "1"})
    assert "no newline at the end" in file.hunks[0][-1].html


def test_line_ends_and_byte_order_marks_are_differences_one_sees() -> None:
    (file,) = diffs.compare({"a.nix": "{ }\n"}, {"a.nix": "\ufeff{ }\r\n"})
    assert text(file.hunks[0][-1].html) == "U+FEFF{ }U+000D"


def test_a_binary_file_is_noted() -> None:
    (file,) = diffs.compare({}, {"x": None})
    assert file.note == diffs.BINARY


def test_a_very_long_file_is_noted_and_still_searched() -> None:
    (file,) = diffs.compare({}, {"x": "a\n" * 21_000 + "\u202e"})
    assert (file.note, file.hidden) == (diffs.TOO_LONG, ["U+202E RIGHT-TO-LEFT OVERRIDE"])


def test_many_equal_lines_are_compared_quickly() -> None:
    (file,) = diffs.compare({"x": "same\n" * 4_000}, {"x": "same\n" * 2_000 + "new\n" + "same\n" * 2_000})
    assert file.added >= 1


def test_colours_lose_no_character() -> None:
    source = "{ pkgs, ... }:\n{\n  # \u200b<b>\n  a = ''\n    ${x} \\ \t\n  '';\n  é = \"\\\"\";\n}\n"
    lines = highlight.lines(source, "agent.nix")
    assert len(lines) == source.count("\n") + 1
    assert [unescape(text(line)).replace("U+200B", "\u200b") for line in lines] == source.split("\n")


def test_prose_keeps_emoji_and_names_what_turns_the_text() -> None:
    assert visible.prose("👩‍🚀 ok\u202e") == (
        '👩‍🚀 ok<span class="unseen" title="U+202E RIGHT-TO-LEFT OVERRIDE">U+202E</span>'
    )


def test_code_names_what_only_looks_like_a_space() -> None:
    assert text(visible.code("a\u00a0b\u3164")) == "aU+00A0bU+3164"


def test_logs_drop_colours_and_name_other_controls() -> None:
    assert text(visible.log("\x1b[1;31mred\x1b[0m\x1b]52;c;aGk=\x07\r")) == "redU+001B]52;c;aGk=U+0007"


def test_options_that_change_come_first() -> None:
    before = {"a": 1, "b": None, "c": "x"}
    after = {"a": 1, "b": ["y"], "c": "x"}
    first, *others = optionchanges.compare(before, after)
    assert (first.name, first.before, first.after) == ("b", "not set", '["y"]')
    assert not any(option.changed for option in others)
