"""Verbs about the operator's account and the audit log."""

from __future__ import annotations

import argparse

from approvals import audit as log
from approvals.models import AuditEvent
from hiveproject import account
from hiveproject.hivectl.answers import FAILED, Answer
from hiveproject.supervisor.plan import Plan


def operator(options: argparse.Namespace) -> Answer:
    if options.what == "reset":
        password = account.reset()
        return Answer({"username": account.USERNAME, "password": password}, f"{account.USERNAME} / {password}")
    url = Plan.from_environment("web").url + account.sign_in_path()
    return Answer({"url": url}, f"{url}  (works once, for 15 minutes)")


def audit(_: argparse.Namespace) -> Answer:
    broken = log.first_broken()
    data = {"events": AuditEvent.objects.count(), "broken": broken.pk if broken else None}
    if broken:
        return Answer(data, code=FAILED, complaint=f"the audit log was changed: event {broken.pk} does not fit")
    return Answer(data, f"The audit log is whole: {data['events']} events.")
