"""The table of options in the documentation is the one of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.nixconfig import reference
from agents.nixconfig.options import OPTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "harness.md"


def test_the_page_shows_the_options_of_now() -> None:
    """If this fails: python -m agents.nixconfig.reference docs/harness.md"""
    text = PAGE.read_text(encoding="utf-8")
    assert reference.placed(text) == text


def test_every_option_has_a_row_with_type_default_and_meaning() -> None:
    rows = reference.table().splitlines()[2:]
    assert len(rows) == len(OPTIONS)
    assert all(len(row.replace("\\|", "").split("|")) == 6 for row in rows)
    assert next(row for row in rows if "autoCompact" in row).split(" | ")[2] == "`75`"


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(reference.NoPlace):
        reference.placed("# Options\n")
