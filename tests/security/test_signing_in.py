"""Ways in: what is shut by a new password, and that no door is without a brake."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from hiveproject import account, signin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clean_cache() -> None:
    cache.clear()


@pytest.fixture
def operator() -> User:
    account.ensure("a long password")
    return User.objects.get(username=account.USERNAME)


def test_a_new_password_shuts_what_stood_open(operator: User) -> None:
    browser = Client()
    browser.force_login(operator)
    token = signin.issue(operator)
    account.reset()
    assert browser.get("/").status_code == 302
    assert not signin.is_good(token)
    assert signin.spend(token) is None


def test_the_admins_own_form_is_no_way_around_the_brake(operator: User) -> None:
    browser = Client()
    for _ in range(2 * signin.MAX_ATTEMPTS):
        browser.post("/admin/login/", {"username": operator.username, "password": "guessed"})
    answer = browser.post("/admin/login/?next=/admin/", {"username": operator.username, "password": "a long password"})
    assert "_auth_user_id" not in browser.session
    assert answer.headers["Location"] == "/sign-in/?next=/admin/"


def test_who_is_signed_in_and_may_not_enter_the_admin_is_told_so() -> None:
    browser = Client()
    browser.force_login(User.objects.create_user("guest", password="a long password"))
    assert browser.get("/admin/", follow=True).status_code == 403
