"""What makes no sense is refused with its reason, and nothing has changed."""

from __future__ import annotations

import pytest

from agents.models import Agent, Job
from approvals.models import Approval
from hiveproject.hivectl import verbs
from hiveproject.hivectl.words import parser
from tests import builders

BAD_NAMES = ("..", "a/b", "A", "", "abcdefghij", "аlice", "a-", "operator", "hm1nd")  # one а is Cyrillic


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    builders.agent("hm1nd")
    builders.agent("alice")
    builders.agent("kip", lifecycle="kept")
    builders.agent("old", lifecycle="gone")


def _refused(*words: str, reason: str) -> None:
    before = Approval.objects.count(), Job.objects.count(), Agent.objects.count()
    with pytest.raises(verbs.REFUSALS, match=reason):
        verbs.perform(parser().parse_args([*words, "--json"]))
    assert (Approval.objects.count(), Job.objects.count(), Agent.objects.count()) == before


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_cannot_be_spawned(name: str) -> None:
    _refused("spawn", name, reason="agent|manager")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("status", "nobody1"), "no agent"),
        (("status", "old"), "no agent"),
        (("start", "kip"), "has no container"),
        (("destroy", "kip"), "has no container"),
        (("destroy", "hm1nd"), "is the manager"),
        (("spawn", "alice"), "is there already"),
        (("approve", "999"), "no approval 999"),
        (("deny", "999", "--note", "x"), "no approval 999"),
        (("rollback", "alice", "deployed/7", "--reason", "x"), "has no deployed/7"),
        (("rollback", "alice", "main", "--reason", "x"), "is not a deploy"),
        (("rollback", "alice", "deployed/0", "--reason", " "), "needs a reason"),
        (("send", "bob", "hello"), "no agent"),
        (("send", "alice", " "), "empty"),
        (("inbox", "bob"), "no agent"),
        (("logs", ".."), "not allowed"),
    ],
)
def test_what_makes_no_sense(words: tuple[str, ...], reason: str) -> None:
    _refused(*words, reason=reason)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("fly",),
        ("approve",),
        ("approve", "x"),
        ("approve", "-1"),
        ("rollback", "alice", "deployed/0"),
        ("list", "x"),
    ],
)
def test_wrong_usage_ends_with_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args(words)
    assert end.value.code == 2
    assert "--help" in capsys.readouterr().err
