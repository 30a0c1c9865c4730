"""Notes and sessions that grow: made shorter, the old kept, the agent told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agents.harness.config import Config
from agents.harness.drivers.base import CannotDo, Outcome, Usage
from agents.harness.figures import Tally, figures
from agents.harness.frames import Message, Turn
from agents.harness.journal import Emit, Journal
from agents.harness.notes import Notes
from agents.harness.standing import Standing
from agents.harness.upkeep import Upkeep
from tests.harness.agent import Agent
from tests.harness.claude import script, started
from tests.harness.hive import Hive
from tests.stubs.messages_api import MessagesApi

TURN = Turn("t", Message(1, "bob", "agent", "hi"))


class Model:
    """A driver whose model answers what the test wants."""

    def __init__(self, answer: str | None = "short", context: int = 0) -> None:
        self.answer, self.context = answer, context
        self.asked: list[str] = []
        self.compacted = 0

    async def digest(self, text: str, _emit: Emit) -> str:
        self.asked.append(text)
        if self.answer is None:
            raise CannotDo("no model today")
        return self.answer

    async def compact(self, _emit: Emit) -> str:
        self.compacted += 1
        if self.answer is None:
            raise CannotDo("too busy")
        self.context = 10
        return "compacted"

    def usage(self) -> Usage:
        return Usage("s", self.context, 100)


class Events(list[tuple[str, dict[str, Any]]]):
    def __call__(self, kind: str, **data: Any) -> None:
        self.append((kind, data))


def watched(tmp_path: Path, model: Model, events: Events, limit: int = 100) -> Notes:
    config = Config("alice", "claude", tmp_path, tmp_path, 8879, options={"notesLimit": limit})
    return Notes(config, model, events)  # type: ignore[arg-type]


async def test_long_notes_are_shortened_and_the_old_ones_kept(tmp_path: Path) -> None:
    events, model, old = Events(), Model("# Short"), "remember the garden\n" * 10
    notes = watched(tmp_path, model, events)
    (tmp_path / "notes.md").write_text(old)
    await notes.look()
    assert (tmp_path / "notes.md").read_text() == "# Short"
    [kept] = (tmp_path / ".hive/notes").iterdir()
    assert kept.read_text() == old
    assert model.asked[0].endswith(old)
    assert str(kept) in notes.take_news()
    assert notes.take_news() == ""
    assert [kind for kind, _ in events] == ["notes_compacted"]


@pytest.mark.parametrize("answer", [None, "", "longer than before " * 100])
async def test_what_is_not_shorter_changes_nothing_and_is_not_tried_at_every_turn(
    tmp_path: Path, answer: str | None
) -> None:
    events, model, old = Events(), Model(answer), "x" * 200
    notes = watched(tmp_path, model, events)
    (tmp_path / "notes.md").write_text(old)
    await notes.look()
    await notes.look()
    assert (tmp_path / "notes.md").read_text() == old
    assert len(model.asked) == 1
    assert [kind for kind, _ in events] == ["notes_too_long"]
    (tmp_path / "notes.md").write_text(old * 2)
    await notes.look()
    assert len(model.asked) == 2


async def test_short_notes_and_links_are_left_alone(tmp_path: Path) -> None:
    events, model = Events(), Model()
    notes = watched(tmp_path, model, events)
    await notes.look()
    (tmp_path / "notes.md").write_text("short")
    await notes.look()
    (tmp_path / "notes.md").unlink()
    (tmp_path / "elsewhere").write_text("x" * 1000)
    (tmp_path / "notes.md").symlink_to(tmp_path / "elsewhere")
    await watched(tmp_path, model, events, limit=1).look()
    assert (tmp_path / "elsewhere").read_text() == "x" * 1000
    assert model.asked == []


@pytest.mark.parametrize(("context", "compacted"), [(74, 0), (75, 1), (99, 1)])
async def test_a_session_is_compacted_at_three_quarters(tmp_path: Path, context: int, compacted: int) -> None:
    model = Model(context=context)
    upkeep, _ = kept(tmp_path, model)
    await upkeep.after(Tally(TURN, Events()), Outcome("ok"))
    assert model.compacted == compacted


async def test_a_compaction_that_failed_waits_until_the_session_has_grown(tmp_path: Path) -> None:
    model = Model(None, context=80)
    upkeep, standing = kept(tmp_path, model)
    for _ in range(3):
        await upkeep.after(Tally(TURN, Events()), Outcome("ok"))
    assert model.compacted == 1
    assert (standing.facts.context, standing.facts.context_limit) == (80, 100)
    model.context = 86
    await upkeep.after(Tally(TURN, Events()), Outcome("ok"))
    assert model.compacted == 2


def kept(tmp_path: Path, model: Model) -> tuple[Upkeep, Standing]:
    config, standing, journal = Config("alice", "claude", tmp_path, tmp_path, 8879), Standing(None), Journal(None)
    notes = Notes(config, model, journal)  # type: ignore[arg-type]
    return Upkeep(config, model, standing, journal, notes), standing  # type: ignore[arg-type]


def test_a_turns_numbers() -> None:
    tally = Tally(TURN, Events())
    tally.seconds = 1.5
    for _ in range(2):
        tally("tool_call", tool="mcp__hyperhive__send")
    tally("tool_call", tool="odd name!")
    tally("message_sent", to="operator")
    usage = {"input_tokens": 10, "output_tokens": 5, "cost_usd": 0.25, "cache_read_tokens": None}
    assert figures(tally, Outcome("ok", usage=usage, compacted=True)) == {
        "turns": 1,
        "turn_seconds": 1.5,
        "tool_calls": 3,
        "tool.mcp__hyperhive__send": 2,
        "tool.odd_name_": 1,
        "exit.compact_retry": 1,
        "messages_in.bob": 1,
        "messages_out.operator": 1,
        "tokens.input": 10,
        "tokens.output": 5,
        "cost_usd": 0.25,
    }


async def test_the_real_cli_shortens_notes_and_the_next_turn_says_so(
    claude: Agent, hive: Hive, api: MessagesApi
) -> None:
    """The script within the notes speaks for the model that reads them."""
    hive.takes_events = True
    claude.config["options"]["notesLimit"] = 4096
    (claude.notes / "notes.md").write_text(script({"text": "# Short notes"}) + "old\n" * 2000)
    await started(claude, hive)
    await hive.push(script({"text": "first answer"}))
    await hive.until(lambda: "notes_compacted" in hive.kinds())
    assert (claude.notes / "notes.md").read_text() == "# Short notes"
    assert api.requests[-1]["tools"] in (None, [])
    await hive.push(script({"text": "second answer"}))
    await hive.ended(2)
    said = json.dumps(api.requests[-1]["messages"])
    assert "Note: notes.md had grown to" in said
    assert "first answer" in said
