"""Why a screen's websocket was closed (RFC 6455: 4000 to 4999 are an application's own)."""

from __future__ import annotations

LOST = 1006
BAD_MESSAGE = 4400
REFUSED = 4403
NO_SCREEN = 4404
OVER = 4410
