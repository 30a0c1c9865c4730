from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from agents.actors import agent as an_agent
from agents.models import Agent, Secret
from approvals import secrets
from approvals.models import AuditEvent
from approvals.secrets import SecretRefused
from tests import builders

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
VALUE = "s3cret-of-the-forge"


@pytest.fixture
def alice(db: None) -> Agent:
    """Alice, with the folders that her container needs."""
    agent = builders.agent("alice", running=True)
    for folder in (settings.HIVE_PATHS.credentials("alice"), settings.HIVE_PATHS.secrets("alice") / "env"):
        folder.mkdir(parents=True, exist_ok=True)
    return agent


def place(*parts: str) -> Path:
    path: Path = settings.HIVE_PATHS.secrets("alice").joinpath(*parts)
    return path


def put(client: Client, **fields: str) -> int:
    given = {"name": "FORGE_TOKEN", "value": VALUE, **fields}
    return client.post("/agents/alice/secrets/", given, headers=HTMX).status_code


def test_a_secret_becomes_a_file_and_is_never_shown(client: Client, alice: Agent) -> None:
    assert put(client) == 204
    assert place("FORGE_TOKEN").read_text() == VALUE
    assert stat.S_IMODE(place("FORGE_TOKEN").stat().st_mode) == 0o600
    page = client.get("/agents/alice/").content.decode()
    assert "FORGE_TOKEN" in page
    assert VALUE not in page
    [event] = AuditEvent.objects.filter(action="secret_set")
    assert (event.actor, event.agent, event.note) == ("operator:ada", "alice", "FORGE_TOKEN")
    rows = json.dumps([list(Secret.objects.values()), list(AuditEvent.objects.values())], default=str)
    assert VALUE not in rows


def test_setting_it_again_replaces_it_and_moves_it(client: Client, alice: Agent) -> None:
    put(client)
    assert put(client, value="other", in_environment="on") == 204
    assert place("env", "FORGE_TOKEN").read_text() == "other"
    assert not place("FORGE_TOKEN").exists()
    assert Secret.objects.get().in_environment


def test_a_removed_secret_is_gone(client: Client, alice: Agent) -> None:
    put(client, in_environment="on")
    assert client.post("/agents/alice/secrets/FORGE_TOKEN/remove/", headers=HTMX).status_code == 204
    assert not place("env", "FORGE_TOKEN").exists()
    assert not Secret.objects.exists()
    assert AuditEvent.objects.filter(action="secret_unset", note="FORGE_TOKEN").exists()
    assert client.post("/agents/alice/secrets/FORGE_TOKEN/remove/", headers=HTMX).status_code == 409


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1x",
        "a-b",
        "../x",
        "a/b",
        "HIVE_PORT",
        "HYPERHIVE_STATE_DIR",
        "LD_PRELOAD",
        "PATH",
        "BASH_ENV",
        "env",
        "x" * 129,
    ],
)
def test_a_name_that_means_something_else_is_refused(client: Client, alice: Agent, name: str) -> None:
    assert put(client, name=name) == 409
    assert not Secret.objects.exists()
    assert [path for path in place().rglob("*") if path.is_file()] == []


def test_a_value_that_no_variable_can_hold_is_refused(alice: Agent) -> None:
    from agents.actors import operator

    for value in ("", "a\0b", "x" * 70_000):
        with pytest.raises(SecretRefused):
            secrets.put(alice, "TOKEN", value, actor=operator("ada"))


def test_who_may_only_look_sets_none(guest: Client, alice: Agent) -> None:
    assert put(guest) == 403
    assert guest.get("/agents/alice/secrets/").status_code == 405
    assert "Set a secret" not in guest.get("/agents/alice/").content.decode()
    assert not Secret.objects.exists()


def test_no_agent_sets_one(alice: Agent) -> None:
    with pytest.raises(SecretRefused):
        secrets.put(alice, "TOKEN", VALUE, actor=an_agent("alice"))
    with pytest.raises(SecretRefused):
        secrets.remove(alice, "TOKEN", actor=an_agent("alice"))


def test_an_agent_without_the_folder_is_told_apart(client: Client) -> None:
    builders.agent("bare")
    answer = client.post("/agents/bare/secrets/", {"name": "TOKEN", "value": VALUE}, headers=HTMX)
    assert answer.status_code == 409
    assert "start or restart it once" in answer.headers["HX-Trigger"]
    assert not Secret.objects.exists()
