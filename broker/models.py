"""Messages and their deliveries, and what waits for a time or for somebody: questions, reminders, schedules.

Rows of messages are written by `broker.storing` and moved on by `broker.delivery` and `broker.deadletters` only.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from agents.models import Agent

MAX_ADDRESS = 40


class Message(models.Model):
    """What somebody said. `sender` is the address that an answer goes to; the server sets it, never the client."""

    class Provenance(models.TextChoices):
        OPERATOR = "operator"
        AGENT = "agent"
        SYSTEM = "system"
        EXTERNAL = "external"

    provenance = models.CharField(max_length=8, choices=Provenance.choices)
    sender = models.CharField(max_length=MAX_ADDRESS)
    author = models.CharField(max_length=150, blank=True, help_text="The operator's user name.")
    kind = models.CharField(max_length=32, default="message", help_text="`message`, or the system event it tells of.")
    to = models.CharField(max_length=MAX_ADDRESS, help_text="As it was addressed: a name or `*`.")
    body = models.TextField()
    in_reply_to = models.BigIntegerField(null=True, blank=True, help_text="A message; it may be deleted by now.")
    idempotency_key = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provenance", "sender", "idempotency_key"],
                condition=Q(idempotency_key__gt=""),
                name="one_message_per_key",
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.sender} → {self.to}"


class Delivery(models.Model):
    """A message on its way to one recipient: an agent's name, or `operator`."""

    class State(models.TextChoices):
        QUEUED = "queued"
        DELIVERED = "delivered"
        ACKNOWLEDGED = "acknowledged"
        DEAD = "dead"
        DISCARDED = "discarded"

    message = models.ForeignKey(Message, models.CASCADE, related_name="deliveries")
    recipient = models.CharField(max_length=MAX_ADDRESS)
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    session = models.CharField(max_length=32, blank=True, help_text="The connection it is leased to.")
    turn = models.CharField(max_length=64, blank=True, help_text="The turn that has taken it.")
    pushed = models.BooleanField(default=False, help_text="Counts against the session's window.")
    redelivered = models.BooleanField(default=False)
    tries = models.PositiveSmallIntegerField(default=0, help_text="Turns that took it and never ended.")
    urgent = models.BooleanField(default=False, help_text="Overtakes what is not, and never expires.")
    expires_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, help_text="Why its turn failed, or why it is dead.")
    delivered_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True, help_text="Or died, or was discarded.")

    class Meta:
        ordering: ClassVar = ["id"]
        verbose_name_plural = "deliveries"
        # Partial, so that the rows of the past cost nothing. SQLite uses them only where the state is a literal.
        indexes: ClassVar = [
            models.Index(fields=["recipient", "-urgent", "id"], condition=Q(state="queued"), name="delivery_waiting"),
            models.Index(fields=["recipient", "id"], condition=Q(state="delivered"), name="delivery_leased"),
            models.Index(
                fields=["expires_at"], condition=Q(state="queued", expires_at__isnull=False), name="delivery_expiring"
            ),
            models.Index(fields=["id"], condition=Q(state="dead"), name="delivery_dead"),
        ]

    def __str__(self) -> str:
        return f"#{self.message_id} for {self.recipient}: {self.state}"


class Question(models.Model):
    """What somebody wants to know of one other, who alone may answer."""

    class State(models.TextChoices):
        OPEN = "open"
        ANSWERED = "answered"
        EXPIRED = "expired"
        WITHDRAWN = "withdrawn"

    asker = models.CharField(max_length=MAX_ADDRESS)
    target = models.CharField(max_length=MAX_ADDRESS)
    text = models.TextField()
    options = models.JSONField(default=list)
    multi = models.BooleanField(default=False, help_text="Several options may be chosen.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    message_id = models.BigIntegerField(null=True, blank=True, help_text="The message that told of it.")
    asked_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    answer = models.TextField(blank=True)
    answered_by = models.CharField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["target", "id"], condition=Q(state="open"), name="question_open"),
            models.Index(
                fields=["expires_at"], condition=Q(state="open", expires_at__isnull=False), name="question_expiring"
            ),
        ]

    def __str__(self) -> str:
        return f"question {self.pk} of {self.asker} to {self.target}"


