"""Whether what the clients have seen is what was promised to them. Knows their logs, not the hive's database.

Every acknowledged send was delivered; nothing came again after its acknowledgement was confirmed, nor under a second
id; what one sender says to one recipient arrives in its order; what comes again says so; nothing comes from nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from tests.crash.log import Log


def check(logs: Sequence[Log], unordered: Collection[str] = ()) -> list[str]:
    """Every breach, in words; none when all is well. Senders in `unordered` promise no order (timers do not)."""
    said = {log.name: {(event.peer, event.number) for event in log.of("send")} for log in logs}
    breaches = [*_lost({log.name: log for log in logs})]
    for log in logs:
        breaches += _repeated(log)
        breaches += _strange(log, said)
        breaches += _reordered(log, unordered)
    return breaches


def missing(logs: Sequence[Log]) -> int:
    """How many acknowledged sends have not been delivered yet."""
    return sum(1 for _ in _lost({log.name: log for log in logs}))


def _lost(logs: Mapping[str, Log]) -> Iterator[str]:
    got = {name: {(event.peer, event.number) for event in log.of("got")} for name, log in logs.items()}
    for name, log in logs.items():
        for event in log.of("stored"):
            if (name, event.number) not in got.get(event.peer, set()):
                yield f"lost: {name} → {event.peer} {event.number} was acknowledged as {event.ident}, never delivered"


def _repeated(log: Log) -> Iterator[str]:
    done: set[int] = set()
    seen: dict[tuple[str, int], int] = {}
    idents: set[int] = set()
    for event in log.events:
        if event.what == "acknowledged":
            done.add(event.ident)
        if event.what != "got":
            continue
        which = f"{event.peer} → {log.name} {event.number} ({event.ident})"
        if event.ident in done:
            yield f"doubled: {which} came again after its acknowledgement"
        first = seen.setdefault((event.peer, event.number), event.ident)
        if first != event.ident:
            yield f"doubled: {which} had come as {first} before"
        elif event.ident in idents and not event.redelivered:
            yield f"unmarked: {which} came again and did not say so"
        idents.add(event.ident)


def _strange(log: Log, said: Mapping[str, Collection[tuple[str, int]]]) -> Iterator[str]:
    for event in log.of("got"):
        if (log.name, event.number) not in said.get(event.peer, ()):
            yield f"strange: {log.name} got {event.number} of {event.peer}, who never said that"


def _reordered(log: Log, unordered: Collection[str]) -> Iterator[str]:
    newest: dict[str, int] = {}
    seen: set[int] = set()
    for event in log.of("got"):
        if event.ident in seen or event.peer in unordered:
            continue
        seen.add(event.ident)
        if event.number < newest.get(event.peer, -1):
            yield f"reordered: {event.peer} → {log.name} {event.number} came after {newest[event.peer]}"
        newest[event.peer] = max(event.number, newest.get(event.peer, -1))
