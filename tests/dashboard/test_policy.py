"""Trying a policy out: what it would have refused of the last days' messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from broker import dryrun, reminders
from broker.dryrun import CheckRefused
from broker.models import Message
from broker.sending import Sender, send
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def said() -> None:
    for name in ("hm1nd", "alice", "bob", "carol"):
        builders.agent(name)
    alice = Sender.agent("alice")
    send(alice, "bob", "to bob")
    send(alice, "operator", "to the operator")
    send(alice, "manager", "to the manager")
    send(alice, "*", "to all")
    send(Sender.agent("bob"), "alice", "from bob")
    send(Sender.operator("ada"), "bob", "from the operator")
    old = send(alice, "carol", "long ago")
    Message.objects.filter(pk=old.id).update(created_at=timezone.now() - timedelta(days=8))


def refused(recipients: str) -> list[tuple[str, str]]:
    return [(hit.opening, hit.recipient) for hit in dryrun.check("alice", dryrun.parse(recipients)).hits]


def test_it_names_what_would_have_been_refused() -> None:
    assert refused("*") == []
    assert refused("bob,operator,manager") == [("to all", "carol")]
    assert refused(" operator , bob ") == [("to all", "carol"), ("to all", "hm1nd"), ("to the manager", "hm1nd")]
    assert len(refused("")) == 6
    outcome = dryrun.check("alice", dryrun.parse("bob"))
    assert (outcome.sent, outcome.refused) == (6, 4)
    assert dryrun.check("alice", dryrun.parse("bob"), days=30).sent == 7


def test_what_an_agent_tells_itself_is_no_matter_of_policy() -> None:
    reminders.remind("alice", "x", delay_seconds=1)
    reminders.fire(timezone.now() + timedelta(hours=1))
    assert len(refused("")) == 6


def test_names_that_are_nobodys_are_pointed_out() -> None:
    assert dryrun.check("alice", dryrun.parse("bob,dora")).unknown == ("dora",)
    with pytest.raises(CheckRefused):
        dryrun.parse("bob,../etc")
    with pytest.raises(CheckRefused, match="manager"):
        dryrun.check("hm1nd", ())


def test_the_page_starts_from_what_is_deployed_and_changes_nothing(client: Client) -> None:
    page = client.get("/agents/alice/policy/").content.decode()
    assert 'value="*"' in page
    page = client.get("/agents/alice/policy/", {"recipients": "bob"}).content.decode()
    assert "Of 6 messages, 4 would have been refused." in page
    assert "to the operator" in page
    assert client.get("/agents/alice/policy/", {"recipients": "<b>"}).status_code == 200
    assert client.get("/agents/nobody/policy/").status_code == 404
    assert "to bob" not in page
