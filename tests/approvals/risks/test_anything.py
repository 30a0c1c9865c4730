"""Whatever an agent writes: an answer, and soon."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.nixconfig.options import OPTIONS as TABLE
from approvals.risks import Change, File, assess
from tests.approvals.risks.builders import OPTIONS, adding

SIZE = 16 * 1024
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8)
ANY = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
NAMES = st.sampled_from([option.name for option in TABLE]) | st.text(max_size=5)
SERVERS = st.dictionaries(
    st.text(max_size=4), st.dictionaries(st.sampled_from(["tools", "env", "args"]), ANY), max_size=2
)
VALUES = st.dictionaries(NAMES, ANY | SERVERS, max_size=6)
WORDS = r"""{ } ( ) [ ] ; . " '' ${ $ \ /* */ # users systemd.services.x builtins exec imports ./a ../.. / < > ~/ x:y
    null ''$ ''' script config specialisation = let in inherit with rec import a b"""
PIECES = st.sampled_from(WORDS.split()) | st.sampled_from([" ", "\n", "\r", "\u202e", "\u0430"])
NIX = st.builds(
    lambda glue, pieces: glue.join(pieces).encode(), st.sampled_from(["", " "]), st.lists(PIECES, max_size=60)
)
FILES = st.builds(File, st.sampled_from(["100644", "100755", "120000", ""]), st.none() | st.binary(max_size=60) | NIX)
TREES = st.dictionaries(st.sampled_from(["agent.nix", "a/b.nix", "x", "\udcff.nix", ""]), FILES, max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES, TREES, st.none() | VALUES, VALUES, st.text(max_size=5))
def test_every_change_gets_an_answer(before: Any, after: Any, old: Any, new: Any, backend: str) -> None:
    flags = assess(Change(before, after, old, new, backend))
    assert all(flag.text.isprintable() and flag.where.isascii() for flag in flags)


REPEATED = """\
{
{ ${
(
"${
''${
/*
{a=
{ imports =
{ content =
let a =
1.
<a
import.
import a.
a:
x/${
{ systemd.services.x.serviceConfig.ExecStart =
imports = [ "/a"
rec { inherit
("/a"
aB3+
$
'
\\
""".splitlines()


@pytest.mark.parametrize("piece", REPEATED)
def test_no_text_takes_long(piece: str) -> None:
    data = (f"{piece} " * SIZE)[:SIZE].encode() + b"\n" + (piece * SIZE)[:SIZE].encode()
    started = time.process_time()
    assess(adding({"agent.nix": data}))
    assert time.process_time() - started < 10


def test_options_that_are_no_options_are_left_alone() -> None:
    assert assess(Change({}, {}, {}, {})) == []
    assert assess(Change({}, {}, OPTIONS, OPTIONS)) == []
