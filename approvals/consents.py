"""What is of high risk asks for more than a click: the agent's name typed, and a second person where so set."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from agents import feed
from agents.actors import Actor
from approvals import audit, digests
from approvals.models import Approval, Consent


class DecisionRefused(Exception):
    """Whoever asked may not decide, or not so."""


def is_demanding(approval: Approval) -> bool:
    """Whether it asks for more than a click. Putting back what ran before does not: it may be urgent."""
    kind = Approval.Kind(approval.kind)
    return kind == Approval.Kind.DESTROY or (kind != Approval.Kind.ROLLBACK and approval.is_high_risk)


def needs_two(approval: Approval) -> bool:
    """Whether two persons have to approve it."""
    return bool(settings.HIVE_TWO_PERSON) and is_demanding(approval)


def first(approval: Approval) -> Consent | None:
    """The consent of the first person, as long as it is for what would be approved now."""
    return Consent.objects.filter(approval=approval, given_on=digests.shown(approval)).first()


def require_name(approval: Approval, actor: Actor, typed_name: str) -> None:
    """Raise `DecisionRefused` where a person has to type the agent's name and has not."""
    fresh = _fresh(approval)
    if actor.kind != "operator" or not fresh.is_pending or not is_demanding(fresh):
        return
    name = approval.agent.name
    if typed_name.strip() != name:
        raise DecisionRefused(f"this change is of high risk: type the agent's name, {name}, to approve it")


def suffices(approval: Approval, actor: Actor, note: str) -> bool:
    """Whether this person's word is enough. Where it is the first of two it is recorded, and the answer is no.

    Raises `DecisionRefused` for somebody who has consented already.
    """
    fresh = _fresh(approval)
    if not needs_two(fresh) or not fresh.is_pending or actor.kind == "system":
        return True
    given = first(fresh)
    if given is None:
        _record(fresh, actor, note)
        return False
    if given.by == actor.name:
        raise DecisionRefused(f"{actor.name} has consented already: somebody else has to approve it too")
    return True


def _record(approval: Approval, actor: Actor, note: str) -> None:
    with transaction.atomic():
        Consent.objects.filter(approval=approval).delete()
        Consent.objects.create(approval=approval, by=actor.name, note=note, given_on=digests.shown(approval))
        audit.record(
            "first consent",
            actor=actor,
            agent=approval.agent.name,
            approval_id=approval.pk,
            from_status=approval.status,
            to_status=approval.status,
            commit=approval.commit,
            note=note,
        )
        feed.publish("approvals", approval.pk)


def _fresh(approval: Approval) -> Approval:
    """As it stands in the database: its row is held until the decision is made."""
    return Approval.objects.select_related("agent").select_for_update(of=("self",)).get(pk=approval.pk)
