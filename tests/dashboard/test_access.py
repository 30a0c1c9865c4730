from __future__ import annotations

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from tests import builders

MUTATING = [
    ("spawn", []),
    ("send", []),
    ("seen", []),
    ("decide", [1]),
    ("supersede", [1]),
    ("act", ["alice", "start"]),
    ("act", ["alice", "stop"]),
    ("act", ["alice", "restart"]),
    ("act", ["alice", "rebuild"]),
    ("destroy", ["alice"]),
    ("revive", ["alice"]),
    ("rollback", ["alice"]),
]
PAGES = [
    "/",
    "/approvals/",
    "/jobs/",
    "/agents/alice/",
    "/agents/alice/agent.nix",
    "/agents/alice/log/",
    "/approvals/1/",
    "/audit/",
]
HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize(("name", "args"), MUTATING)
def test_looking_at_a_changing_address_changes_nothing(client: Client, name: str, args: list[object]) -> None:
    assert client.get(reverse(name, args=args)).status_code == 405


@pytest.mark.parametrize(("name", "args"), MUTATING)
def test_who_may_only_look_is_refused(guest: Client, name: str, args: list[object]) -> None:
    builders.approval(pk=1)
    answer = guest.post(reverse(name, args=args), {"decision": "approve", "typed": "alice"})
    assert answer.status_code == 403
    assert "guest may look, not act" in answer.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_pages_ask_for_sign_in(db: None, page: str) -> None:
    answer = Client().get(page)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={page}")


@pytest.mark.parametrize("page", PAGES)
def test_who_may_look_sees_pages_without_controls(guest: Client, page: str) -> None:
    builders.approval(pk=1)
    answer = guest.get(page)
    assert answer.status_code == 200
    html = answer.content.decode()
    assert html.count('method="post"') == 1, "only sign-out is left"


def test_an_expired_session_takes_htmx_to_sign_in(db: None) -> None:
    answer = Client().get("/?panels=agents", headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in/")


def test_programs_without_a_session_get_a_line(db: None) -> None:
    answer = Client().get("/api/agent-config/alice")
    assert (answer.status_code, answer.content) == (401, b"sign in first\n")


def test_only_these_views_are_open_to_everyone() -> None:
    patterns = [pattern for pattern in get_resolver().url_patterns if isinstance(pattern, URLPattern)]
    open_views = {each.name for each in patterns if not getattr(each.callback, "login_required", True)}
    assert open_views == {"healthz", "sign-in", "sign-in-link", "admin-sign-in", "wake"}


def test_a_forged_form_is_refused(ada: object) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)  # type: ignore[arg-type]
    answer = browser.post(reverse("spawn"), {"name": "bob"})
    assert answer.status_code == 403
    assert "reload it and try again" in answer.content.decode()


def test_every_answer_carries_the_strict_policy(client: Client) -> None:
    for page in ("/", "/healthz", "/nowhere/", "/admin/"):
        policy = client.get(page).headers["Content-Security-Policy"]
        assert "script-src 'self'; style-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_parts_and_pages_are_told_apart_by_caches(client: Client) -> None:
    assert "HX-Request" in client.get("/").headers["Vary"]


@pytest.mark.parametrize("page", ["/nowhere/", "/agents/nobody/", "/approvals/999/", "/jobs/999/", "/messages/999/"])
def test_what_is_not_there_says_so(client: Client, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()
    assert "hive_paths" not in answer.content.decode().lower()
