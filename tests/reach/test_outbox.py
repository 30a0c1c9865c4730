"""Notices arrive at a real receiver, are tried again when it fails, and are given up when that is of no use."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from hiveproject.models import Notice, ReachTarget
from hiveproject.reach import outbox, sealing
from tests.broker.hive import free_port
from tests.reach.receiver import Receiver

pytestmark = pytest.mark.django_db
SECRET = "tk_very-secret"


def notice(receiver: Receiver | None = None, kind: str = "json", path: str = "/hive", **fields: Any) -> Notice:
    url = f"{receiver.url}{path}" if receiver else f"http://127.0.0.1:{free_port()}/"
    target, _ = ReachTarget.objects.get_or_create(
        name=kind, defaults={"kind": kind, "url": url, "sealed": sealing.seal(SECRET)}
    )
    given = {"key": "k", "title": "Change to alice", "detail": "More memory", "path": "/approvals/7/", "tone": "needs"}
    return Notice.objects.create(**{"target": target, **given, **fields})


def due() -> None:
    Notice.objects.update(next_at=timezone.now())


def test_it_arrives_with_a_link_and_the_secret_in_a_header(receiver: Receiver, settings: Settings) -> None:
    settings.HIVE_PUBLIC_URL = "https://hive.example.org"
    sent = notice(receiver)
    assert outbox.send_due() == 1
    (got,) = receiver.got
    assert (got.method, got.path, got.headers["Authorization"]) == ("POST", "/hive", f"Bearer {SECRET}")
    assert got.body["url"] == "https://hive.example.org/approvals/7/"
    assert (got.body["title"], got.body["detail"], got.body["id"]) == ("Change to alice", "More memory", sent.pk)
    sent.refresh_from_db()
    assert sent.state == "sent"


def test_it_is_sent_once(receiver: Receiver) -> None:
    notice(receiver)
    outbox.send_due()
    due()
    assert outbox.send_due() == 0
    assert len(receiver.got) == 1


def test_ntfy_gets_its_topic_and_a_click(receiver: Receiver) -> None:
    notice(receiver, "ntfy", "/hive-alarm", tone="bad")
    outbox.send_due()
    (got,) = receiver.got
    assert (got.path, got.body["topic"], got.body["priority"]) == ("/", "hive-alarm", 4)
    assert got.body["click"].endswith("/approvals/7/")


def test_slack_gets_text_in_which_nobody_is_mentioned(receiver: Receiver) -> None:
    notice(receiver, "slack", "/services/{secret}", detail="<!channel> & <https://evil.example|fine>")
    outbox.send_due()
    (got,) = receiver.got
    assert got.path == f"/services/{SECRET}"
    assert "Authorization" not in got.headers
    assert "&lt;!channel&gt; &amp; &lt;https" in got.body["text"]


def test_matrix_gets_a_put_that_can_be_repeated(receiver: Receiver) -> None:
    sent = notice(receiver, "matrix", "/_matrix/client/v3/rooms/!r:x/send/m.room.message")
    outbox.send_due()
    (got,) = receiver.got
    assert (got.method, got.path.rpartition("/")[2]) == ("PUT", f"hyperhive-{sent.pk}")
    assert got.body["msgtype"] == "m.text"
    assert "formatted_body" not in got.body


def test_what_hides_is_named(receiver: Receiver) -> None:
    notice(receiver, detail="a\u202eb\nc\x1b[31m")
    outbox.send_due()
    assert receiver.got[0].body["detail"] == "aU+202Eb cU+001B[31m"


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_receiver_that_fails_for_now_is_tried_again(status: int) -> None:
    with Receiver([status, 200]) as receiver:
        sent = notice(receiver)
        assert outbox.send_due() == 0
        sent.refresh_from_db()
        assert (sent.state, sent.tries, sent.error) == ("queued", 1, f"it answers {status}")
        assert sent.next_at > timezone.now()
        assert outbox.send_due() == 0, "it is not due yet"
        due()
        assert outbox.send_due() == 1


def test_a_receiver_that_is_not_there_is_tried_again() -> None:
    sent = notice()
    outbox.send_due()
    sent.refresh_from_db()
    assert (sent.state, sent.error) == ("queued", "cannot reach it: Connection refused")


@pytest.mark.parametrize(("status", "reason"), [(404, "it answers 404"), (403, "it answers 403"), (302, "redirect")])
def test_what_will_not_change_is_given_up(status: int, reason: str) -> None:
    with Receiver([status]) as receiver:
        sent = notice(receiver)
        outbox.send_due()
        assert len(receiver.got) == 1, "no redirect is followed"
    sent.refresh_from_db()
    assert sent.state == "failed"
    assert reason in sent.error


def test_in_the_end_it_is_given_up() -> None:
    sent = notice(tries=outbox.MOST_TRIES - 1)
    outbox.send_due()
    sent.refresh_from_db()
    assert sent.state == "failed"


def test_it_is_tried_less_and_less_often() -> None:
    delays = [outbox.delay(tries) for tries in range(1, outbox.MOST_TRIES + 1)]
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (outbox.FIRST, outbox.LONGEST)
    assert sum(delays, timedelta()) > timedelta(hours=4)


def test_one_that_fails_does_not_hold_up_the_others(receiver: Receiver) -> None:
    first, second = notice(kind="slack"), notice(kind="slack")
    notice(receiver)
    assert outbox.send_due() == 1
    tries = Notice.objects.filter(pk__in=[first.pk, second.pk]).values_list("tries", flat=True)
    assert sorted(tries) == [0, 1], "its target rests for this round"


def test_a_target_that_is_switched_off_gets_nothing(receiver: Receiver) -> None:
    sent = notice(receiver)
    ReachTarget.objects.update(enabled=False)
    outbox.send_due()
    sent.refresh_from_db()
    assert (sent.state, receiver.got) == ("dropped", [])


def test_the_target_of_the_settings(receiver: Receiver, settings: Settings) -> None:
    settings.HIVE_NOTIFY_URL, settings.HIVE_NOTIFY_KIND = f"{receiver.url}/topic", "ntfy"
    settings.HIVE_NOTIFY_SECRET = "from-a-file"
    Notice.objects.create(key="k", title="t", path="/", tone="needs")
    assert outbox.send_due() == 1
    assert receiver.got[0].headers["Authorization"] == "Bearer from-a-file"


def test_two_workers_send_it_once(receiver: Receiver) -> None:
    """Who claims it has it: the other one finds another count of tries."""
    sent = notice(receiver)
    same = Notice.objects.select_related("target").get(pk=sent.pk)
    outbox._try(sent)
    outbox._try(same)
    assert len(receiver.got) == 1


def test_a_secret_sealed_with_another_key_is_said(receiver: Receiver, settings: Settings) -> None:
    sent = notice(receiver)
    settings.SECRET_KEY = "another"
    outbox.send_due()
    sent.refresh_from_db()
    assert (sent.state, receiver.got) == ("failed", [])
    assert "give it again" in sent.error
