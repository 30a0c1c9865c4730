"""The scripted driver's rules, through a real process, a real socket and the MCP library's own server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.harness.agent import Agent, is_alive
from tests.harness.hive import Hive, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Agent, Hive]]:
    """One agent and one hive for all of these: a rule needs no new process."""
    agent, hive = Agent(tmp_path_factory.mktemp("alice")), Hive()
    async with serve(hive, agent.run_dir / "hive.sock"):
        agent.write(hive.token)
        await agent.start()
        await hive.connected()
        yield agent, hive
        await agent.stop()


@pytest.fixture
def hive(both: tuple[Agent, Hive]) -> Hive:
    both[1].forget()
    return both[1]


@pytest.fixture
def alice(both: tuple[Agent, Hive]) -> Agent:
    return both[0]


def block(*steps: Any) -> str:
    return f"Please do this.\n\n```hive\n{json.dumps(steps, indent=1)}\n```\nThank you."


def results(body: str) -> list[dict[str, Any]]:
    assert body.startswith("```hive-result\n")
    assert body.endswith("\n```")
    found = json.loads(body[len("```hive-result\n") : -len("```")])
    assert isinstance(found, list)
    return found


async def done(hive: Hive, *steps: Any) -> list[dict[str, Any]]:
    """The results of one message that holds these steps."""
    await hive.push(block(*steps))
    await hive.ended()
    return results(hive.sent[-1]["body"])


async def test_steps_run_in_order_and_the_sender_gets_the_results(alice: Agent, hive: Hive) -> None:
    found = await done(
        hive,
        {"write": {"path": "deep/er/note.txt", "text": "one"}},
        {"run": {"argv": ["cat", "${1}"]}},
        {"run": {"argv": ["pwd"], "cwd": "deep"}},
        {"tool": "send", "args": {"to": "bob", "body": "it says ${2}"}},
    )
    path = alice.notes / "deep/er/note.txt"
    assert [one["output"].strip() for one in found] == [str(path), "one", str(alice.notes / "deep"), "sent to bob"]
    assert all(one["ok"] for one in found)
    assert hive.sent[0] == {"to": "bob", "body": "it says one", "in_reply_to": None, "by": "tool"}
    answer = hive.sent[1]
    assert (answer["to"], answer["in_reply_to"]) == ("operator", hive.last_id)
    assert hive.of("turn_ended")[0]["outcome"] == "ok"


async def test_a_reference_stands_for_the_stripped_output_in_any_string(alice: Agent, hive: Hive) -> None:
    found = await done(
        hive,
        {"run": {"argv": ["printf", "  a b \\n\\n"]}},
        {"run": {"argv": ["printf", "%s", "[${1}|${1}] ${HOME} $${1}"]}},
    )
    assert found[1]["output"] == "[a b|a b] ${HOME} $a b"
    assert found[0]["output"] == "  a b \n\n"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"tool": "fail", "args": {"text": "not today"}}, "not today"),
        ({"tool": "no_such_tool", "args": {}}, "no_such_tool"),
        ({"run": {"argv": ["sh", "-c", "echo before; exit 3"]}}, "exit status 3\nbefore"),
        ({"run": {"argv": ["/no/such/program"]}}, "/no/such/program: cannot be started"),
        ({"run": {"argv": ["true"], "cwd": "/no/such/folder"}}, "true: cannot be started"),
        ({"run": {"argv": []}}, "a step of this kind reads"),
        ({"run": {"argv": ["true"], "shell": True}}, "a step of this kind reads"),
        ({"run": {"argv": ["a\0b"]}}, "cannot be started"),
        ({"write": {"path": "x"}}, "a step of this kind reads"),
        ({"write": {"path": "/proc/nowhere/x", "text": ""}}, "cannot be written"),
        ({"tool": "send", "args": []}, "a step of this kind reads"),
        ({"dance": {}}, "exactly one of tool, write, run"),
        ({"run": {"argv": ["true"]}, "write": {}}, "exactly one of tool, write, run"),
        (["run"], "exactly one of tool, write, run"),
        ({"run": {"argv": ["echo", "${2}"]}}, "${2} names no earlier step"),
        ({"run": {"argv": ["echo", "${0}"]}}, "${0} names no earlier step"),
        ({"run": {"argv": ["echo", "${9}"]}}, "${9} names no earlier step"),
    ],
)
async def test_a_failing_step_says_why_and_is_the_last(alice: Agent, hive: Hive, step: Any, said: str) -> None:
    found = await done(hive, {"run": {"argv": ["true"]}}, step, {"write": {"path": "after", "text": ""}})
    assert [one["ok"] for one in found] == [True, False]
    assert said in found[1]["output"]
    assert not (alice.notes / "after").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"run": ', "is not JSON"),
        ('{"run": {}}', "must hold a JSON list"),
        ("[" * 100_000, "is not JSON"),
        (json.dumps([{"run": {"argv": ["true"]}}] * 101), "100 are the limit"),
    ],
)
async def test_a_block_that_is_no_list_of_steps_is_answered_with_the_reason(
    alice: Agent, hive: Hive, text: str, said: str
) -> None:
    await hive.push(f"```hive\n{text}\n```")
    await hive.ended()
    [found] = results(hive.sent[0]["body"])
    assert found["ok"] is False
    assert said in found["output"]


async def test_any_other_message_gets_a_help_that_names_its_own_agent(alice: Agent, hive: Hive) -> None:
    await hive.push("Hello?\n```python\nprint()\n```", sender="bob", provenance="agent")
    await hive.ended()
    [answer] = hive.sent
    assert "I am alice" in answer["body"]
    assert answer["to"] == "bob"


@pytest.mark.parametrize(
    "fields",
    [{"sender": "bob", "provenance": "agent", "in_reply_to": 7}, {"sender": "system", "provenance": "system"}],
)
async def test_replies_and_the_hive_itself_get_no_help(alice: Agent, hive: Hive, fields: dict[str, Any]) -> None:
    await hive.push("```hive-result\n[]\n```", **fields)
    assert (await hive.ended())["outcome"] == "ok"
    assert hive.sent == []


async def test_steps_of_the_hive_itself_run_and_are_not_answered(alice: Agent, hive: Hive) -> None:
    await hive.push(block({"write": {"path": "woken", "text": "yes"}}), sender="system", provenance="system")
    await hive.ended()
    assert (alice.notes / "woken").read_text() == "yes"
    assert hive.sent == []


async def test_an_answer_that_is_refused_fails_the_turn_with_the_reason(alice: Agent, hive: Hive) -> None:
    hive.refuse_send = "alice may not write to operator: allowedRecipients"
    await hive.push("Hello")
    ended = await hive.ended()
    assert ended["outcome"] == "failed"
    assert "allowedRecipients" in ended["error"]


async def test_what_a_step_leaves_running_ends_with_it(alice: Agent, hive: Hive) -> None:
    found = await done(hive, {"run": {"argv": ["sh", "-c", "sleep 300 & echo $!"]}})
    await alice.until(lambda: not is_alive(int(found[0]["output"])))


async def test_long_outputs_are_cut(alice: Agent, hive: Hive) -> None:
    found = await done(hive, *[{"run": {"argv": ["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' \\\\"]}}] * 12)
    assert len(found) == 12
    assert all(one["ok"] and "characters)" in one["output"] for one in found)
    assert len(hive.sent[0]["body"].encode()) < 256 * 1024
