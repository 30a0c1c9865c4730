"""An edge is told once, a level never."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from agents import actors
from approvals import decisions
from hiveproject.models import AttentionEdge, Notice, ReachTarget
from hiveproject.reach import edges
from hiveproject.reach.following import Following
from tests import builders

pytestmark = pytest.mark.django_db


def target(**fields: Any) -> ReachTarget:
    return ReachTarget.objects.create(**{"name": "phone", "kind": "json", "url": "http://127.0.0.1:1/", **fields})


def test_a_new_item_is_told_once() -> None:
    target()
    approval = builders.approval(description="More memory")
    (notice,) = edges.look()
    assert (notice.title, notice.detail, notice.path) == (
        "Change to alice",
        "More memory",
        f"/approvals/{approval.pk}/",
    )
    assert edges.look() == []
    assert Notice.objects.count() == 1


def test_what_was_there_before_a_target_is_not_told_to_it() -> None:
    builders.approval()
    edges.look()
    target()
    assert edges.look() == []


def test_every_target_that_is_switched_on_is_told(settings: Settings) -> None:
    settings.HIVE_NOTIFY_URL = "http://127.0.0.1:1/"
    first, _ = target(), target(name="off", enabled=False)
    builders.approval()
    assert {notice.target_id for notice in edges.look()} == {None, first.pk}


def test_two_approvals_are_two_edges() -> None:
    target()
    builders.approval()
    edges.look()
    builders.approval()
    assert len(edges.look()) == 1


def test_what_comes_back_at_once_had_not_gone() -> None:
    target()
    agent = builders.agent("alice", failed=True)
    now = timezone.now()
    assert len(edges.look(now)) == 1
    for second, failed in ((1, False), (2, True), (3, False), (4, True)):
        type(agent).objects.update(failed=failed)
        assert edges.look(now + timedelta(seconds=second)) == []


def test_what_comes_back_later_is_told_again() -> None:
    target()
    agent = builders.agent("alice", failed=True)
    now = timezone.now()
    edges.look(now)
    type(agent).objects.update(failed=False)
    edges.look(now + timedelta(seconds=1))
    type(agent).objects.update(failed=True)
    assert len(edges.look(now + edges.SETTLE * 2)) == 1


def test_what_is_decided_is_forgotten_in_the_end() -> None:
    approval = builders.approval()
    now = timezone.now()
    edges.look(now)
    decisions.deny(approval, actor=actors.operator("bea"))
    edges.look(now + timedelta(seconds=1))
    assert AttentionEdge.objects.get().gone_at is not None
    edges.look(now + edges.SETTLE * 2)
    assert not AttentionEdge.objects.exists()


def test_the_worker_looks_only_when_something_has_changed(django_assert_num_queries: Any) -> None:
    following = Following()
    following.turn()
    with django_assert_num_queries(3):
        following.turn()


def test_old_notices_are_forgotten_and_waiting_ones_kept() -> None:
    made = [edges.test(target()), edges.test(ReachTarget.objects.get())]
    Notice.objects.update(created_at=timezone.now() - edges.KEEP * 2)
    Notice.objects.filter(pk=made[0].pk).update(state="sent")
    edges.prune()
    assert [notice.pk for notice in Notice.objects.all()] == [made[1].pk]
