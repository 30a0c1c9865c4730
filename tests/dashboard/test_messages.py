from __future__ import annotations

import pytest
from django.test import Client

from broker.models import Delivery, Message
from broker.sending import Sender, send
from tests import builders

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def test_the_operator_writes_to_an_agent(client: Client) -> None:
    builders.agent("alice")
    answer = client.post("/send/", {"to": "alice", "body": "hello\n", "back": "/agents/alice/"})
    assert answer.headers["Location"] == "/agents/alice/"
    message = Message.objects.get()
    assert (message.provenance, message.sender, message.author, message.body) == (
        "operator",
        "operator",
        "ada",
        "hello\n",
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"to": "alice", "body": " \n"}, "the body is empty"),
        ({"to": "alice", "body": ""}, "Write a message first"),
        ({"to": "nobody", "body": "x"}, "there is no agent"),
        ({"body": "x"}, "Say who gets the message"),
        ({"to": "alice", "body": "x", "in_reply_to": "77"}, "in_reply_to"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(client: Client, given: dict[str, str], said: str) -> None:
    builders.agent("alice")
    answer = client.post("/send/", given, headers=HTMX)
    assert answer.status_code == 409
    assert said in answer.headers["HX-Trigger"]
    assert not Message.objects.exists()


def test_a_form_cannot_choose_its_sender(client: Client) -> None:
    builders.agent("alice")
    client.post("/send/", {"to": "alice", "body": "x", "sender": "hm1nd", "provenance": "agent"})
    assert Message.objects.get().sender == "operator"


def test_the_flow_and_the_conversation_show_it(client: Client) -> None:
    builders.agent("alice")
    builders.agent("bob")
    send(Sender.agent("bob"), "alice", "psst")
    assert "psst" in client.get("/").content.decode()
    assert "psst" in client.get("/agents/alice/").content.decode()
    assert "psst" in client.get("/agents/bob/").content.decode()


def test_a_long_message_is_cut_in_lists_and_whole_on_its_page(client: Client) -> None:
    builders.agent("alice")
    sent = send(Sender.agent("alice"), "operator", "x" * 100_000 + "the end")
    page = client.get("/").content.decode()
    assert "the end" not in page
    assert f"/messages/{sent.id}/" in page
    assert "the end" in client.get(f"/messages/{sent.id}/").content.decode()


def test_new_messages_are_marked_as_read_when_the_operator_says_so(client: Client) -> None:
    builders.agent("alice")
    first = send(Sender.agent("alice"), "operator", "one")
    send(Sender.agent("alice"), "operator", "two")
    client.post("/messages/seen/", {"up_to": first.id})
    states = dict(Delivery.objects.values_list("message__body", "state"))
    assert states == {"one": "acknowledged", "two": "queued"}


def test_marking_as_read_needs_to_know_what(client: Client) -> None:
    assert client.post("/messages/seen/", {"up_to": "all"}, headers=HTMX).status_code == 409
