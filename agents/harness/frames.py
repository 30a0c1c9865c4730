"""The frames of broker/PROTOCOL.md that a harness reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VERSION = 1
FRAME_LIMIT = 1024 * 1024
WINDOW = 1
"""One message at a time: what waits stays with the hive, where `recv` and the next session find it."""

Frame = dict[str, Any]
MessageId = int | str


@dataclass(frozen=True)
class Message:
    """A message leased to this agent."""

    id: MessageId
    sender: str
    provenance: str
    body: str
    created_at: str = ""
    in_reply_to: MessageId | None = None
    redelivered: bool = False
    local: bool = False
    """From the harness itself: the hive knows nothing of it, and nobody waits for an answer."""

    @staticmethod
    def parse(frame: Frame) -> Message:
        """Raises ValueError for a frame that is no message."""
        ident, reply = frame.get("id"), frame.get("in_reply_to")
        texts = {key: frame.get(key) for key in ("sender", "provenance", "body")}
        if not isinstance(ident, (int, str)) or not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("a message frame without id, sender, provenance or body")
        return Message(
            id=ident,
            sender=str(texts["sender"]),
            provenance=str(texts["provenance"]),
            body=str(texts["body"]),
            created_at=str(frame.get("created_at", "")),
            in_reply_to=reply if isinstance(reply, (int, str)) else None,
            redelivered=frame.get("redelivered") is True,
        )


@dataclass(frozen=True)
class Turn:
    """One run of the driver for one message. `news` is a line of the hive's own for the model."""

    id: str
    message: Message
    news: str = ""

    def started(self) -> Frame:
        return {"type": "turn_started", "turn": self.id, "messages": [] if self.message.local else [self.message.id]}

    def ended(self, outcome: str, error: str = "") -> Frame:
        frame = {"type": "turn_ended", "turn": self.id, "outcome": outcome}
        return {**frame, "error": error[:2000]} if error else frame


def hello(driver: str, harness: str) -> Frame:
    return {"type": "hello", "version": VERSION, "harness": harness, "driver": driver, "window": WINDOW}


def pong(ping: Frame) -> Frame:
    """The answer to the hive's question whether this harness is well."""
    return {"type": "pong", "id": str(ping.get("id", ""))[:64]}
