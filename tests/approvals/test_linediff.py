"""Comparing lines: right for any two texts, and quick for texts made to be slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import linediff

LINES = st.lists(st.sampled_from("abcdefg"), max_size=40)


def rebuilt(old: list[str], new: list[str]) -> list[str]:
    """The new text as the opcodes make it of the old one."""
    made: list[str] = []
    a = b = 0
    for tag, a1, a2, b1, b2 in linediff.opcodes(old, new):
        assert (a1, b1) == (a, b), "nothing is left out"
        if tag == "equal":
            assert old[a1:a2] == new[b1:b2]
        made += old[a1:a2] if tag == "equal" else new[b1:b2]
        a, b = a2, b2
    assert (a, b) == (len(old), len(new))
    return made


@settings(deadline=None, max_examples=300)
@given(LINES, LINES)
def test_the_opcodes_lead_from_one_text_to_the_other(old: list[str], new: list[str]) -> None:
    assert rebuilt(old, new) == new


@settings(deadline=None)
@given(LINES)
def test_equal_texts_have_no_groups(lines: list[str]) -> None:
    assert list(linediff.grouped(linediff.opcodes(lines, lines), 3)) == []


def test_one_line_in_a_long_text_is_one_change() -> None:
    old = [f"line {number}" for number in range(10_000)]
    new = [*old[:5_000], "new", *old[5_000:]]
    assert [code for code in linediff.opcodes(old, new) if code[0] != "equal"] == [("insert", 5000, 5000, 5000, 5001)]


def test_two_far_changes_among_lines_that_repeat_stay_apart() -> None:
    old = [line for number in range(500) for line in ("{", f"  x = {number};", "}")]
    new = list(old)
    new[31], new[901] = "  changed", "  changed too"
    assert len(list(linediff.grouped(linediff.opcodes(old, new), 3))) == 2


SLOW = {
    "periods": ([str(n % 100) for n in range(10_000)], [str(n * 7 % 100) for n in range(10_000)]),
    "one line again and again": (["x"] * 10_000, ["x", "y"] * 5_000),
    "backwards": ([str(n) for n in range(10_000)], [str(n) for n in range(10_000, 0, -1)]),
    "pairs": ([str(n // 2) for n in range(10_000)], [str(n // 2) for n in range(10_000, 0, -1)]),
}


@pytest.mark.parametrize("name", SLOW)
def test_texts_made_to_be_slow_are_compared_all_the_same(name: str) -> None:
    """`difflib` takes minutes for some of these; the deadline is far above what is needed."""
    old, new = SLOW[name]
    begun = time.monotonic()
    assert rebuilt(old, new) == new
    assert time.monotonic() - begun < 30
