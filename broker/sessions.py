"""One connection of one agent: what its frames do. Knows no web server: a `Wire` carries the frames."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol
from uuid import uuid4

from agents.models import Agent
from broker import control, eventlog, frames, standing, tools
from broker.eventlog import Position
from broker.frames import Frame
from broker.hub import Hub
from broker.leases import Leased
from broker.refusals import FrameRefused, Refused, ToolError
from broker.turns import Begun, Ended, Turn

logger = logging.getLogger(__name__)
MAX_TURNS = MAX_CALLS = 64
MAX_UNSETTLED = 256
_CLOSE_FAILED = 1011


class Wire(Protocol):
    """Carries frames to the client, in order, without waiting."""

    @property
    def congested(self) -> bool:
        """The client does not read as fast as it is sent to."""

    def send(self, frame: Frame | str) -> None:
        """A frame, or its JSON."""

    def close(self, code: int) -> None: ...


class Session:
    def __init__(self, hub: Hub, agent: Agent, wire: Wire) -> None:
        self._hub, self._wire = hub, wire
        self.name, self.agent_id, self.token_hash = agent.name, agent.pk, agent.token_hash
        self.id = uuid4().hex
        self.window = 0
        self.is_attached = False
        self.asked = ""
        self._welcomed = False
        self.paused = False
        self.events = Position()
        self._ended = False
        self._turns: dict[str, None] = {}
        self._identity = tools.Identity(self.name)
        self._calls: dict[str, asyncio.Task[None] | None] = {}
        self._unsettled = 0
        self._settled = asyncio.Event()
        self._told: set[str] = set()

    @property
    def takes_pushes(self) -> bool:
        return self.is_attached and not self._ended and not self.paused and not self._wire.congested

    @property
    def turn(self) -> str | None:
        """The turn that was started last and still runs."""
        return next(reversed(self._turns), None)

    def receive(self, text: str | None) -> None:
        """Take a frame from the client. What it changes is submitted at once, so order is kept without waiting."""
        if self._ended:
            return
        try:
            frame = frames.parse(text)
            self._handler(frame)(frame)
        except FrameRefused as refusal:
            self._refuse(refusal)

    @property
    def is_behind(self) -> bool:
        """Too much that the client sent is still being written."""
        return self._unsettled > MAX_UNSETTLED and not self._ended

    async def breathe(self) -> None:
        """Wait while it is behind."""
        while self.is_behind:
            self._settled.clear()
            await self._settled.wait()

    def tell(self, frame: Frame) -> None:
        """A frame that nothing waits for."""
        if self.is_attached and not self._ended:
            self._wire.send(frame)

    def push(self, messages: Sequence[Leased]) -> None:
        for message in messages:
            self._wire.send(frames.message(message))

    def attached(self, result: object) -> None:
        """The hive has taken the session up."""
        if isinstance(result, Exception):
            self.end(_CLOSE_FAILED)
        elif not self._ended:
            epoch, seq = self.events.epoch, self.events.seq
            self._wire.send(frames.welcome(self.name, self.id, paused=self.paused, epoch=epoch, seq=seq))
            self._welcomed = True
            self.ping(self.asked)
            self.look_for_orders()

    def look_for_orders(self) -> None:
        """The operator may have given some."""
        if self.is_attached and not self._ended:
            self._hub.submit(partial(control.lease, self.agent_id, self.id), self._ordered)

    def _ordered(self, result: object) -> None:
        """What could not be read now is read at the next order, or the next connection."""
        if self._ended or not isinstance(result, list):
            return
        for order in result:
            if order.verb in ("pause", "resume"):
                self.paused = order.verb == "pause"
            self._wire.send(frames.control(order.pk, order.verb, order.args))
        if result and not self.paused:
            self._hub.wake((self.name,))

    def ping(self, ident: str) -> None:
        """Have the harness show that it is well; nothing to do where nobody asks. Never before the welcome."""
        self.asked = ident
        if ident and self._welcomed and not self._ended:
            self._wire.send(frames.ping(ident))

    def drop(self, code: str, text: str, close: int) -> None:
        """The hive ends the session."""
        logger.info("session of %s closed: %s", self.name, text)
        self._wire.send(frames.error(code, text))
        self.end(close)

    def end(self, close: int | None = None) -> None:
        """The session is over, by whoever's wish; safe to call again."""
        if self._ended:
            return
        self._ended = True
        self._settled.set()
        for task in self._calls.values():
            if task is not None:
                task.cancel()
        if close is not None:
            self._wire.close(close)
        if self.window:
            self._hub.unregister(self)

    def _handler(self, frame: Frame) -> Callable[[Frame], None]:
        if not self.window and frame["type"] != "hello":
            raise FrameRefused("hello_expected", f"{frame['type']} came before hello", frames.CLOSE_PROTOCOL)
        handler: Callable[[Frame], None] = getattr(self, f"_on_{frame['type']}")
        return handler

    def _on_hello(self, frame: Frame) -> None:
        if self.window:
            raise FrameRefused("bad_field", "hello: was said already on this connection")
        self.window = frame["window"]
        self._hub.register(self)

    def _on_turn_started(self, frame: Frame) -> None:
        turn = frame["turn"]
        if len(self._turns) >= MAX_TURNS:
            raise FrameRefused("bad_field", f"turn_started: {MAX_TURNS} turns run already")
        self._turns[turn] = None
        self._submit(Begun(self.name, self.id, turn, tuple(frame["messages"])), partial(self._began, turn))

    def _began(self, turn: str, result: object) -> None:
        if isinstance(result, Refused):
            self._turns.pop(turn, None)
            self._refuse(FrameRefused("bad_field", f"turn_started: 'messages': {result}"))

    def _on_turn_ended(self, frame: Frame) -> None:
        turn = frame["turn"]
        if turn not in self._turns:
            raise FrameRefused("bad_field", f"turn_ended: 'turn': no turn {turn!r} runs on this connection")
        del self._turns[turn]
        ended = Ended(self.name, self.id, turn, frame["outcome"], frame["error"], idle=not self._turns)
        self._submit(ended, _nothing, self.name)

    def _on_report(self, frame: Frame) -> None:
        self._submit(partial(standing.reported, self.name, frame), _nothing)

    def _on_pong(self, frame: Frame) -> None:
        self._submit(partial(standing.answered, self.name, frame["id"]), _nothing)

    def _on_events(self, frame: Frame) -> None:
        self._submit(partial(eventlog.store, self.agent_id, frame["epoch"], frame["events"]), self._logged)

    def _logged(self, result: object) -> None:
        if isinstance(result, FrameRefused):
            self._refuse(result)
        elif isinstance(result, Position) and not self._ended:
            self._wire.send(frames.events_taken(result.epoch, result.seq))

    def _on_control_result(self, frame: Frame) -> None:
        done = {"ok": frame["ok"], "text": frame["text"]}
        self._submit(partial(control.answered, self.agent_id, self.id, frame["id"], **done), self._order_done)

    def _order_done(self, result: object) -> None:
        if isinstance(result, Refused):
            self._refuse(FrameRefused("bad_field", f"control_result: 'id': {result}"))

    def _on_call(self, frame: Frame) -> None:
        call = frame["id"]
        if call in self._calls:
            raise FrameRefused("bad_field", f"call: 'id': {call!r} is still running")
        if len(self._calls) >= MAX_CALLS:
            raise FrameRefused("bad_field", f"call: {MAX_CALLS} calls are running; wait for one to end")
        if (tool := tools.quick(frame["tool"])) is not None:
            self._quick(call, tool, frame["args"])
        else:
            self._calls[call] = asyncio.get_running_loop().create_task(self._call(call, frame["tool"], frame["args"]))

    def _quick(self, call: str, tool: tools.QuickTool, args: Frame) -> None:
        """A call that waits for nothing but the writer."""
        try:
            outgoing = tools.begin(self._identity, tool, args)
        except ToolError as error:
            self._wire.send(frames.failure(call, str(error)))
            return
        self._calls[call] = None
        self._hub.submit(outgoing, partial(self._quick_done, call, tool))

    def _quick_done(self, call: str, tool: tools.QuickTool, result: object) -> None:
        self._calls.pop(call, None)
        try:
            self._wire.send(frames.result(call, tools.shown(self._identity, tool, result)))
        except ToolError as error:
            self._wire.send(frames.failure(call, str(error)))

    async def _call(self, call: str, tool: str, args: Frame) -> None:
        try:
            output = await tools.call(tools.Identity(self.name), tool, args)
            self._wire.send(frames.result(call, output))
        except ToolError as error:
            self._wire.send(frames.failure(call, str(error)))
        finally:
            del self._calls[call]

    def _submit(self, work: Turn | Callable[[], object], done: Callable[[object], None], *look: str) -> None:
        self._unsettled += 1
        self._hub.submit(work, partial(self._settle, done), *look)

    def _settle(self, done: Callable[[object], None], result: object) -> None:
        self._unsettled -= 1
        self._settled.set()
        done(result)
        if isinstance(result, Exception) and not isinstance(result, Refused):
            self.end(_CLOSE_FAILED)  # not stored: the client connects again and what it had comes again

    def _refuse(self, refusal: FrameRefused) -> None:
        if refusal.code not in self._told:
            self._told.add(refusal.code)
            logger.warning("frame of %s refused: %s: %s", self.name, refusal.code, refusal)
        self._wire.send(frames.error(refusal.code, str(refusal)))
        if refusal.close is not None:
            self.end(refusal.close)


def _nothing(_result: object) -> None:
    """Nothing to tell the client."""
