"""The audit log as a page, and what it is told of sign-ins and destructive deeds."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents import actors, lifecycle, tokens
from approvals import audit
from approvals.models import AuditEvent
from hiveproject import account, signin
from tests import builders
from tests.dashboard.test_deciding import words

pytestmark = pytest.mark.django_db


def event(number: int = 0, **fields: Any) -> AuditEvent:
    given = {"actor": actors.operator("bea"), "agent": "alice", "note": f"note {number}", **fields}
    return audit.record(str(given.pop("action", "tested")), **given)


def told() -> list[tuple[str, str, str]]:
    return list(AuditEvent.objects.order_by("id").values_list("action", "actor", "note"))


def test_the_page_shows_who_did_what(client: Client) -> None:
    approval = builders.approval()
    event(approval_id=approval.pk, action="approval denied", note="no <b>room</b>\u202e")
    html = client.get("/audit/").content.decode()
    for piece in ("bea", "approval denied", f"#{approval.pk}", "alice"):
        assert piece in words(html.encode())
    assert "<b>room" not in html
    assert "\u202e" not in html


def test_it_is_paged_and_the_filter_stays(client: Client) -> None:
    for number in range(120):
        event(number, agent="alice" if number % 2 else "bob")
    html = client.get("/audit/?agent=bob").content.decode()
    assert "page 1 of 2" in html
    assert "?agent=bob&amp;page=2" in html
    assert "note 119" not in html
    assert "page 2 of 2" in client.get("/audit/?agent=bob&page=2").content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=bea", ["uno", "due"]),
        ("actor=operator:bea", ["uno", "due"]),
        ("actor=hm1nd", ["tre"]),
        ("action=deni", ["due"]),
        ("agent=bob", ["tre"]),
        ("approval=7", ["due"]),
        ("since=2099-01-01", []),
        ("until=2099-01-01", ["uno", "due", "tre"]),
        ("actor=nobody", []),
    ],
)
def test_it_filters(client: Client, query: str, found: list[str]) -> None:
    event(note="uno")
    event(note="due", action="approval denied", approval_id=7)
    event(note="tre", actor=actors.agent("hm1nd"), agent="bob")
    said = words(client.get(f"/audit/?{query}").content)
    assert [name for name in ("uno", "due", "tre") if name in said.split()] == found


def test_a_filter_that_makes_no_sense_says_so(client: Client) -> None:
    event()
    said = words(client.get("/audit/?since=yesterday").content)
    assert "That is no time" in said
    assert "note 0" not in said


def test_who_may_look_sees_it_too(guest: Client) -> None:
    event()
    assert "note 0" in words(guest.get("/audit/").content)


def test_signing_in_and_out_is_kept(ada: User) -> None:
    browser = Client()
    browser.post("/sign-in/", {"username": "ada", "password": "a long password"})
    browser.post("/sign-out/")
    assert told() == [
        ("signed in", "operator:ada", "by password, from 127.0.0.1"),
        ("signed out", "operator:ada", ""),
    ]


def test_who_was_turned_away_is_kept_and_is_no_operator(ada: User) -> None:
    Client().post("/sign-in/", {"username": "ada\x1b[2J", "password": "wrong"})
    (only,) = told()
    assert only == ("sign-in refused", "stranger:ada[2J", "by password, from 127.0.0.1")


def test_links_are_kept_from_their_making_to_their_use(ada: User) -> None:
    path = signin.path(signin.issue(ada, actor=actors.operator("ada")))
    Client().post(path)
    Client().post(path)
    assert told() == [
        ("sign-in link made", "operator:ada", "for ada"),
        ("signed in", "operator:ada", "by a one-time link, from 127.0.0.1"),
        ("sign-in refused", "stranger:?", "by a link that is used up or never was, from 127.0.0.1"),
    ]


def test_guessing_links_is_braked(ada: User) -> None:
    for _ in range(signin.MAX_ATTEMPTS):
        assert Client().post("/sign-in/link/guess/").status_code == 410
    token = signin.issue(ada)
    assert Client().post(signin.path(token)).status_code == 429
    assert signin.is_good(token)


def test_a_new_password_is_kept_without_it(db: None) -> None:
    password = account.reset()
    assert told() == [("password reset", "operator:operator", "on the command line")]
    assert password not in str(told())


@pytest.mark.parametrize(("purge", "action"), [(False, "agent destroy asked"), (True, "agent purge asked")])
def test_destroying_is_kept(db: None, purge: bool, action: str) -> None:
    lifecycle.destroy(builders.agent("alice"), actor=actors.operator("bea"), purge=purge)
    assert told() == [(action, "operator:bea", "")]


def test_a_new_token_is_kept_without_it(db: None) -> None:
    token = tokens.rotate(builders.agent("alice"))
    assert told() == [("token changed", "system", "")]
    assert token not in str(told())
