"""Waking an agent from outside: by its own token only, labelled external, so much and so often and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from agents import actors
from agents.models import Agent
from approvals.models import AuditEvent
from broker import departures, wake_tokens
from broker.models import Message, WakeToken
from hiveproject import wake_tokens as audited
from tests import builders

pytestmark = pytest.mark.django_db
ADA = actors.operator("ada")


@pytest.fixture(autouse=True)
def swarm() -> None:
    builders.agent("alice")
    builders.agent("bob")


@pytest.fixture
def token() -> str:
    return audited.make("alice", "ci", actor=ADA).secret


def post(token: str, body: Any = "hello", name: str = "alice", **options: Any) -> Any:
    """From a client without any session, and with the CSRF check on."""
    headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
    options = {"content_type": "text/plain", **options}
    return Client(enforce_csrf_checks=True).post(f"/api/v1/wake/{name}", body, headers=headers, **options)


def test_a_message_arrives_labelled_external(token: str) -> None:
    answer = post(token, "the build is red")
    message = Message.objects.get()
    assert (answer.status_code, answer.json()) == (202, {"id": message.pk, "repeated": False})
    assert (message.provenance, message.sender, message.to) == ("external", "external:ci", "alice")
    assert (message.kind, message.body, message.author) == ("message", "the build is red", "")
    assert WakeToken.objects.get().used_at is not None


def test_nothing_it_says_makes_it_somebody_else(token: str) -> None:
    for field in ("sender", "provenance", "kind", "to", "author"):
        answer = post(token, json.dumps({"body": "x", field: "operator"}), content_type="application/json")
        assert answer.status_code == 400
        assert field in answer.json()["error"]
    assert not Message.objects.exists()


def test_a_key_sends_once_and_is_the_tokens_own(token: str) -> None:
    other = audited.make("bob", "ci", actor=ADA).secret
    given = json.dumps({"body": "pay", "idempotency_key": "k"})
    first = post(token, given, content_type="application/json")
    again = post(token, "pay", headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.json()) == (200, {"id": first.json()["id"], "repeated": True})
    assert post(other, given, name="bob", content_type="application/json").json()["repeated"] is False
    assert Message.objects.count() == 2


@pytest.mark.parametrize("wrong", ["", "wake-1-", "x" * 60, "wake-1-" + "A" * 43, "wake-999-" + "A" * 43, "wake-x-y"])
def test_a_wrong_token_is_told_nothing(token: str, wrong: str) -> None:
    answers = [post(wrong), post(wrong, name="nobody"), post(token, name="bob"), post(token, name="nobody")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1, "whether there is such an agent is not told"
    assert not Message.objects.exists()


def test_a_revoked_token_is_worth_nothing(token: str) -> None:
    audited.revoke(WakeToken.objects.get().pk, actor=ADA)
    assert post(token).status_code == 401
    with pytest.raises(wake_tokens.TokenRefused):
        audited.revoke(WakeToken.objects.get().pk, actor=ADA)
    actions = list(AuditEvent.objects.order_by("pk").values_list("action", "actor"))
    assert actions == [("wake token made", "operator:ada"), ("wake token revoked", "operator:ada")]


def test_a_token_ends_with_everything_of_its_agent(token: str) -> None:
    departures.agent_gone("alice")
    assert post(token).status_code == 401


def test_the_secret_is_nowhere(token: str) -> None:
    row = WakeToken.objects.get()
    secret = token.rpartition("-")[2] if token.count("-") == 2 else token.split("-", 2)[2]
    kept = " ".join(str(value) for value in vars(row).values())
    assert secret not in kept
    assert not AuditEvent.objects.filter(note__contains=secret).exists()


@pytest.mark.parametrize(
    ("body", "options", "status"),
    [
        (" \n", {}, 409),
        ("a\0b", {}, 409),
        (b"\xff", {}, 400),
        ("x" * 65_537, {}, 413),
        ("x" * 3_000_000, {}, 413),
        ("{", {"content_type": "application/json"}, 400),
        ("[" * 100_000, {"content_type": "application/json"}, 413),
        ("[" * 60_000, {"content_type": "application/json"}, 400),
        ("[]", {"content_type": "application/json"}, 400),
        ("{}", {"content_type": "application/json"}, 400),
        ('{"body": 5}', {"content_type": "application/json"}, 400),
        ('{"body": "\\ud800"}', {"content_type": "application/json"}, 400),
        ('{"body": "x", "idempotency_key": "' + "k" * 101 + '"}', {"content_type": "application/json"}, 400),
        ("x", {"headers": {"Idempotency-Key": "k" * 101}}, 400),
        ("x", {"content_type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_what_cannot_be_taken_is_refused(token: str, body: Any, options: dict[str, Any], status: int) -> None:
    answer = post(token, body, **options)
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)
    assert not Message.objects.exists()


def test_it_is_a_post_only(client: Client, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/wake/alice", headers=headers).status_code == 405
    assert client.put("/api/v1/wake/alice", headers=headers).status_code == 405


def test_a_session_is_no_token(client: Client) -> None:
    assert client.post("/api/v1/wake/alice", "x", content_type="text/plain").status_code == 401


def test_an_agent_without_a_container_is_not_written_to(token: str) -> None:
    Agent.objects.filter(name="alice").update(lifecycle="kept")
    answer = post(token)
    assert (answer.status_code, "no container" in answer.json()["error"]) == (409, True)


def test_so_often_a_minute(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 6_000.0)
    other = audited.make("alice", "mail", actor=ADA).secret
    for _ in range(wake_tokens.PER_MINUTE):
        assert post(token).status_code == 202
    refused = post(token)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert Message.objects.count() == wake_tokens.PER_MINUTE
    assert post(other).status_code == 202, "each token counts for itself"
    monkeypatch.setattr("time.time", lambda: 6_061.0)
    assert post(token).status_code == 202


@pytest.mark.parametrize("label", ["", "A", "a b", "-a", "x" * 31, "é", "a:b"])
def test_a_label_is_a_plain_word(label: str) -> None:
    with pytest.raises(wake_tokens.TokenRefused):
        audited.make("alice", label, actor=ADA)


def test_one_valid_token_has_a_label(token: str) -> None:
    with pytest.raises(wake_tokens.TokenRefused, match="another label"):
        audited.make("alice", "ci", actor=ADA)
    with pytest.raises(wake_tokens.TokenRefused, match="no agent"):
        audited.make("nobody", "ci", actor=ADA)
    audited.revoke(WakeToken.objects.get().pk, actor=ADA)
    audited.make("alice", "ci", actor=ADA)


class TestAdmin:
    def test_an_operator_makes_one_sees_it_once_and_revokes_it(self, client: Client) -> None:
        assert client.get("/admin/broker/waketoken/add/").status_code == 200
        page = client.post("/admin/broker/waketoken/add/", {"agent": "alice", "label": "ci"}, follow=True).content
        row = WakeToken.objects.get()
        secret = page.decode().partition("not shown again: ")[2].partition("<")[0].strip()
        assert post(secret).status_code == 202
        assert secret not in client.get("/admin/broker/waketoken/").content.decode()
        client.post("/admin/broker/waketoken/", {"action": "revoke", "_selected_action": [row.pk]})
        assert post(secret).status_code == 401

    @pytest.mark.usefixtures("token")
    def test_nothing_else_can_be_changed(self, client: Client) -> None:
        row = WakeToken.objects.get()
        page = client.get(f"/admin/broker/waketoken/{row.pk}/change/").content.decode()
        assert row.token_hash not in page
        assert client.post(f"/admin/broker/waketoken/{row.pk}/change/", {"agent": "bob"}).status_code == 403
        assert client.post(f"/admin/broker/waketoken/{row.pk}/delete/", {"post": "yes"}).status_code == 403

    @pytest.mark.parametrize("given", [{}, {"agent": "alice"}, {"agent": "nobody", "label": "ci"}])
    def test_nonsense_makes_nothing(self, client: Client, given: dict[str, str]) -> None:
        client.post("/admin/broker/waketoken/add/", given)
        assert not WakeToken.objects.exists()

    def test_who_may_only_look_makes_none(self, guest: Client) -> None:
        assert guest.post("/admin/broker/waketoken/add/", {"agent": "alice", "label": "ci"}).status_code in (302, 403)
        assert not WakeToken.objects.exists()
