"""Who is not let in, and what ends a session."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from websockets.exceptions import InvalidStatus

from tests.broker.hive import Hive
from tests.screen.desktop import Desktop, desktop
from tests.screen.operator import Operator
from tests.screen.viewer import Viewer, close_of, encodings


async def refused(opening: object) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await opening  # type: ignore[misc]
    assert close_of(refusal.value) == 403


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "http://127.0.0.1:1", "http://localhost:7000"])
async def test_a_page_of_another_origin(ada: Operator, name: str, shown: Desktop, origin: str) -> None:
    await refused(ada.open(name, origin=origin))


async def test_no_ticket(ada: Operator, name: str, shown: Desktop) -> None:
    await refused(ada.open(name, ""))
    await refused(ada.open(name, "made-up"))


async def test_a_used_ticket(ada: Operator, name: str, shown: Desktop) -> None:
    ticket = ada.ticket(name)
    async with ada.open(name, ticket) as socket:
        await Viewer(socket).greet()
    await refused(ada.open(name, ticket))


async def test_a_ticket_of_another_agent(ada: Operator, name: str, shown: Desktop, hive: Hive) -> None:
    hive.add("other")
    await refused(ada.open(name, ada.ticket("other")))


async def test_a_ticket_of_another_user(
    ada: Operator, name: str, shown: Desktop, another: Callable[..., Operator]
) -> None:
    await refused(ada.open(name, another("bob").ticket(name)))


async def test_an_old_ticket(ada: Operator, name: str, shown: Desktop, hive: Hive) -> None:
    ticket = ada.ticket(name)
    hive.execute("UPDATE agents_ticket SET expires_at = datetime('now', '-1 second')")
    await refused(ada.open(name, ticket))


async def test_without_a_session(ada: Operator, name: str, shown: Desktop) -> None:
    await refused(ada.open(name, ada.ticket(name), additional_headers={}))


async def test_without_the_permission(hive: Hive, name: str, shown: Desktop, ada: Operator) -> None:
    guest = Operator(hive, "guest", rights=False)
    assert guest.post(f"/agents/{name}/screen/ticket/")[0] == 403
    assert guest.get(f"/agents/{name}/screen/")[0] == 403


async def test_a_ticket_is_kept_only_as_a_digest(ada: Operator, name: str, hive: Hive) -> None:
    ticket = ada.ticket(name)
    assert ticket not in str(hive.rows("SELECT * FROM agents_ticket"))


async def test_an_agent_that_is_not_there(ada: Operator, name: str) -> None:
    assert ada.post("/agents/nobody/screen/ticket/")[0] == 404
    await refused(ada.open("nobody", ada.ticket(name)))


async def test_signing_out_ends_it(hive: Hive, name: str, shown: Desktop) -> None:
    leaver = Operator(hive, "leaver")
    async with leaver.watching(name) as viewer:
        await viewer.picture()
        hive.execute("DELETE FROM django_session WHERE session_key = ?", leaver.session)
        assert await viewer.closed() == (4403, "you are signed out, or may not watch any more")


async def test_no_screen_is_said(ada: Operator, name: str) -> None:
    async with ada.open(name) as socket:
        assert await Viewer(socket).closed() == (4404, "nothing offers a screen for this agent now")


async def test_a_link_in_the_place_of_the_socket_is_not_followed(ada: Operator, name: str, hive: Hive) -> None:
    hive.add("victim")
    hive.paths.agent_runtime(name).mkdir(exist_ok=True)
    with desktop(hive.paths.vnc_socket("victim"), window=False):
        os.symlink(hive.paths.vnc_socket("victim"), hive.paths.vnc_socket(name))
        async with ada.open(name) as socket:
            code, reason = await Viewer(socket).closed()
    assert code == 4404
    assert "not a socket" in reason


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"\x07" + bytes(20), "message 7 is not known here"),
        (b"\x06\0\0\0" + (300_000).to_bytes(4, "big"), "300000 bytes of clipboard: at most 262144 are taken"),
        (b"\x02\0" + (9000).to_bytes(2, "big"), "9000 encodings: at most 256 are taken"),
        (b"\xff\x01\0\0", "QEMU message 1 is not known here"),
    ],
)
async def test_a_bad_message_ends_it_with_the_reason(
    ada: Operator, name: str, shown: Desktop, said: bytes, why: str
) -> None:
    async with ada.watching(name) as viewer:
        await viewer.say(encodings(0) + said)
        assert await viewer.closed() == (4400, why)


async def test_text_ends_it(ada: Operator, name: str, shown: Desktop) -> None:
    async with ada.watching(name) as viewer:
        await viewer.socket.send("hello")
        assert (await viewer.closed())[0] == 4400


async def test_the_end_of_the_server_is_told(ada: Operator, name: str, hive: Hive) -> None:
    with desktop(hive.paths.vnc_socket(name), window=False) as shown:
        async with ada.watching(name) as viewer:
            await viewer.picture()
            shown.close()
            assert (await viewer.closed())[0] == 4410
