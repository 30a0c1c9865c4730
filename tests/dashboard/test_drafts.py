from __future__ import annotations

import shutil

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from agents import actors
from agents.models import Agent, Job
from approvals import drafts
from approvals.models import Approval
from tests import builders
from tests.dashboard.test_home import words

pytestmark = pytest.mark.django_db
PAGES = ["/drafts/", "/drafts/bob/ask/", "/drafts/bob/discard/"]


@pytest.fixture(autouse=True)
def _nothing_is_kept_of_earlier_tests() -> None:
    for name in ("bob", "cy"):
        shutil.rmtree(settings.HIVE_PATHS.agent(name), ignore_errors=True)


@pytest.fixture
def draft() -> Agent:
    drafts.make("bob", actor=actors.agent("hm1nd"))
    Job.objects.update(status=Job.Status.DONE)
    return Agent.objects.get(name="bob")


def test_drafts_stand_on_the_dashboard_before_the_kept_state(client: Client, draft: Agent) -> None:
    builders.agent("kip", lifecycle="kept", deployment=None)
    said = words(client.get("/").content)
    assert "/agents/bob/config" in said
    assert said.index("Drafts") < said.index("Kept state")


def test_one_that_could_not_be_made_says_why(client: Client, draft: Agent) -> None:
    Job.objects.update(status=Job.Status.FAILED, error="the disk is full")
    said = words(client.get("/?panels=drafts", headers={"HX-Request": "true"}).content)
    assert "could not be made: the disk is full" in said
    assert "Ask for it" not in said


def test_an_operator_makes_one(client: Client) -> None:
    client.post("/drafts/", {"name": "cy"})
    assert Agent.objects.get(name="cy").lifecycle == Agent.Lifecycle.DRAFT
    refused = client.post("/drafts/", {"name": "cy"}, headers={"HX-Request": "true"})
    assert refused.status_code == 409


def test_asking_for_it_leads_to_its_approval(client: Client, draft: Agent) -> None:
    answer = client.post("/drafts/bob/ask/")
    approval = Approval.objects.get()
    assert (approval.kind, approval.agent, answer.headers["Location"]) == ("spawn", draft, f"/approvals/{approval.pk}/")


def test_throwing_it_away_wants_its_name(client: Client, draft: Agent) -> None:
    client.post("/drafts/bob/discard/", {"typed": "bo"})
    assert not Job.objects.filter(kind="discard").exists()
    client.post("/drafts/bob/discard/", {"typed": "bob"})
    assert Job.objects.filter(kind="discard").count() == 1


def test_what_is_no_draft_is_not_thrown_away(client: Client) -> None:
    builders.agent("bob")
    answer = client.post("/drafts/bob/discard/", {"typed": "bob"}, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert not Job.objects.exists()


@pytest.mark.parametrize("page", PAGES)
def test_only_a_post_of_an_operator_does_anything(client: Client, draft: Agent, page: str) -> None:
    assert client.get(page).status_code == 405
    onlooker = Client()
    onlooker.force_login(User.objects.create_user("looker"))
    assert onlooker.post(page, {"typed": "bob", "name": "cy"}).status_code == 403
    assert (Job.objects.count(), Agent.objects.count()) == (1, 1)


def test_its_own_page_can_be_opened(client: Client, draft: Agent) -> None:
    assert client.get("/agents/bob/").status_code == 200
