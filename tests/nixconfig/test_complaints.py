"""Messages of several Nix versions become one sentence."""

from __future__ import annotations

import pytest

from agents.nixconfig.complaints import readable

DEEP = "agent.nix calls itself without end (stack overflow)"
LARGE = "the options of agent.nix are too large: together at most 1 MiB"
NIX_2_8 = """\
\x1b[31;1merror:\x1b[0m undefined variable '\x1b[1mfoo\x1b[0m'

       at \x1b[1m/tree/sub/more.nix:3:5\x1b[0m:

            2| {
            3|   x = foo;
(use '--show-trace' to show detailed location information)
"""
NIX_2_24 = """\
error:
       … while evaluating the attribute 'options'
         at /evaluator/default.nix:90:3:
           89| else {
       … from call site
         at /tree/agent.nix:2:3:
            1| {

       error: undefined variable 'foo'
       at /tree/agent.nix:7:25:
            6| x
"""


@pytest.mark.parametrize(
    ("code", "stderr", "text"),
    [
        (1, NIX_2_8, "undefined variable 'foo' (sub/more.nix, line 3)"),
        (1, NIX_2_24, "undefined variable 'foo' (agent.nix, line 7)"),
        (1, "error: my words\n       at /evaluator/merge.nix:1:1:\n", "my words"),
        (1, "error: stack overflow; max-call-depth exceeded", DEEP),
        (
            1,
            "error: stack overflow (possible infinite recursion)",
            "agent.nix calls itself without end (stack overflow)",
        ),
        (139, "", DEEP),
        (
            -9,
            "wrote more than 1048576 bytes and was ended",
            LARGE,
        ),
        (137, "", "agent.nix takes too long to evaluate: look for something that never ends"),
        (134, "GC Warning: Out of memory", "agent.nix needs too much memory to evaluate"),
        (1, "bwrap: no such\nfolder", "the evaluator failed (1): bwrap: no such folder"),
    ],
)
def test_one_sentence(code: int, stderr: str, text: str) -> None:
    assert readable(code, stderr) == text


def test_a_long_message_is_cut() -> None:
    assert len(readable(1, "error: " + "x" * 100_000)) == 2000
