"""What the broker refuses on purpose. Nothing has changed, and the text is for whoever asked."""

from __future__ import annotations


class Refused(Exception):
    """Base of every refusal: in a group commit only its own savepoint is rolled back."""


class SendRefused(Refused):
    """The message was not stored; the text tells its sender why and what it may do instead."""


class NotLeased(Refused):
    """A message that is not this session's; the text names it."""


class FrameRefused(Refused):
    """A frame that cannot be taken. `close` is the code to close the socket with, or None to go on."""

    def __init__(self, code: str, text: str, close: int | None = None) -> None:
        super().__init__(text)
        self.code, self.close = code, close


class ToolError(Refused):
    """Why a tool did not do what was asked, in words for the model."""
