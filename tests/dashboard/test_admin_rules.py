"""Rules that decide, and decisions by several rows, in the admin."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from approvals.models import Approval, AuditEvent, AutoRule
from tests import builders
from tests.dashboard.test_admin import LIST, staff

pytestmark = pytest.mark.django_db
RULES = "/admin/approvals/autorule/"
HIGH = [{"rule": "mode", "level": "high", "where": "x", "text": "It matters."}]


def act(browser: Client, action: str, *approvals: Approval, **more: str) -> str:
    given = {"action": action, "_selected_action": [str(approval.pk) for approval in approvals], **more}
    return browser.post(LIST, given, follow=True).content.decode()


def test_a_rule_is_kept_validated_and_audited(client: Client) -> None:
    client.post(f"{RULES}add/", {"name": "tools", "packages": "jq, fd"})
    made = AutoRule.objects.get()
    assert (made.packages, made.enabled) == ("jq\nfd", False)
    assert AuditEvent.objects.get(action="rule added").actor == "operator:ada"
    client.post(f"{RULES}{made.pk}/delete/", {"post": "yes"})
    assert AuditEvent.objects.filter(action="rule removed").exists()
    assert not AutoRule.objects.exists()


def test_a_rule_that_names_no_package_is_sent_back(client: Client) -> None:
    answer = client.post(f"{RULES}add/", {"name": "tools", "packages": "jq; rm -rf"})
    assert "not the name of a package" in answer.content.decode()
    assert not AutoRule.objects.exists()


def test_who_may_not_decide_makes_no_rules() -> None:
    browser = staff("add_autorule", "change_autorule", "delete_autorule", "view_autorule")
    assert browser.post(f"{RULES}add/", {"name": "x", "packages": "jq", "enabled": "on"}).status_code == 403
    assert not AutoRule.objects.exists()


def test_actions_take_a_note(client: Client) -> None:
    approval = builders.approval()
    act(client, "deny", approval, note="not now")
    approval.refresh_from_db()
    assert (approval.status, approval.note) == ("denied", "not now")


def test_actions_on_high_risk_ask_for_the_name(client: Client) -> None:
    approval, plain = builders.approval(flags=HIGH), builders.approval()
    said = act(client, "approve", approval, plain)
    assert "type the agent&#x27;s name, alice" in said
    assert f"Approval {plain.pk} of alice is approved." in said
    assert f"Approval {approval.pk} of alice is approved." in act(client, "approve", approval, typed="alice")


def test_the_first_of_two_is_told_so(client: Client, settings: Settings) -> None:
    settings.HIVE_TWO_PERSON = True
    approval = builders.approval(flags=HIGH)
    assert "somebody else has to approve it too" in act(client, "approve", approval, typed="alice")
    assert "ada has consented already" in act(client, "approve", approval, typed="alice")


def test_the_page_of_one_asks_for_the_name_and_shows_its_history(client: Client) -> None:
    approval = builders.approval(flags=HIGH)
    address = f"{LIST}{approval.pk}/change/"
    assert "Type alice to approve" in client.get(address).content.decode()
    client.post(address, {"decision": "approve", "typed": "bob"})
    approval.refresh_from_db()
    assert approval.status == "pending"
    client.post(address, {"decision": "approve", "typed": "alice", "note": "fine"})
    approval.refresh_from_db()
    assert approval.status == "approved"
    assert "operator:ada: approval approved fine" in client.get(address).content.decode()


def test_the_list_counts_and_filters(client: Client) -> None:
    builders.approval(flags=HIGH)
    builders.approval(status="denied")
    html = client.get(LIST).content.decode()
    assert "pending (1)" in html.lower()
    assert "1 approval" in client.get(f"{LIST}?high=yes").content.decode()
    assert "1 approval" in client.get(f"{LIST}?high=no").content.decode()
