"""The reactor of the web process: Twisted's for asyncio, on uvloop where that is installed.

Import it before anything that imports `twisted.internet.reactor`; daphne keeps what it finds.
"""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec

from twisted.internet import asyncioreactor


def _install() -> None:
    if "twisted.internet.reactor" not in sys.modules:
        asyncioreactor.install(_new_loop())  # type: ignore[no-untyped-call]


def _new_loop() -> asyncio.AbstractEventLoop:
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


_install()
