"""Verbs about the operator's account and the audit log."""

from __future__ import annotations

import argparse
import sys

from agents import actors
from approvals import audit as log
from approvals.models import AuditEvent
from hiveproject import account
from hiveproject.dashboard.forms import AuditFilterForm
from hiveproject.hivectl.answers import FAILED, Answer, as_json, readable
from hiveproject.supervisor.plan import Plan


def operator(options: argparse.Namespace) -> Answer:
    if options.what == "reset":
        password = account.reset()
        return Answer({"username": account.USERNAME, "password": password}, f"{account.USERNAME} / {password}")
    url = Plan.from_environment("web").url + account.sign_in_path(actors.operator(account.USERNAME))
    return Answer({"url": url}, f"{url}  (works once, for 15 minutes)")


def audit(options: argparse.Namespace) -> Answer:
    return _export(options) if options.what == "export" else _verify(options.head)


def _verify(head: str) -> Answer:
    try:
        broken = log.check(head)
    except LookupError as error:
        return Answer({"events": 0, "broken": None}, code=FAILED, complaint=f"the audit log was changed: {error}")
    newest = AuditEvent.objects.order_by("-id").first()
    digest = newest.digest if newest else None
    data = {"events": AuditEvent.objects.count(), "broken": broken.event.pk if broken else None, "head": digest}
    if broken:
        event = broken.event
        what = f"event {event.pk} ({event.action} by {event.actor} at {event.at:%Y-%m-%d %H:%M:%S} UTC)"
        text = f"the audit log was changed: {what} does not fit: {broken.reason}"
        return Answer({**data, "reason": broken.reason}, code=FAILED, complaint=readable(text))
    return Answer(data, f"The audit log is whole: {data['events']} events, the newest is {digest or 'none'}.")


def _export(options: argparse.Namespace) -> Answer:
    """With --json one array, which has to fit into memory; without it one line after the other."""
    form = AuditFilterForm({**vars(options), "approval": options.approval or ""})
    if not form.is_valid():
        return Answer.refused(form.complaint())
    found = form.found().order_by("id")
    if options.json:
        return Answer([log.row(event) for event in found.iterator()])
    for event in found.iterator():
        sys.stdout.write(f"{as_json(log.row(event))}\n")
    return Answer()
