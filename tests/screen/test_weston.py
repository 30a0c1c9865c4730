"""A real Weston on an agent's screen: found by its port, told whom it runs as, watched and driven through the hive."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.naming import vnc_port
from tests.broker.hive import Hive
from tests.screen.operator import Operator
from tests.screen.viewer import Viewer, key, pointer, typed
from tests.screen.weston import SIZE, Weston, debian, weston

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a Debian"),
]
ENTER = 0xFF0D
SECONDS = 60.0
_numbers = itertools.count(1)
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
"""In the names, as ports follow from these and tests in several processes share the machine's."""


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    with debian() as made:
        yield made


@pytest.fixture
def name(hive: Hive) -> str:
    """An agent on whose port nobody listens."""
    taken = {line.split()[1][-4:] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]}
    made = next(name for name in (f"{_WORKER}w{number}" for number in _numbers) if f"{vnc_port(name):04X}" not in taken)
    hive.add(made)
    return made


@pytest.fixture(params=[True, False], ids=["root", "agent"])
def shown(request: pytest.FixtureRequest, root: Path, name: str) -> Iterator[Weston]:
    """Weston on the screen of `name`: as the container's root, and as the agent's own user."""
    with weston(root, name, as_root=request.param) as running:
        yield running


def colours(picture: bytes) -> set[bytes]:
    return {picture[at : at + 3] for at in range(0, len(picture), 4)}


async def seen(viewer: Viewer, wanted: Callable[[bytes], bool], what: str) -> bytes:
    """The first picture that is as wanted."""
    deadline = time.monotonic() + SECONDS
    while not wanted(picture := await viewer.picture()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        await asyncio.sleep(0.1)
    return picture


async def types(viewer: Viewer, text: str) -> None:
    """Clicks into the terminal, types, and has the server answer behind it."""
    middle = SIZE[0] // 2, SIZE[1] // 2
    await viewer.say(pointer(*middle, 1) + pointer(*middle) + typed(text))
    await viewer.picture()


async def line(viewer: Viewer, text: str) -> None:
    await types(viewer, text)
    await viewer.say(key(ENTER, down=True) + key(ENTER, down=False))


async def said(viewer: Viewer, shown: Weston, text: str) -> None:
    """Types the line until it is heard: the control takes a moment to arrive."""
    deadline = time.monotonic() + SECONDS
    while text not in shown.heard.splitlines():
        assert time.monotonic() < deadline, f"in vain: {text}; heard: {shown.heard!r}; {shown.log}"
        await line(viewer, text)
        await asyncio.sleep(0.5)


async def test_weston_is_watched_and_driven(ada: Operator, name: str, shown: Weston) -> None:
    async with ada.watching(name) as viewer:
        assert viewer.size == SIZE
        before = await seen(viewer, lambda picture: len(colours(picture)) > 4, "letters in a terminal")
        await line(viewer, "nobody")
        assert ada.act(name, "take") == 204
        await said(viewer, shown, "driver")
        await seen(viewer, lambda picture: picture != before, "what was typed")
        assert ada.act(name, "hand-back") == 204
    assert "n" not in shown.heard
    assert "wrong user" not in shown.log


async def test_weston_is_seen_on_the_page_of_its_agent(ada: Operator, name: str, shown: Weston) -> None:
    status, page = await asyncio.to_thread(ada.get, f"/agents/{name}/screen/thumbnail/")
    assert (status, b"data:image/png;base64," in page) == (200, True), page
