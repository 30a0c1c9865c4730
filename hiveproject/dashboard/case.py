"""One approval with what a person looks at before deciding it, fetched where a template asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db.models import QuerySet

from agents.models import Job, JobLine
from approvals import bases, consents, contents, decisions, diffs, digests, optionchanges, packages, requests
from approvals.bases import Base
from approvals.contents import Files
from approvals.diffs import FileDiff, Line
from approvals.models import Approval, AuditEvent, Consent, Tag
from approvals.optionchanges import OptionChange
from approvals.packages import PackageChange
from broker.schedules import Plan
from hiveproject import schedules

FEW, MOST = 2_000, 20_000
"""Lines of the change that a page shows at first, and at most."""
_LOG_LINES = 12
_NAMES = {bases.RUNNING: "what runs", bases.APPROVED: "last approved", bases.QUEUED: "previous proposal"}


@dataclass(frozen=True)
class Tab:
    """A way to look at the change."""

    name: str
    address: str
    current: bool
    base: Base | None = None


class Case:
    """`against` is the base to compare with, one of `bases.BASES`; what runs where that one is not there."""

    def __init__(
        self, approval: Approval, *, against: str = "", whole: bool = False, everything: bool = False, path: str = ""
    ) -> None:
        self.approval, self.against, self.whole, self.path = approval, against, whole, path
        self.most = MOST if everything else FEW

    @cached_property
    def plan(self) -> Plan | None:
        """What would be sent and when, where a scheduled prompt is asked for."""
        return schedules.plan_of_approval(self.approval)

    # -- the change --------------------------------------------------------------------------------------------

    @cached_property
    def bases(self) -> list[tuple[Base, str]]:
        """What the change can be compared with, and what a person calls it."""
        return [(base, _NAMES[base.name]) for base in bases.known(self.approval)]

    @cached_property
    def base(self) -> Base | None:
        found = [base for base, _ in self.bases]
        return next((base for base in found if base.name == self.against), found[0] if found else None)

    @property
    def base_name(self) -> str:
        return "" if self.base is None else _NAMES[self.base.name]

    @cached_property
    def after(self) -> Files | None:
        sides = contents.sides(self.approval)
        return None if sides is None else sides[1]

    @cached_property
    def before(self) -> Files | None:
        """The files of the base; what was kept with the approval where those of what ran are not known."""
        if self.base is not None and self.base.files is not None:
            return self.base.files
        sides = contents.sides(self.approval)
        is_other = self.base is not None and self.base.name != bases.RUNNING
        return None if sides is None or is_other else sides[0]

    @cached_property
    def files(self) -> list[FileDiff] | None:
        """What changes; None when one side's files were never kept."""
        if self.before is None or self.after is None:
            return None
        found = diffs.compare(self.before, self.after)
        return [file for file in found if file.path == self.path] if self.path else found

    @cached_property
    def parts(self) -> list[tuple[FileDiff, list[list[Line]], int]]:
        """(file, its lines, how many of them are left out)"""
        return list(diffs.parts(self.files or [], self.most, whole=self.whole))

    @cached_property
    def left_out(self) -> int:
        return sum(left for _, _, left in self.parts)

    @cached_property
    def hidden(self) -> list[str]:
        """Characters in the change that a reader would not see, unless a flag names them already."""
        if any(flag["rule"] == "invisible" for flag in self.approval.flags):
            return []
        return list(dict.fromkeys(name for file in self.files or [] for name in file.hidden))

    @cached_property
    def options(self) -> list[OptionChange]:
        if self.plan is not None:
            return []
        return optionchanges.compare(None if self.base is None else self.base.options, self.approval.options)

    @cached_property
    def unchanged(self) -> int:
        return sum(not option.changed for option in self.options)

    @cached_property
    def packages(self) -> PackageChange | None:
        return None if self.before is None or self.after is None else packages.compare(self.before, self.after)

    # -- the ways to look at it --------------------------------------------------------------------------------

    @property
    def base_tabs(self) -> list[Tab]:
        return [
            Tab(name, self._address(against=base.name), self.base is not None and base.name == self.base.name, base)
            for base, name in self.bases
        ]

    @property
    def length_tabs(self) -> list[Tab]:
        return [
            Tab("changes", self._address(whole=False), not self.whole),
            Tab("whole files", self._address(whole=True), self.whole),
        ]

    @property
    def address_of_all(self) -> str:
        return self._address(everything=True)

    @property
    def address_of_every_file(self) -> str:
        return self._address(path="")

    def _address(
        self,
        *,
        against: str | None = None,
        whole: bool | None = None,
        everything: bool = False,
        path: str | None = None,
    ) -> str:
        chosen = {"against": self.against if against is None else against, "file": self.path if path is None else path}
        words = {name: value for name, value in chosen.items() if value}
        words |= {"whole": "yes"} if (self.whole if whole is None else whole) else {}
        words |= {"all": "yes"} if everything else {}
        return f"?{urlencode(words)}"

    # -- deciding ----------------------------------------------------------------------------------------------

    @property
    def seen(self) -> str:
        """What a decision made on this page is bound to."""
        return digests.shown(self.approval)

    @property
    def demands_name(self) -> bool:
        return consents.is_demanding(self.approval)

    @cached_property
    def demands_two(self) -> bool:
        return consents.needs_two(self.approval)

    @cached_property
    def consent(self) -> Consent | None:
        return consents.first(self.approval) if self.demands_two and self.approval.is_pending else None

    @cached_property
    def older(self) -> list[Approval]:
        """Proposals for the same agent that this one could take the place of."""
        return list(decisions.older(self.approval)) if self.approval.is_pending else []

    @cached_property
    def newer(self) -> Approval | None:
        """The newest proposal for the same agent, where this one is not."""
        if not self.approval.is_pending:
            return None
        waiting = Approval.objects.filter(agent=self.approval.agent, status=Approval.Status.PENDING)
        return waiting.filter(pk__gt=self.approval.pk, kind__in=decisions.PROPOSALS).order_by("-pk").first()

    # -- what became of it -------------------------------------------------------------------------------------

    @cached_property
    def job(self) -> Job | None:
        return requests.waiting_job(self.approval)

    @cached_property
    def log(self) -> list[JobLine]:
        """The last lines of the newest job, oldest first."""
        return list(reversed(self.job.lines.order_by("-id")[:_LOG_LINES])) if self.job is not None else []

    @cached_property
    def tags(self) -> QuerySet[Tag]:
        return Tag.objects.filter(agent=self.approval.agent, name__endswith=f"/{self.approval.pk}").order_by("id")

    @cached_property
    def audit(self) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(approval_id=self.approval.pk).order_by("id")


def may_consent(case: Case, user: User) -> bool:
    """Whether this person's approval is not there already."""
    return case.consent is None or case.consent.by != user.get_username()
