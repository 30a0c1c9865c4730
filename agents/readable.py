"""Waiting for descriptors, of any number: select(2) ends at 1024."""

from __future__ import annotations

import select


def wait(seconds: float, *descriptors: int) -> bool:
    """Return when one of them can be read or has ended, at the latest after `seconds`; whether one can."""
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(seconds * 1000))
