from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from hiveproject import signin
from hiveproject.models import SignInLink


def test_a_link_signs_in_once(ada: User) -> None:
    path = signin.path(signin.issue(ada))
    browser = Client()
    assert browser.post(path).headers["Location"] == "/"
    assert browser.get("/").status_code == 200
    again = Client().post(path)
    assert again.status_code == 410
    assert "hivectl operator link" in again.content.decode()


def test_looking_at_a_link_does_not_spend_it(ada: User) -> None:
    token = signin.issue(ada)
    assert "Pressing the button" in Client().get(signin.path(token)).content.decode()
    assert signin.is_good(token)


def test_a_link_expires(ada: User) -> None:
    token = signin.issue(ada)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(signin.path(token)).status_code == 410
    assert signin.spend(token) is None


def test_a_link_of_a_locked_out_user_is_worth_nothing(ada: User) -> None:
    token = signin.issue(ada)
    User.objects.update(is_active=False)
    assert signin.spend(token) is None


def test_only_the_digest_of_a_link_is_kept(ada: User) -> None:
    token = signin.issue(ada)
    assert token not in str(SignInLink.objects.values().get())


def test_links_that_are_long_over_are_forgotten(ada: User) -> None:
    signin.issue(ada)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(days=1))
    signin.issue(ada)
    assert SignInLink.objects.count() == 1


def test_a_link_leaks_to_no_other_origin(ada: User) -> None:
    answer = Client().get(signin.path(signin.issue(ada)))
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_link_needs_a_form_of_ours(ada: User) -> None:
    token = signin.issue(ada)
    assert Client(enforce_csrf_checks=True).post(signin.path(token)).status_code == 403
    assert signin.is_good(token)


def test_signing_in_by_password_leads_where_one_wanted_to_go(ada: User) -> None:
    answer = Client().post(
        "/sign-in/?next=/jobs/", {"username": "ada", "password": "a long password", "next": "/jobs/"}
    )
    assert answer.headers["Location"] == "/jobs/"


def test_a_wrong_password_says_so(ada: User) -> None:
    answer = Client().post("/sign-in/", {"username": "ada", "password": "wrong"})
    assert "do not belong together" in answer.content.decode()


@pytest.mark.parametrize(("name", "address"), [("ada", "10.0.0.2"), ("eve", "127.0.0.1")])
def test_guessing_is_braked_by_name_and_by_address(ada: User, name: str, address: str) -> None:
    for _ in range(signin.MAX_ATTEMPTS):
        Client().post("/sign-in/", {"username": "ada", "password": "wrong"})
    answer = Client(REMOTE_ADDR=address).post("/sign-in/", {"username": name, "password": "a long password"})
    assert answer.status_code == 429
    assert "Wait a minute" in answer.content.decode()


def test_others_sign_in_while_one_is_braked(ada: User) -> None:
    for _ in range(signin.MAX_ATTEMPTS):
        signin.count_failure("name:eve", "address:10.0.0.2")
    assert Client().post("/sign-in/", {"username": "ada", "password": "a long password"}).status_code == 302


def test_signing_out_is_a_post(client: Client) -> None:
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert client.get("/").status_code == 302
