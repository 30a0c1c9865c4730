from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.hive import QuietHive

ROWS = """
hm1nd = agent("hm1nd", status_text="thinking \\x1b[31m about it")
alice = agent("alice", wanted=True)
kept = agent("kip", lifecycle="kept", deployment=None)
agent("old", lifecycle="gone", deployment=None)
for number in range(6):
    approval(alice)
approval(alice, status="deployed", decided_by="operator", requested_by="operator:operator")
asked = say("operator", "alice", "are you there?")
say("alice", "operator", "yes\\nwith two lines", asked.id)
"""


@pytest.fixture(scope="session")
def untouched() -> Iterator[QuietHive]:
    quiet = QuietHive()
    try:
        quiet.prepare(ROWS)
        yield quiet
    finally:
        quiet.close()


@pytest.fixture(scope="module")
def hive(untouched: QuietHive) -> Iterator[QuietHive]:
    """A copy that the module's tests may change."""
    copied = untouched.copy()
    yield copied
    copied.close()
