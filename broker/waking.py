"""Telling the connections of this process that something waits for an agent; other processes learn it by the feed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Listener = Callable[[Iterable[str]], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """`listener` gets the names of recipients, in any thread."""
    _listeners.append(listener)


def forget(listener: Listener) -> None:
    _listeners.remove(listener)


def tell(names: Iterable[str]) -> None:
    for listener in _listeners:
        listener(names)
