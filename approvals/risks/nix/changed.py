"""The rules about Nix text over the files that a change writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from approvals.risks.change import Change, File
from approvals.risks.flags import Flag
from approvals.risks.nix import builtin, confusable, fetchers, importing, inputs, outside, privileges, services
from approvals.risks.nix.rule import Rule
from approvals.risks.nix.source import Source
from approvals.risks.nix.tokens import Token
from approvals.risks.wording import listed, named

MOST = 128 * 1024
_UNCHECKED = f"More than {MOST // 1024} KiB of Nix text: the rest is not checked. Read it yourself, or ask for less."
RULES: tuple[Rule, ...] = (
    *outside.RULES,
    *importing.RULES,
    *fetchers.RULES,
    *builtin.RULES,
    *privileges.RULES,
    *services.RULES,
    *inputs.RULES,
    *confusable.RULES,
)


def nix_text(change: Change) -> Iterator[Flag]:
    """What was approved before and stands in an unchanged statement is not said again.

    Of very much text only the first part is read, so that nobody can keep the hive busy with it.
    """
    files, room = frozenset(change.after), MOST
    for path, old, new in change.written():
        if path.endswith(".nix") and new.content is not None:
            room -= len(new.content)
            if room < 0:
                yield Flag("unchecked", "high", named(path), _UNCHECKED)
                continue
            known = _known(path, old)
            yield from _flags(Source(path, new.content.decode(errors="replace"), files), known)


def _flags(source: Source, known: set[bytes]) -> Iterator[Flag]:
    statements = _Statements(source)
    for rule in RULES:
        found = [
            f"{what} (line {source.token(at).line})"
            for at, what in sorted(rule.find(source))
            if statements.key(rule, at, what) not in known
        ]
        if found:
            yield Flag(rule.name, rule.level, named(source.path), f"{listed(found)}. {rule.why}")


def _known(path: str, old: File | None) -> set[bytes]:
    if old is None or old.content is None or len(old.content) > MOST:
        return set()
    source = Source(path, old.content.decode(errors="replace"))
    statements = _Statements(source)
    return {statements.key(rule, at, what) for rule in RULES for at, what in rule.find(source)}


class _Statements:
    """Tells whether a finding stands in the same statement as before, with the same variables around it.

    A statement is an outermost binding. All that is shared (`let`, `with`, arguments) must be the same too; where
    bindings see one another (`rec`) or the configuration (`config`), the whole file must be.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        owners = source.structure.owners
        shared = [token for token, owner in zip(source.tokens, owners, strict=True) if owner is None]
        self.shared = _digest(shared)
        self.linked = any(token.is_word("rec") for token in shared)
        self.digests: dict[int, bytes] = {}

    def key(self, rule: Rule, at: int, what: str) -> bytes:
        return sha256(b"\0".join([rule.name.encode(), ascii(what).encode(), self._statement(at)])).digest()

    def _statement(self, at: int) -> bytes:
        owner = self.source.structure.owners[at] if at < len(self.source.tokens) else None
        start = -1 if owner is None else owner.start
        if start not in self.digests:
            value = [] if owner is None else self.source.value(owner)
            whole = self.linked or any(token.is_word("config") for token in value)
            path = repr(owner.path if owner else ()).encode()
            self.digests[start] = path + _digest(self.source.tokens if whole else value) + self.shared
        return self.digests[start]


def _digest(tokens: Sequence[Token]) -> bytes:
    return sha256("\0".join(f"{token.kind}{token.text!a}" for token in tokens).encode()).digest()
