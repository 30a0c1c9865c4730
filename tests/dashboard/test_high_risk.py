"""What is of high risk, on the decision page: the name is asked for, two persons where so set, and what else waits."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from approvals import digests
from approvals.models import Approval, ApprovalContent
from tests import builders
from tests.dashboard.test_deciding import HTMX, waiting, words

pytestmark = pytest.mark.django_db
HIGH = [{"rule": "mode", "level": "high", "where": "x", "text": "It matters."}]


def decide(browser: Client, approval: Approval, **given: str) -> Any:
    return browser.post(f"/approvals/{approval.pk}/decide/", {"decision": "approve", **given}, headers=HTMX)


def page(browser: Client, approval: Approval, query: str = "") -> str:
    return words(browser.get(f"/approvals/{approval.pk}/{query}").content)


@pytest.fixture
def grace(db: None) -> Client:
    """Another operator, who has the permission and is no superuser."""
    user = User.objects.create_user("grace", password="a long password")
    user.user_permissions.set(Permission.objects.filter(codename="decide"))
    browser = Client()
    browser.force_login(user)
    return browser


def test_the_form_asks_for_the_name_only_where_it_is_needed(client: Client) -> None:
    assert "Type alice to approve" in page(client, waiting(flags=HIGH))
    assert "to approve (high" not in page(client, waiting())


def test_without_the_name_nothing_happens(client: Client) -> None:
    approval = waiting(flags=HIGH)
    answer = decide(client, approval)
    assert answer.status_code == 409
    assert "type the agent's name, alice" in answer.headers["HX-Trigger"]
    approval.refresh_from_db()
    assert approval.status == "pending"


def test_with_the_name_it_is_approved(client: Client) -> None:
    approval = waiting(flags=HIGH)
    assert decide(client, approval, typed="alice").status_code == 204
    approval.refresh_from_db()
    assert approval.status == "approved"


def test_what_was_shown_is_what_is_decided(client: Client) -> None:
    approval = waiting()
    seen = digests.shown(approval)
    assert f'value="{seen}"' in client.get(f"/approvals/{approval.pk}/").content.decode()
    Approval.objects.update(flags=HIGH)
    answer = decide(client, approval, seen=seen, typed="alice")
    assert "has changed since you looked at it" in answer.headers["HX-Trigger"]
    approval.refresh_from_db()
    assert approval.status == "pending"


def test_two_persons_approve_one_after_the_other(client: Client, grace: Client, settings: Settings) -> None:
    settings.HIVE_TWO_PERSON = True
    approval = waiting(flags=HIGH)
    assert "two persons have to approve it" in page(client, approval)
    answer = decide(client, approval, typed="alice")
    assert "Somebody else has to approve it too" in answer.headers["HX-Trigger"]
    mine, others = page(client, approval), page(grace, approval)
    assert ("Somebody else has to approve it too" in mine, "Type alice" in mine) == (True, False)
    assert "ada consented" in others
    assert decide(grace, approval, typed="alice").status_code == 204
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by) == ("approved", "grace")


def test_an_older_proposal_can_be_superseded(client: Client) -> None:
    old, new = waiting(), waiting()
    assert f"Approval {old.pk} for alice waits too" in page(client, new)
    assert f"approval {new.pk}" in page(client, old)
    answer = client.post(f"/approvals/{new.pk}/supersede/", {"older": old.pk}, headers=HTMX)
    assert answer.status_code == 204
    old.refresh_from_db()
    assert (old.status, old.note) == ("superseded", f"Superseded by approval {new.pk}.")
    assert "waits too" not in page(client, new)


@pytest.mark.parametrize("older", ["", "x", "999", "-1", "9" * 30])
def test_what_cannot_be_superseded_is_refused(client: Client, older: str) -> None:
    approval = waiting()
    answer = client.post(f"/approvals/{approval.pk}/supersede/", {"older": older}, headers=HTMX)
    assert answer.status_code == 409


def test_a_newer_one_is_not_superseded_by_an_older(client: Client) -> None:
    old, new = waiting(), waiting()
    assert client.post(f"/approvals/{old.pk}/supersede/", {"older": new.pk}, headers=HTMX).status_code == 409
    new.refresh_from_db()
    assert new.status == "pending"


def compared() -> Approval:
    """A proposal of an agent that runs one thing, has approved another, and was proposed a third."""
    alice = builders.agent("alice")
    texts = {"runs": ("deployed", "3"), "approved": ("failed", "5"), "proposed": ("denied", "6")}
    for name, (status, digit) in texts.items():
        decided = {"decided_by": "ada", "decided_at": timezone.now() if name == "approved" else None}
        past = builders.approval(alice, status=status, commit=digit * 40, options=builders.agent_options(), **decided)
        ApprovalContent.objects.create(approval=past, after={"agent.nix": f'{{ a = "{name}"; }}\n'})
        if name == "runs":
            alice.deployment = builders.deployment(alice, commit="3" * 40, approval_id=past.pk)
            alice.save()
    asked = builders.approval(alice, commit="4" * 40, options=builders.agent_options(memoryMax="4G"))
    ApprovalContent.objects.create(approval=asked, after={"agent.nix": '{ a = "new"; }\n'})
    return asked


@pytest.mark.parametrize(
    ("query", "old"),
    [("", "runs"), ("?against=running", "runs"), ("?against=approved", "approved"), ("?against=queued", "proposed")],
)
def test_the_change_is_compared_with_what_one_chooses(client: Client, query: str, old: str) -> None:
    html = client.get(f"/approvals/{compared().pk}/{query}").content.decode()
    removed = [row for row in html.split("<tr ") if 'class="removed"' in row]
    assert len(removed) == 1
    assert old in removed[0]


def test_a_base_that_is_not_there_is_what_runs(client: Client) -> None:
    assert client.get(f"/approvals/{compared().pk}/?against=../x").status_code == 200


def test_packages_that_come_and_go_are_named(client: Client) -> None:
    approval = waiting()
    texts = ["{ environment.systemPackages = with pkgs; [ %s ]; }\n" % name for name in ("git", "git jq")]  # noqa: UP031
    ApprovalContent.objects.update(before={"agent.nix": texts[0]}, after={"agent.nix": texts[1]})
    assert "added: jq" in page(client, approval)


def test_five_thousand_changed_lines_are_bounded_and_all_to_be_had(client: Client) -> None:
    approval = waiting()
    old, new = ("".join(f"  x{n}.y = {word};\n" for n in range(2_500)) for word in ("1", "2"))
    ApprovalContent.objects.update(before={"agent.nix": old}, after={"agent.nix": new})
    first = client.get(f"/approvals/{approval.pk}/").content.decode()
    assert "3000 more lines are not shown" in words(first.encode())
    assert first.count('class="src"') == 2_000
    assert len(first) < 1_500_000
    whole = client.get(f"/approvals/{approval.pk}/?all=yes").content.decode()
    assert whole.count('class="src"') == 5_000
    assert len(whole) < 3_500_000


def test_one_file_can_be_looked_at_alone(client: Client) -> None:
    approval = waiting()
    ApprovalContent.objects.update(before={}, after={"agent.nix": "{ }\n", "other.txt": "words\n"})
    said = page(client, approval, "?file=other.txt")
    assert ("words" in said, "{ }" in said) == (True, False)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"status": "ok", "job": 3, "error": ""}, "it builds"),
        ({"status": "running", "job": 3, "error": ""}, "being built"),
        ({"status": "failed", "job": 3, "error": "no <attribute>"}, "it does not build"),
        ({}, ""),
    ],
)
def test_what_came_of_building_it_ahead_is_shown(client: Client, result: dict[str, Any], said: str) -> None:
    approval = waiting(prebuild=result)
    html = page(client, approval)
    assert (said in html, "Built ahead" in html) == (True, bool(result))
    assert "<attribute>" not in client.get(f"/approvals/{approval.pk}/").content.decode()
