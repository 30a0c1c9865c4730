from __future__ import annotations

import pytest
from django.test import Client

from agents.actors import agent as an_agent
from agents.actors import operator
from agents.models import Agent
from approvals.models import AuditEvent
from broker import control
from broker.models import Order
from hiveproject import signing_in, steering
from hiveproject.dashboard import steering as pages
from tests import builders

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No harness is connected here: the page need not wait for one."""
    monkeypatch.setattr(pages, "WAIT_SECONDS", 0.0)


@pytest.fixture
def alice(db: None) -> Agent:
    return builders.agent("alice", running=True, connected=True)


@pytest.mark.parametrize("verb", ["interrupt", "compact", "new_session", "pause", "resume"])
def test_an_order_is_given_once_with_its_audit_row(client: Client, alice: Agent, verb: str) -> None:
    assert client.post(f"/agents/alice/orders/{verb}/", headers=HTMX).status_code == 204
    order = Order.objects.get()
    assert (order.verb, order.requested_by) == (verb, "operator:ada")
    assert AuditEvent.objects.get().action == verb


def test_pausing_holds_at_once(client: Client, alice: Agent) -> None:
    client.post("/agents/alice/orders/pause/", headers=HTMX)
    alice.refresh_from_db()
    assert alice.paused
    assert "Resume" in client.get("/agents/alice/").content.decode()


def test_the_model_is_chosen_on_the_page(client: Client, alice: Agent) -> None:
    assert client.post("/agents/alice/orders/set_model/", {"model": "opus"}, headers=HTMX).status_code == 204
    alice.refresh_from_db()
    assert alice.chosen_model == "opus"
    assert AuditEvent.objects.get().note == "model: opus"
    assert client.post("/agents/alice/orders/set_model/", {"model": "-p x"}, headers=HTMX).status_code == 409


def test_who_may_only_look_orders_nothing(guest: Client, alice: Agent) -> None:
    for path in ("orders/interrupt/", "orders/set_model/", "orders/login_code/", "freeze/"):
        assert guest.post(f"/agents/alice/{path}", {"code": "12345"}).status_code == 403
    assert guest.post("/agents-all/freeze/").status_code == 403
    assert "Freeze" not in guest.get("/agents/alice/").content.decode()
    assert not Order.objects.exists()
    assert not AuditEvent.objects.exists()


def test_only_by_post(client: Client, alice: Agent) -> None:
    for path in ("/agents/alice/orders/interrupt/", "/agents/alice/freeze/", "/agents-all/freeze/"):
        assert client.get(path).status_code == 405


def test_an_agent_that_is_not_there_is_said(client: Client) -> None:
    builders.agent("bob", running=False)
    answer = client.post("/agents/bob/orders/interrupt/", headers=HTMX)
    assert answer.status_code == 409
    assert "not connected" in answer.headers["HX-Trigger"]
    assert not AuditEvent.objects.exists()


def test_agents_give_no_orders(alice: Agent) -> None:
    with pytest.raises(steering.NotAllowed):
        steering.order(alice, "interrupt", actor=an_agent("bob"))
    with pytest.raises(steering.NotAllowed):
        steering.freeze([alice], actor=an_agent("bob"))


def test_freezing_says_what_is_wanted(client: Client, alice: Agent) -> None:
    builders.agent("bob", running=True)
    builders.agent("carol", running=False)
    assert client.post("/agents-all/freeze/", headers=HTMX).status_code == 204
    assert set(Agent.objects.filter(frozen=True).values_list("name", flat=True)) == {"alice", "bob"}
    assert AuditEvent.objects.get().note == "alice, bob"
    assert "Thaw" in client.get("/agents/alice/").content.decode()
    client.post("/agents/alice/thaw/", headers=HTMX)
    assert set(Agent.objects.filter(frozen=True).values_list("name", flat=True)) == {"bob"}


def test_freezing_nobody_is_refused(client: Client) -> None:
    builders.agent("carol", running=False)
    assert client.post("/agents/carol/freeze/", headers=HTMX).status_code == 409
    assert client.post("/agents-all/freeze/", headers=HTMX).status_code == 409


def test_a_sign_in_goes_from_address_to_result(client: Client) -> None:
    claude = {"deployment": None, "running": True, "connected": True, "needs_login": True}
    alice = builders.agent("alice", **claude)
    alice.deployment = builders.deployment(alice, options=builders.agent_options(driver="claude"))
    alice.save()
    assert "Start sign-in" in client.get("/agents/alice/").content.decode()
    _answered(steering.order(alice, "login_start", actor=operator("ada")), "https://claude.ai/oauth/authorize?x=1")
    page = client.get("/agents/alice/").content.decode()
    assert 'href="https://claude.ai/oauth/authorize?x=1"' in page
    client.post("/agents/alice/orders/login_code/", {"code": "the-code-1234"}, headers=HTMX)
    _answered(Order.objects.get(verb="login_code"), "signed in")
    assert "signed in" in client.get("/agents/alice/").content.decode()
    assert Order.objects.get(verb="login_code").args == {}
    assert "the-code-1234" not in "".join(AuditEvent.objects.values_list("note", flat=True))


def _answered(order: Order, text: str) -> None:
    Order.objects.filter(pk=order.pk).update(state="sent", session="s")
    control.answered(order.agent_id, "s", order.pk, ok=True, text=text)


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("https://claude.ai/oauth", True),
        ("https://platform.claude.com/oauth?x=1", True),
        ("https://console.anthropic.com/", True),
        ("http://claude.ai/oauth", False),
        ("https://claude.ai.evil.example/", False),
        ("https://evilclaude.ai/", False),
        ("https://claude.ai@evil.example/", False),
        ("https://claude.ai:8443/", False),
        ("javascript:alert(1)", False),
        ("https://[", False),
    ],
)
def test_only_the_services_own_pages_become_links(address: str, trusted: bool) -> None:
    assert signing_in.is_trusted(address) is trusted
