"""Targets in the admin: the secret goes in and never comes out, every change is audited."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals.models import AuditEvent
from hiveproject.models import Notice, ReachTarget
from hiveproject.reach import sealing
from tests.dashboard.test_admin import staff

pytestmark = pytest.mark.django_db
TARGETS = "/admin/hiveproject/reachtarget/"
SECRET = "tk_very-secret"
GIVEN = {"name": "phone", "kind": "ntfy", "url": "https://ntfy.sh/hive", "enabled": "on", "secret": SECRET}


@pytest.fixture
def client(db: None) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("ada", password="a long password"))
    return browser


def test_the_secret_is_sealed_and_never_shown(client: Client) -> None:
    client.post(f"{TARGETS}add/", GIVEN)
    target = ReachTarget.objects.get()
    assert SECRET not in target.sealed
    assert sealing.opened(target.sealed) == SECRET
    for page in (TARGETS, f"{TARGETS}{target.pk}/change/", f"{TARGETS}{target.pk}/history/"):
        html = client.get(page).content.decode()
        assert SECRET not in html
        assert target.sealed not in html
    assert all(SECRET not in event.note for event in AuditEvent.objects.all())


def test_an_empty_secret_keeps_the_one_that_is_there(client: Client) -> None:
    client.post(f"{TARGETS}add/", GIVEN)
    target = ReachTarget.objects.get()
    client.post(f"{TARGETS}{target.pk}/change/", {**GIVEN, "secret": "", "url": "https://ntfy.sh/other"})
    target.refresh_from_db()
    assert (target.url, sealing.opened(target.sealed)) == ("https://ntfy.sh/other", SECRET)


def test_changes_are_audited(client: Client) -> None:
    client.post(f"{TARGETS}add/", GIVEN)
    number = ReachTarget.objects.get().pk
    client.post(f"{TARGETS}{number}/change/", {**GIVEN, "url": "https://ntfy.sh/other"})
    client.post(f"{TARGETS}{number}/delete/", {"post": "yes"})
    told = [(event.action, event.actor) for event in AuditEvent.objects.order_by("id")]
    assert told == [(f"reach target {verb}", "operator:ada") for verb in ("added", "changed", "removed")]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/", "http://a:b@c/", "x"])
def test_other_addresses_are_sent_back(client: Client, url: str) -> None:
    assert client.post(f"{TARGETS}add/", {**GIVEN, "url": url}).status_code == 200
    assert not ReachTarget.objects.exists()


@pytest.mark.parametrize("secret", ["a\x1bb", "ü"])
def test_a_secret_is_a_line_of_plain_characters(client: Client, secret: str) -> None:
    assert client.post(f"{TARGETS}add/", {**GIVEN, "secret": secret}).status_code == 200
    assert not ReachTarget.objects.exists()


def test_a_test_is_put_on_its_way(client: Client) -> None:
    client.post(f"{TARGETS}add/", GIVEN)
    target = ReachTarget.objects.get()
    client.post(TARGETS, {"action": "send_a_test", "_selected_action": [str(target.pk)]})
    assert Notice.objects.get().title == "This is a test"


def test_who_may_not_decide_keeps_no_targets() -> None:
    browser = staff("add_reachtarget", "change_reachtarget", "view_reachtarget")
    assert browser.post(f"{TARGETS}add/", GIVEN).status_code == 403
    assert not ReachTarget.objects.exists()


def test_a_change_of_who_may_decide_is_audited(client: Client) -> None:
    answer = client.post(
        "/admin/auth/user/add/",
        {
            "username": "eve",
            "password1": "a Long passw0rd!",
            "password2": "a Long passw0rd!",
            "usable_password": "true",
        },
    )
    assert answer.status_code == 302, answer.content.decode()
    eve = User.objects.get(username="eve")
    client.post(f"/admin/auth/user/{eve.pk}/change/", {**_fields(eve), "is_superuser": "on", "is_active": "on"})
    added, changed = AuditEvent.objects.order_by("id")
    assert (added.action, changed.action) == ("user added", "user changed")
    assert "superuser: False, may decide: False" in added.note
    assert "superuser: True, may decide: True" in changed.note
    assert added.actor == changed.actor == "operator:ada"


def _fields(user: User) -> dict[str, str]:
    joined = user.date_joined
    return {
        "username": user.username,
        "date_joined_0": joined.strftime("%Y-%m-%d"),
        "date_joined_1": joined.strftime("%H:%M:%S"),
    }
