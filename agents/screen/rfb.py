"""What both sides of RFB share."""

from __future__ import annotations

VERSION = b"RFB 003.008\n"
NONE, VNC, APPLE = 1, 2, 30
"""Security types (RFC 6143, 7.1.2; 30 is Apple's Diffie-Hellman, which Weston offers)."""


class RfbError(Exception):
    """One side said what is not RFB, or what is not taken here; the text is fit for a close reason."""


class Pending:
    """Bytes that have come in and are not used up yet."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __len__(self) -> int:
        return len(self._bytes)

    def put(self, data: bytes | memoryview) -> None:
        self._bytes += data

    def peek(self, count: int) -> bytes | None:
        """The next `count` bytes, left where they are; None while there are fewer."""
        return bytes(self._bytes[:count]) if len(self._bytes) >= count else None

    def take(self, count: int) -> bytes | None:
        """The next `count` bytes; None while there are fewer."""
        taken = self.peek(count)
        if taken is not None:
            del self._bytes[:count]
        return taken

    def rest(self) -> bytes:
        """All that is there."""
        return self.take(len(self._bytes)) or b""
