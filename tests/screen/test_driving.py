"""Who acts on the desktop: enforced on the host, whatever a client sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.broker.hive import Hive, until
from tests.screen.desktop import Desktop
from tests.screen.operator import Operator
from tests.screen.viewer import Viewer, cut_text, key, pointer, typed


async def eventually(condition: Callable[[], object], what: str = "") -> None:
    await asyncio.to_thread(until, condition, 30, what)


async def types(viewer: Viewer, text: str) -> None:
    """Types and waits until the server has taken it: it answers in order."""
    await viewer.say(pointer(200, 100, 1) + pointer(200, 100) + typed(text))
    await viewer.picture()


def driver(hive: Hive, name: str) -> str | None:
    sql = """SELECT username FROM agents_screenlease lease JOIN auth_user ON auth_user.id = user_id
        JOIN agents_agent agent ON agent.id = agent_id WHERE agent.name = ?"""
    rows = hive.rows(sql, name)
    return str(rows[0][0]) if rows else None


def audited(hive: Hive, name: str) -> list[tuple[Any, ...]]:
    return hive.rows("SELECT action, actor FROM approvals_auditevent WHERE agent = ? ORDER BY id", name)


async def drives(operator: Operator, name: str, viewer: Viewer, desktop: Desktop) -> None:
    """Take control and wait until it has arrived at the relay."""
    assert operator.act(name, "take") == 204
    before = len(desktop.clicks)
    while len(desktop.clicks) == before:
        await viewer.say(pointer(20, 20, 1) + pointer(20, 20))
        await viewer.picture()


async def test_without_the_control_nothing_reaches_the_desktop(ada: Operator, name: str, shown: Desktop) -> None:
    async with ada.watching(name) as viewer:
        await types(viewer, "hello")
        qemu = bytes((255, 0, 0, 1)) + (ord("x")).to_bytes(4, "big") + (45).to_bytes(4, "big")
        await viewer.say(qemu + cut_text(b"stolen"))
        await viewer.picture()
    async with ada.watching(name) as viewer:  # what comes through the same server later would come after it
        await drives(ada, name, viewer, shown)
        await types(viewer, "z")
        await eventually(lambda: shown.heard == "z", f"{shown.heard!r}")
    assert len(shown.clicks) >= 1
    assert "200,100" not in shown.clicks[:1]
    ada.act(name, "hand-back")


async def test_with_the_control_it_is_clicked_and_typed(ada: Operator, name: str, shown: Desktop, hive: Hive) -> None:
    async with ada.watching(name) as viewer:
        await drives(ada, name, viewer, shown)
        await types(viewer, "hive")
        await eventually(lambda: shown.heard == "hive", shown.heard)
        assert driver(hive, name) == "ada"
        assert ada.act(name, "hand-back") == 204
    assert driver(hive, name) is None
    assert audited(hive, name) == [
        ("screen control taken", "operator:ada"),
        ("screen control handed back", "operator:ada"),
    ]


async def test_handing_back_ends_it_and_lifts_what_is_held(ada: Operator, name: str, shown: Desktop) -> None:
    async with ada.watching(name) as viewer, ada.watching(name) as witness:
        await drives(ada, name, viewer, shown)
        await viewer.say(pointer(200, 100, 1) + pointer(200, 100) + key(ord("a"), down=True))
        await viewer.picture()
        assert shown.lifted == []
        ada.act(name, "hand-back")
        await eventually(lambda: shown.lifted == ["a"], "the key to be lifted")
        await types(viewer, "later")
        await witness.picture()
        assert set(shown.heard) == {"a"}


async def test_only_one_page_drives(ada: Operator, name: str, shown: Desktop, another: Callable[..., Operator]) -> None:
    bob = another("bob")
    async with ada.watching(name) as first, bob.watching(name) as second:
        await drives(ada, name, first, shown)
        assert bob.act(name, "take") == 409
        before = len(shown.clicks)
        await types(second, "bob")
        assert (shown.heard, len(shown.clicks)) == ("", before)
        ada.act(name, "hand-back")
        await drives(bob, name, second, shown)
        bob.act(name, "hand-back")


async def test_a_second_tab_of_the_same_user_only_watches(ada: Operator, name: str, shown: Desktop) -> None:
    async with ada.watching(name) as first:
        viewer, ada.viewer = ada.viewer, ""
        async with ada.watching(name) as second:
            ada.viewer = viewer
            await drives(ada, name, first, shown)
            await types(second, "no")
            assert shown.heard == ""
        ada.viewer = viewer
        ada.act(name, "hand-back")


async def test_the_control_survives_a_short_loss_of_the_connection(ada: Operator, name: str, shown: Desktop) -> None:
    async with ada.watching(name) as viewer:
        await drives(ada, name, viewer, shown)
    async with ada.watching(name) as viewer:  # the same page, with a new ticket
        before = len(shown.clicks)
        while len(shown.clicks) == before:
            await viewer.say(pointer(20, 20, 1) + pointer(20, 20))
            await viewer.picture()
    ada.act(name, "hand-back")


async def test_who_is_gone_loses_it(ada: Operator, name: str, shown: Desktop, hive: Hive) -> None:
    async with ada.watching(name) as viewer:
        await drives(ada, name, viewer, shown)
    await eventually(lambda: driver(hive, name) is None, "the end of the lease")
    assert audited(hive, name)[-1] == ("screen control expired", "operator:ada")


async def test_who_may_only_watch_cannot_take_it(hive: Hive, name: str, shown: Desktop) -> None:
    code = """
from django.contrib.auth.models import User, Permission
user, _ = User.objects.get_or_create(username="eve")
user.user_permissions.set(Permission.objects.filter(codename="watch_screen"))
"""
    hive.manage("shell", "--verbosity=0", "-c", code)
    eve = Operator(hive, "eve", rights=False)
    async with eve.watching(name) as viewer:
        await viewer.picture()
        assert eve.act(name, "take") == 403
        assert eve.post(f"/agents/{name}/screen/ticket/", record="1")[0] == 403
    assert driver(hive, name) is None


async def test_losing_the_right_ends_the_control(hive: Hive, name: str, shown: Desktop) -> None:
    mallory = Operator(hive, "mallory")
    async with mallory.watching(name) as viewer:
        await drives(mallory, name, viewer, shown)
        hive.execute("UPDATE auth_user SET is_superuser = 0 WHERE username = 'mallory'")
        code, reason = await viewer.closed()
    assert code == 4403
    assert "may not watch" in reason
    await eventually(lambda: driver(hive, name) is None)
