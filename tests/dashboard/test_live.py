from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from hiveproject import live, tail
from hiveproject.tail import Changes, Subscriber

pytestmark = pytest.mark.django_db(transaction=True)


class Feed:
    """Stands where the process's reader of the change feed stands."""

    def __init__(self) -> None:
        self.subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> Any:
        self.subscribers.append(subscriber)
        return lambda: self.subscribers.remove(subscriber)

    def tell(self, *changes: tuple[str, str]) -> None:
        rows: Changes = [(number, *change) for number, change in enumerate(changes)]
        for subscriber in list(self.subscribers):
            subscriber(rows)


@pytest.fixture
async def feed() -> AsyncIterator[Feed]:
    fed = Feed()
    tail.install(fed)  # type: ignore[arg-type]
    yield fed
    tail.install(None)


@pytest.fixture
def cookie(ada: User) -> str:
    browser = Client()
    browser.force_login(ada)
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


def page(
    cookie: str = "", origin: str = "http://localhost:7000", host: str = "localhost:7000"
) -> WebsocketCommunicator:
    headers = [
        (b"host", host.encode()),
        (b"origin", origin.encode()),
        (b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()),
    ]
    return WebsocketCommunicator(live.websocket, live.PATH, headers=headers)


async def test_a_change_is_told_by_topic_and_id(feed: Feed, cookie: str) -> None:
    browser = page(cookie)
    assert (await browser.connect())[0]
    feed.tell(("agents", "3"), ("messages", "8"), ("agents", "1"))
    assert json.loads(await browser.receive_from()) == {"topics": {"agents": ["1", "3"], "messages": ["8"]}}
    await browser.disconnect()
    assert feed.subscribers == []


async def test_what_comes_in_a_rush_goes_in_one_frame(feed: Feed, cookie: str) -> None:
    browser = page(cookie)
    await browser.connect()
    for number in range(500):
        feed.tell(("joblog", str(number)))
    assert json.loads(await browser.receive_from()) == {"topics": {"joblog": []}}
    await browser.disconnect()


@pytest.mark.parametrize(
    "origin", ["", "null", "http://localhost:8879", "https://evil.example", "http://127.0.0.1:7000"]
)
async def test_a_page_of_another_origin_is_refused(feed: Feed, cookie: str, origin: str) -> None:
    assert not (await page(cookie, origin=origin).connect())[0]
    assert feed.subscribers == []


async def test_a_host_that_is_not_ours_is_refused(feed: Feed, cookie: str) -> None:
    assert not (await page(cookie, origin="http://evil.example", host="evil.example").connect())[0]


@pytest.mark.parametrize("session", ["", "0123456789abcdef0123456789abcdef"])
async def test_without_a_session_it_is_refused(feed: Feed, db: None, session: str) -> None:
    assert not (await page(session).connect())[0]


async def test_signing_out_ends_it_at_the_next_event(feed: Feed, cookie: str) -> None:
    from django.contrib.sessions.models import Session

    browser = page(cookie)
    await browser.connect()
    await sync_to_async(Session.objects.all().delete)()
    feed.tell(("agents", "1"))
    assert await browser.receive_output() == {"type": "websocket.close", "code": live.REFUSED}


async def test_locking_a_user_out_ends_it_at_the_next_event(feed: Feed, cookie: str, ada: User) -> None:
    browser = page(cookie)
    await browser.connect()
    await sync_to_async(User.objects.update)(is_active=False)
    feed.tell(("agents", "1"))
    assert (await browser.receive_output())["code"] == live.REFUSED


async def test_a_ping_is_answered_and_anything_else_ends_it(feed: Feed, cookie: str) -> None:
    browser = page(cookie)
    await browser.connect()
    await browser.send_to("ping")
    assert json.loads(await browser.receive_from()) == {"pong": True}
    await browser.send_to('{"to": "alice"}')
    assert (await browser.receive_output())["code"] == 1008
