"""What a person can send in. The rules themselves stand with the functions that act; these only read the fields."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from approvals.models import Approval, AuditEvent

_TIMES = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_NO_TIME = "That is no time: write 2026-11-21 or 2026-11-21 14:30, in UTC."
_LOOKUPS = {
    "since": "at__gte",
    "until": "at__lt",
    "action": "action__icontains",
    "agent": "agent",
    "approval": "approval_id",
}
DECISIONS = ("approve", "deny", "cancel")
_MOST = 20_000


class HiveForm(forms.Form):
    def complaint(self) -> str:
        """Every error in one line."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


class SpawnForm(HiveForm):
    name = forms.CharField(max_length=64, error_messages={"required": "An agent needs a name."})
    description = forms.CharField(required=False, max_length=_MOST)


class MessageForm(HiveForm):
    to = forms.CharField(max_length=64, error_messages={"required": "Say who gets the message."})
    body = forms.CharField(max_length=200_000, strip=False, error_messages={"required": "Write a message first."})
    in_reply_to = forms.IntegerField(required=False)


class ScheduleForm(HiveForm):
    """What an agent is to be told, and when; the rules stand with `broker.schedules.Plan`."""

    agent = forms.CharField(required=False, max_length=64)
    prompt = forms.CharField(max_length=_MOST, strip=False, error_messages={"required": "Write the prompt first."})
    every = forms.IntegerField(required=False, error_messages={"invalid": "Seconds are a whole number."})
    cron = forms.CharField(required=False, max_length=100)


class SearchForm(HiveForm):
    """What the list of messages shows."""

    q = forms.CharField(required=False, max_length=200)
    agent = forms.CharField(required=False, max_length=40)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62)


class AnswerForm(HiveForm):
    """The words beside the options that were chosen."""

    text = forms.CharField(required=False, max_length=20_000)


class DecisionForm(HiveForm):
    decision = forms.ChoiceField(
        choices=[(word, word) for word in DECISIONS],
        error_messages={"required": "Say what you decide.", "invalid_choice": "There is no such decision."},
    )
    note = forms.CharField(required=False, max_length=_MOST)
    seen = forms.CharField(required=False, max_length=64)
    typed = forms.CharField(required=False, max_length=64)


class RollbackForm(HiveForm):
    tag = forms.CharField(max_length=60)
    reason = forms.CharField(
        max_length=_MOST, error_messages={"required": "Say why: the reason is kept with the rollback."}
    )


class TypedNameForm(HiveForm):
    """Destroying asks for the agent's name, typed."""

    typed = forms.CharField(required=False, max_length=64)

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"]).strip()
        if typed != self.name:
            raise forms.ValidationError(f"Nothing was done: type {self.name} to confirm.")
        return typed


class AuditFilterForm(HiveForm):
    """Which events of the audit log are shown or exported."""

    since = forms.DateTimeField(required=False, input_formats=_TIMES, error_messages={"invalid": _NO_TIME})
    until = forms.DateTimeField(required=False, input_formats=_TIMES, error_messages={"invalid": _NO_TIME})
    actor = forms.CharField(required=False, max_length=160)
    action = forms.CharField(required=False, max_length=40)
    agent = forms.CharField(required=False, max_length=9)
    approval = forms.IntegerField(required=False, min_value=1, max_value=2**53)

    def found(self) -> QuerySet[AuditEvent]:
        """What was asked for, newest first. A name without its kind is an operator's or an agent's."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        found = AuditEvent.objects.order_by("-id")
        if actor := given.get("actor"):
            found = found.filter(actor__in=(actor, f"operator:{actor}", f"agent:{actor}"))
        for name, lookup in _LOOKUPS.items():
            if name in given:
                found = found.filter(**{lookup: given[name]})
        return found


class FilterForm(HiveForm):
    """What the list of approvals shows."""

    status = forms.ChoiceField(required=False, choices=[("", "all"), *Approval.Status.choices])
    agent = forms.CharField(required=False, max_length=9)
