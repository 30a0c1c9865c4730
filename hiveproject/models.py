"""One-time sign-in links, and what is told outside the hive."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class SignInLink(models.Model):
    """A link that signs one user in once. Only the digest of its token is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"sign-in link of {self.user} until {self.expires_at:%Y-%m-%d %H:%M}"


class ReachTarget(models.Model):
    """Where the hive tells what newly needs a person. The secret is sealed and never shown."""

    class Kind(models.TextChoices):
        NTFY = "ntfy", "ntfy (address of a topic)"
        SLACK = "slack", "Slack style webhook"
        MATRIX = "matrix", "Matrix (…/rooms/ROOM/send/m.room.message)"
        JSON = "json", "plain JSON"

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    url = models.CharField("address", max_length=2_000)
    sealed = models.TextField(blank=True, editable=False)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class AttentionEdge(models.Model):
    """Something that needs a person, from when it was first seen until it has been gone for a while."""

    key = models.CharField(max_length=255, unique=True)
    first_seen = models.DateTimeField(auto_now_add=True)
    gone_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.key


class Notice(models.Model):
    """One thing to tell one target, until it has arrived or is given up. Without target: the one of the settings."""

    class State(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        FAILED = "failed"
        DROPPED = "dropped"

    target = models.ForeignKey(ReachTarget, models.CASCADE, null=True, blank=True, related_name="notices")
    key = models.CharField(max_length=255)
    title = models.CharField(max_length=200)
    detail = models.CharField(max_length=600, blank=True)
    path = models.CharField(max_length=200)
    tone = models.CharField(max_length=8)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["state", "next_at"], name="notice_due")]

    def __str__(self) -> str:
        return f"{self.title} ({self.state})"
