from __future__ import annotations

import json

import pytest
from django.utils import timezone

from agents.models import Agent
from broker.sending import Sender, send
from hiveproject import overview
from tests import builders

pytestmark = pytest.mark.django_db
KEYS = [
    *(
        "name",
        "container",
        "running",
        "failed",
        "needs_update",
        "needs_login",
        "paused",
        "frozen",
        "web_port",
        "vnc_port",
    ),
    *("deployed_tag", "deployed_sha", "driver", "active_model", "status_text", "status_set_at", "inbox_depth"),
]


def test_a_row_has_exactly_the_promised_keys() -> None:
    builders.agent("alice", status_set_at=timezone.now())
    (row,) = overview.rows()
    assert list(row) == KEYS
    assert json.loads(json.dumps(row)) == row


def test_a_row_says_what_runs() -> None:
    builders.agent("alice", running=True, started_version="0.1.0", active_model="opus")
    send(Sender.operator("ada"), "alice", "hello")
    (row,) = overview.rows()
    wanted = {"container": "h-alice", "web_port": 8879, "vnc_port": 16679, "deployed_tag": "deployed/0"}
    wanted |= {"driver": "scripted", "active_model": "opus", "inbox_depth": 1, "needs_update": False}
    assert {key: row[key] for key in wanted} == wanted


def test_what_runs_an_older_deploy_needs_an_update() -> None:
    alice = builders.agent("alice", running=True, started_version="0.1.0")
    alice.deployment = builders.deployment(alice, approval_id=2)
    alice.save()
    assert overview.rows()[0]["needs_update"] is True


def test_rows_are_of_agents_with_a_container_and_begin_with_the_manager() -> None:
    for name in ("alice", "hm1nd"):
        builders.agent(name)
    builders.agent("bob", lifecycle=Agent.Lifecycle.REQUESTED)
    builders.agent("carl", lifecycle=Agent.Lifecycle.KEPT)
    assert [row["name"] for row in overview.rows()] == ["hm1nd", "alice"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"failed": True}, "crashed"),
        ({}, "stopped"),
        ({"wanted": True}, "starting"),
        ({"running": True}, "connecting"),
        ({"running": True, "connected": True}, "running"),
        ({"running": True, "connected": True, "needs_login": True}, "needs login"),
        ({"running": True, "connected": True, "paused": True}, "paused"),
        ({"running": True, "connected": True, "busy_since": timezone.now()}, "working"),
    ],
)
def test_a_state_is_one_word(fields: dict[str, object], word: str) -> None:
    builders.agent("alice", **fields)
    assert overview.standings()[0].word == word
