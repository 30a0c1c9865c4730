"""Which lines of a text became which: quick for any two texts, also for ones made to be slow to compare.

Lines that occur once on both sides anchor the comparison (patience diff, Bram Cohen); only what little lies between
two anchors is compared line with line, and of that no more than a fixed amount.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

Opcode = tuple[str, int, int, int, int]
"""(tag, start and end in the old text, start and end in the new one) as `difflib` has it."""
_CLOSE = 40_000
_ALL_CLOSE = 1_000_000


def opcodes(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    """What leads from `old` to `new`: `equal`, `replace`, `delete` and `insert`, in order, covering both."""
    return list(_joined(_Comparison(old, new).blocks(), len(old), len(new)))


def grouped(codes: list[Opcode], context: int) -> Iterator[list[Opcode]]:
    """The opcodes in groups of what lies close together, with at most `context` equal lines around each."""
    group: list[Opcode] = []
    for number, (tag, a1, a2, b1, b2) in enumerate(codes):
        if tag != "equal":
            group.append((tag, a1, a2, b1, b2))
            continue
        is_first, is_last, size = number == 0, number == len(codes) - 1, a2 - a1
        before, after = 0 if is_first else min(context, size), 0 if is_last else min(context, size)
        if not is_first and not is_last and size <= 2 * context:
            group.append((tag, a1, a2, b1, b2))
            continue
        if group:
            yield [*group, (tag, a1, a1 + before, b1, b1 + before)]
        group = [(tag, a2 - after, a2, b2 - after, b2)] if not is_last else []
    if group and any(tag != "equal" for tag, *_ in group):
        yield group


class _Comparison:
    """Finds blocks of equal lines: (start in old, start in new, length)."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self.old, self.new = old, new
        self.left = _ALL_CLOSE

    def blocks(self) -> Iterator[tuple[int, int, int]]:
        stack = [(0, len(self.old), 0, len(self.new))]
        found: list[tuple[int, int, int]] = []
        while stack:
            a1, a2, b1, b2 = stack.pop()
            a1, b1, head = self._head(a1, a2, b1, b2)
            a2, b2, tail = self._tail(a1, a2, b1, b2)
            found += [block for block in (head, tail) if block[2]]
            if a1 < a2 and b1 < b2:
                anchors = self._anchors(a1, a2, b1, b2)
                if anchors:
                    stack += _between(anchors, (a1, a2, b1, b2))
                else:
                    found += self._closely(a1, a2, b1, b2)
        return iter(sorted(found))

    def _head(self, a1: int, a2: int, b1: int, b2: int) -> tuple[int, int, tuple[int, int, int]]:
        size = 0
        while a1 + size < a2 and b1 + size < b2 and self.old[a1 + size] == self.new[b1 + size]:
            size += 1
        return a1 + size, b1 + size, (a1, b1, size)

    def _tail(self, a1: int, a2: int, b1: int, b2: int) -> tuple[int, int, tuple[int, int, int]]:
        size = 0
        while a1 < a2 - size and b1 < b2 - size and self.old[a2 - size - 1] == self.new[b2 - size - 1]:
            size += 1
        return a2 - size, b2 - size, (a2 - size, b2 - size, size)

    def _anchors(self, a1: int, a2: int, b1: int, b2: int) -> list[tuple[int, int]]:
        """Lines that stand once on both sides, as many as come in the same order."""
        once = Counter(self.old[a1:a2])
        there = {self.new[at]: at for at in range(b1, b2)}
        counts = Counter(self.new[b1:b2])
        pairs = [(at, there[self.old[at]]) for at in range(a1, a2) if once[self.old[at]] == 1 == counts[self.old[at]]]
        return _rising(pairs)

    def _closely(self, a1: int, a2: int, b1: int, b2: int) -> list[tuple[int, int, int]]:
        size = (a2 - a1) * (b2 - b1)
        if size > min(_CLOSE, self.left):
            return []
        self.left -= size
        matcher = SequenceMatcher(None, self.old[a1:a2], self.new[b1:b2], autojunk=False)
        return [(a1 + a, b1 + b, length) for a, b, length in matcher.get_matching_blocks() if length]


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of the pairs whose second numbers rise, too."""
    tails: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, there) in enumerate(pairs):
        place = bisect_left(tails, there)
        before.append(last[place - 1] if place else -1)
        if place == len(tails):
            tails.append(there)
            last.append(number)
        else:
            tails[place], last[place] = there, number
    chain: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _between(anchors: list[tuple[int, int]], whole: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
    """The parts from each anchor up to the next; each begins with the anchor's own line."""
    a1, a2, b1, b2 = whole
    starts = [(a1, b1), *anchors]
    ends = [*anchors, (a2, b2)]
    return [(sa, ea, sb, eb) for (sa, sb), (ea, eb) in zip(starts, ends, strict=True) if sa < ea or sb < eb]


def _joined(blocks: Iterator[tuple[int, int, int]], old_size: int, new_size: int) -> Iterator[Opcode]:
    a = b = 0
    for start_a, start_b, size in [*_merged(blocks), (old_size, new_size, 0)]:
        tag = "replace" if a < start_a and b < start_b else "delete" if a < start_a else "insert"
        if a < start_a or b < start_b:
            yield tag, a, start_a, b, start_b
        if size:
            yield "equal", start_a, start_a + size, start_b, start_b + size
        a, b = start_a + size, start_b + size


def _merged(blocks: Iterator[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    merged: list[tuple[int, int, int]] = []
    for a, b, size in blocks:
        if merged and (merged[-1][0] + merged[-1][2], merged[-1][1] + merged[-1][2]) == (a, b):
            merged[-1] = (*merged[-1][:2], merged[-1][2] + size)
        else:
            merged.append((a, b, size))
    return merged
