from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from agents import actors
from approvals import decisions
from approvals.models import Approval, ApprovalContent, AuditEvent
from tests import builders

pytestmark = pytest.mark.django_db
LIST = "/admin/approvals/approval/"


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("sam", password="a long password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(user)
    return browser


def act(browser: Client, action: str, *approvals: Approval) -> str:
    given = {"action": action, "_selected_action": [str(approval.pk) for approval in approvals]}
    return browser.post(LIST, given, follow=True).content.decode()


@pytest.mark.parametrize(("action", "status"), [("approve", "approved"), ("deny", "denied"), ("cancel", "cancelled")])
def test_an_action_decides_through_the_decision_functions(client: Client, action: str, status: str) -> None:
    approval = builders.approval()
    assert f"is {status}." in act(client, action, approval)
    event = AuditEvent.objects.get(to_status=status)
    assert (event.actor, event.approval_id) == ("operator:ada", approval.pk)


def test_an_action_reports_each_row(client: Client) -> None:
    first, second = builders.approval(), builders.approval()
    decisions.deny(first, actor=actors.operator("grace"))
    said = act(client, "approve", first, second)
    assert f"approval {first.pk} is already denied by grace" in said
    assert f"Approval {second.pk} of alice is approved." in said


def test_who_may_only_view_has_no_actions_and_no_buttons() -> None:
    approval = builders.approval()
    browser = staff("view_approval", "change_approval")
    act(browser, "approve", approval)
    page = browser.get(f"{LIST}{approval.pk}/change/").content.decode()
    assert "hive-decision" not in page
    browser.post(f"{LIST}{approval.pk}/change/", {"decision": "approve", "status": "deployed"})
    approval.refresh_from_db()
    assert approval.status == "pending"


def test_the_page_shows_the_change_and_decides_with_a_note(client: Client) -> None:
    approval = builders.approval(commit="4" * 40)
    ApprovalContent.objects.create(approval=approval, after={"agent.nix": "{ a = 2; }\n"})
    address = f"{LIST}{approval.pk}/change/"
    assert 'class="added"' in client.get(address).content.decode()
    client.post(address, {"decision": "deny", "note": "one\r\ntwo", "status": "deployed"})
    approval.refresh_from_db()
    assert (approval.status, approval.note, approval.decided_by) == ("denied", "one\r\ntwo", "ada")


def test_a_post_without_a_decision_changes_nothing(client: Client) -> None:
    approval = builders.approval()
    client.post(f"{LIST}{approval.pk}/change/", {"status": "deployed", "commit": "0" * 40})
    approval.refresh_from_db()
    assert (approval.status, approval.commit) == ("pending", builders.COMMIT)


@pytest.mark.parametrize(
    "model", ["approvals/approval", "approvals/auditevent", "approvals/tag", "agents/agent", "agents/job"]
)
def test_nothing_can_be_added_or_deleted(client: Client, model: str) -> None:
    builders.approval()
    decisions.deny(Approval.objects.get(), actor=actors.operator("grace"))
    assert client.get(f"/admin/{model}/add/").status_code == 403
    assert client.post(f"/admin/{model}/1/delete/", {"post": "yes"}).status_code == 403


def test_the_audit_log_is_read_only_and_shown(client: Client) -> None:
    decisions.deny(builders.approval(), actor=actors.operator("grace"))
    event = AuditEvent.objects.get()
    address = f"/admin/approvals/auditevent/{event.pk}/change/"
    assert "operator:grace" in client.get(address).content.decode()
    assert client.post(address, {"actor": "nobody"}).status_code == 403


def test_the_token_of_an_agent_is_not_shown(client: Client) -> None:
    agent = builders.agent("alice", token_hash="f" * 64)
    assert "f" * 64 not in client.get(f"/admin/agents/agent/{agent.pk}/change/").content.decode()
