"""Watching a real Xvnc through the hive's real web process."""

from __future__ import annotations

from tests.screen.desktop import SIZE, Desktop
from tests.screen.operator import Operator


async def test_the_desktop_is_seen(ada: Operator, name: str, shown: Desktop) -> None:
    async with ada.watching(name) as viewer:
        assert viewer.size == SIZE
        picture = await viewer.picture()
    assert bytes((0x80, 0x50, 0x20)) in {picture[at : at + 3] for at in range(0, len(picture), 4)}