class Reminder(models.Model):
    """What an agent tells itself later."""

    class State(models.TextChoices):
        PENDING = "pending"
        FIRED = "fired"
        CANCELLED = "cancelled"

    agent = models.CharField(max_length=MAX_ADDRESS)
    text = models.TextField()
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["due_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(state="pending"), name="reminder_due"),
            models.Index(fields=["agent"], condition=Q(state="pending"), name="reminder_of_agent"),
        ]

    def __str__(self) -> str:
        return f"reminder {self.pk} of {self.agent}"


class Schedule(models.Model):
    """A prompt that an agent is given again and again; made by an approval. Either `every` or `cron` is set."""

    class State(models.TextChoices):
        ACTIVE = "active"
        CANCELLED = "cancelled"

    agent = models.CharField(max_length=MAX_ADDRESS)
    prompt = models.TextField()
    every = models.PositiveIntegerField(null=True, blank=True, help_text="Seconds from one firing to the next.")
    cron = models.CharField(max_length=100, blank=True, help_text="Minute, hour, day, month, weekday; in UTC.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    approval_id = models.BigIntegerField(unique=True, help_text="What allowed it.")
    requested_by = models.CharField(max_length=160)
    created_at = models.DateTimeField(auto_now_add=True)
    next_at = models.DateTimeField()
    last_at = models.DateTimeField(null=True, blank=True)
    fired = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["next_at", "id"]
        indexes: ClassVar = [models.Index(fields=["next_at"], condition=Q(state="active"), name="schedule_due")]

    def __str__(self) -> str:
        return f"schedule {self.pk} of {self.agent}"


class WakeToken(models.Model):
    """Lets something outside the hive write to one agent, and to nobody else."""

    agent = models.CharField(max_length=MAX_ADDRESS)
    label = models.CharField(max_length=30, help_text="What uses it; its messages come from `external:LABEL`.")
    token_hash = models.CharField(max_length=64)
    made_by = models.CharField(max_length=160)
    made_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    minute = models.BigIntegerField(default=0, help_text="The minute that `uses` counts.")
    uses = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"wake token {self.pk} ({self.label}) of {self.agent}"


class Upkeep(models.Model):
    """When a piece of periodic work is due again; claimed by moving `next_at` on."""

    name = models.CharField(max_length=20, primary_key=True)
    next_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "upkeep"

    def __str__(self) -> str:
        return self.name


class LoggedEvent(models.Model):
    """What an agent's harness says happened, in its own order: `seq` counts on within an `epoch`.

    All of it is the agent's word, sizes and types checked.
    """

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="logged_events")
    epoch = models.CharField(max_length=32)
    seq = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    turn = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["agent", "epoch", "seq"], name="each_event_once")]
        indexes: ClassVar = [
            models.Index(fields=["agent", "id"], name="event_of_agent"),
            models.Index(fields=["at"], name="event_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.kind} #{self.seq}"


class Order(models.Model):
    """What the operator wants of a harness now: interrupt, compact, … (`broker.control`)."""

    class State(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        DONE = "done"
        FAILED = "failed"
        EXPIRED = "expired"

    OPEN: ClassVar = (State.QUEUED, State.SENT)

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="orders")
    verb = models.CharField(max_length=20)
    args = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    session = models.CharField(max_length=32, blank=True, help_text="The connection it was sent by.")
    text = models.CharField(max_length=2000, blank=True, help_text="What came of it, in the harness's words.")
    requested_by = models.CharField(max_length=160)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["agent"], condition=Q(state__in=["queued", "sent"]), name="order_open"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.agent} #{self.pk}"

    @property
    def is_over(self) -> bool:
        return self.state not in self.OPEN
