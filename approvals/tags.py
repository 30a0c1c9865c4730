"""Planting git's tags and mirroring them in rows. Git is the truth; the rows are for the pages."""

from __future__ import annotations

from django.db import transaction

from agents import configuration, feed
from agents.models import Agent
from approvals.models import Tag


def plant(agent: Agent, name: str, commit: str, message: str = "") -> None:
    """Tag `commit` in the applied repository and mirror it. Raises `TagConflict` when it names another commit."""
    configuration.applied(agent.name).tag(name, commit, message or None)
    with transaction.atomic():
        Tag.objects.update_or_create(agent=agent, name=name, defaults={"commit": commit, "message": message})
        feed.publish("agents", agent.pk)


def plant_in_meta(name: str, commit: str, message: str = "") -> None:
    """Tag a commit of the meta flake. Raises `TagConflict` when the tag names another commit."""
    configuration.meta_repository().tag(name, commit, message or None)
    with transaction.atomic():
        Tag.objects.update_or_create(agent=None, name=name, defaults={"commit": commit, "message": message})
        feed.publish("approvals")


def reconcile_meta() -> None:
    """Make the rows of the meta flake's tags say what git says."""
    found = configuration.meta_repository().tags()
    with transaction.atomic():
        Tag.objects.filter(agent=None).exclude(name__in=found).delete()
        for name, info in found.items():
            given = {"commit": info.commit, "message": info.message}
            Tag.objects.update_or_create(agent=None, name=name, defaults=given)


def reconcile(agent: Agent) -> None:
    """Make the rows say what git says."""
    repository = configuration.applied(agent.name)
    found = repository.tags() if repository.exists() else {}
    with transaction.atomic():
        Tag.objects.filter(agent=agent).exclude(name__in=found).delete()
        for name, info in found.items():
            Tag.objects.update_or_create(
                agent=agent, name=name, defaults={"commit": info.commit, "message": info.message}
            )
