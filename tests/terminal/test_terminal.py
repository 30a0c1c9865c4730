from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.broker.hive import Hive
from tests.harness.agent import Agent, is_alive
from tests.terminal.desk import Browser, ask_for_ticket, looks, session

pytestmark = pytest.mark.asyncio


async def pid_of(browser: Browser, command: str) -> int:
    """Start `command` in the background; its process id."""
    await browser.type(f'{command} & echo "pid=$!;"\n')
    await browser.until(lambda: re.search(r"pid=(\d+);", browser.screen))
    found = re.search(r"pid=(\d+);", browser.screen)
    assert found is not None
    return int(found[1])


async def test_what_is_typed_runs_and_is_shown(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        await browser.open()
        await browser.type("echo $((6*7))-ünïcode-$(stty size | tr ' ' x)\n")
        await browser.shows("42-ünïcode-24x80")


async def test_the_size_follows_the_window(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        await browser.open()
        await browser.say(resize=[101, 37])
        await browser.type("stty size\n")
        await browser.shows("37 101")


async def test_it_is_a_terminal_with_job_control(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        await browser.open()
        await browser.type("echo going-$((1+1)); sleep 1000; echo came-$((1+1))-back\n")
        await browser.shows("going-2")  # a shell that is only starting, or still reads the line, takes ^C otherwise
        await browser.type("\x03")
        await browser.type("echo interrupted-$((1+2))\n")
        await browser.shows("interrupted-3")


async def test_several_at_once_do_not_mix(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as one, looks(hive, cookie) as other:
        await one.open()
        await other.open()
        await one.type("echo one-$((1+0))\n")
        await other.type("echo other-$((1+1))\n")
        await one.shows("one-1")
        await other.shows("other-2")
        assert "other-2" not in one.screen
        assert "one-1" not in other.screen


async def test_a_browser_that_comes_back_finds_the_shell_and_the_screen(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        room = await browser.open()
        await browser.type("kept=yes; echo shown-$((2+2))\n")
        await browser.shows("shown-4")
    async with looks(hive, cookie) as browser:
        await browser.say(resume=room, size=[80, 24])
        await browser.shows("shown-4")
        await browser.type("echo it-is-$kept\n")
        await browser.shows("it-is-yes")


async def test_another_operator_cannot_take_a_shell_over(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        room = await browser.open()
        other = session(hive, "other")
        async with looks(hive, other) as thief:
            await thief.say(resume=room, size=[80, 24])
            assert await thief.told("gone")


async def test_closing_ends_the_shell_and_all_it_started(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        await browser.open()
        pid = await pid_of(browser, "nohup sleep 1000 >/dev/null 2>&1")
        await browser.say(close=True)
        await browser.told("ended")
    await alice.until(lambda: not is_alive(pid))


async def test_the_end_of_the_harness_ends_the_shell(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        await browser.open()
        pid = await pid_of(browser, "sleep 1000")
        alice.process.terminate()
        assert await browser.told("ended")
    await alice.until(lambda: not is_alive(pid))


async def test_a_shell_that_ends_says_so(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        await browser.open()
        await browser.type("exit 3\n")
        assert await browser.told("ended") == "The shell has ended (exit status 3)."


async def test_the_clipboard_and_the_title_stay_the_browsers(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        await browser.open()
        await browser.type("printf 'be\\033]52;c;ZXZpbA==\\007fo\\033]0;evil\\007re-%s\\n' $((3+3))\n")
        await browser.shows("before-6")
        assert "\x1b]" not in browser.screen


async def test_a_browser_that_does_not_read_stops_the_program(hive: Hive, alice: Agent, cookie: str) -> None:
    counted = Path(alice.notes / "count")
    async with looks(hive, cookie) as browser:
        await browser.open()
        await browser.type(f"while head -c 300000 /dev/zero | tr '\\0' x; do echo $((i+=1)) > {counted}; done\n")
        last, same = "", 0
        while same < 10:  # nothing is read here: it has to come to rest
            await asyncio.sleep(0.3)
            now = _text(counted)
            same, last = (same + 1, last) if now == last and now else (0, now)
        await browser.until(lambda: _text(counted) not in ("", last))


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_what_was_shown_is_recorded_and_what_was_typed_is_not(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        await browser.open()
        await browser.type("stty -echo; echo silent-$((1+1)); read -r word; stty echo; echo got-${#word}\n")
        await browser.shows("silent-2")
        await browser.type("hunter2\n")
        await browser.shows("got-7")
        await browser.say(close=True)
        await browser.told("ended")
    newest = max(hive.paths.recordings("alice").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    head, *events = [json.loads(line) for line in newest.read_text().splitlines()]
    assert (head["version"], head["width"], head["height"]) == (2, 80, 24)
    assert "got-7" in "".join(text for _, kind, text in events if kind == "o")
    assert "hunter2" not in newest.read_text()
    assert newest.stat().st_mode & 0o777 == 0o600


async def test_opening_and_closing_are_audited(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        await browser.open()
        await browser.say(close=True)
        await browser.told("ended")
    events = "SELECT action FROM approvals_auditevent WHERE agent = 'alice' ORDER BY id DESC LIMIT 2"
    await alice.until(lambda: hive.rows(events) == [("terminal_closed",), ("terminal_opened",)])


async def test_an_agent_that_is_away_is_said_to_be(hive: Hive, cookie: str) -> None:
    async with looks(hive, cookie, "bob") as browser:
        await browser.say(open=[80, 24])
        assert await browser.told("ended") == "bob is not connected: start it, then try again."


async def test_it_is_refused_to_strangers(hive: Hive, cookie: str) -> None:
    viewer = session(hive, "viewer", powers=False)
    for attempt in (
        looks(hive, "nonsense"),
        looks(hive, viewer),
        looks(hive, cookie, origin="http://evil.example"),
        looks(hive, cookie, origin="null"),
    ):
        with pytest.raises(InvalidStatus, match="403"):
            async with attempt:
                pass


async def test_a_ticket_opens_one_terminal_of_one_agent_for_one_user(hive: Hive, cookie: str) -> None:
    used, foreign, others, old = (ask_for_ticket(hive, who, name)[1] for who, name in (
        (cookie, "alice"), (cookie, "bob"), (session(hive, "else"), "alice"), (cookie, "alice"),
    ))  # fmt: skip
    async with looks(hive, cookie, ticket=used):
        pass
    hive.execute("UPDATE agents_ticket SET expires_at = datetime('now', '-1 second') WHERE spent_at IS NULL AND id = ?",
                 hive.rows("SELECT max(id) FROM agents_ticket")[0][0])  # fmt: skip
    for ticket in ("", "nonsense", used, foreign, others, old):
        with pytest.raises(InvalidStatus, match="403"):
            async with looks(hive, cookie, ticket=ticket):
                pass


async def test_a_viewer_gets_no_ticket(hive: Hive) -> None:
    assert ask_for_ticket(hive, session(hive, "viewer", powers=False)) == (403, "")


async def test_who_signs_out_loses_the_shell(hive: Hive, alice: Agent, cookie: str) -> None:
    own = session(hive, "leaver")
    async with looks(hive, own) as browser:
        await browser.open()
        pid = await pid_of(browser, "sleep 1000")
        hive.execute("DELETE FROM django_session WHERE session_key = ?", own)
        with pytest.raises(ConnectionClosed):
            await browser.until(lambda: False)
    await alice.until(lambda: not is_alive(pid))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "{", '{"open": [0, 24]}', '{"open": "wide"}', '{"open": [80, 24.5]}', '{"resume": "../x"}'],
)
async def test_a_page_that_talks_nonsense_is_closed(hive: Hive, cookie: str, text: str) -> None:
    async with looks(hive, cookie) as browser:
        await browser.socket.send(text)
        with pytest.raises(ConnectionClosed):
            await browser.until(lambda: False)
        assert browser.socket.close_code == 4400


async def test_an_agent_cannot_answer_for_another_or_unasked(hive: Hive, alice: Agent, cookie: str) -> None:
    async with looks(hive, cookie) as browser:
        room = await browser.open()
        for name, ident in (("bob", room), ("alice", room), ("alice", "0" * 32)):
            with pytest.raises(InvalidStatus, match="403"):
                await unix_connect(
                    str(hive.paths.agent_socket(name)),
                    uri=f"ws://localhost/ws/terminal/{ident}",
                    additional_headers={"Authorization": f"Bearer {hive.tokens[name]}"},
                )


async def test_no_more_than_eight(hive: Hive, alice: Agent, cookie: str) -> None:
    async with asyncio.TaskGroup() as group:
        enough = asyncio.Event()

        async def keep() -> None:
            async with looks(hive, cookie) as browser:
                await browser.open()
                opened.append(browser)
                await enough.wait()
                await browser.say(close=True)
                await browser.told("ended")

        opened: list[Browser] = []
        for _ in range(8):
            group.create_task(keep())
        await alice.until(lambda: len(opened) == 8)
        async with looks(hive, cookie) as ninth:
            await ninth.say(open=[80, 24])
            assert "close one first" in await ninth.told("ended")
        enough.set()
