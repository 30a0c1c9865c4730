"""What an operator decides, what came of it, and the log that nobody can rewrite."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from agents.models import Agent


class Approval(models.Model):
    """One change that waits for, or has had, an operator's decision."""

    class Kind(models.TextChoices):
        SPAWN = "spawn"
        APPLY_COMMIT = "apply_commit"
        ROLLBACK = "rollback"
        UPDATE_INPUTS = "update_inputs"
        DESTROY = "destroy"
        SCHEDULE_PROMPT = "schedule_prompt"

    class Status(models.TextChoices):
        PINNING = "pinning"
        PENDING = "pending"
        APPROVED = "approved"
        BUILDING = "building"
        DEPLOYED = "deployed"
        DONE = "done"
        FAILED = "failed"
        DENIED = "denied"
        CANCELLED = "cancelled"
        SUPERSEDED = "superseded"

    agent = models.ForeignKey(Agent, models.PROTECT, related_name="approvals")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PINNING)
    commit_ref = models.CharField(max_length=40, blank=True, help_text="The commit as it was asked for.")
    commit = models.CharField(max_length=40, blank=True)
    tree = models.CharField(max_length=40, blank=True)
    base_commit = models.CharField(max_length=40, blank=True, help_text="What ran when this was asked for.")
    description = models.TextField(blank=True)
    options = models.JSONField(default=dict)
    ignored = models.JSONField(default=list)
    flags = models.JSONField(default=list, help_text="What to look at twice: `approvals.risks.Flag` as JSON.")
    flagged_on = models.BigIntegerField(null=True, blank=True, help_text="Deployment that the flags compare with.")
    lock_hash = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the meta flake's lock as it was shown."
    )
    fresh_look = models.BooleanField(
        default=False, help_text="What it is built with has changed: it has to be shown again."
    )
    supersedes = models.BooleanField(default=False, help_text="Once pinned it takes the place of older requests.")
    prebuild = models.JSONField(
        default=dict, help_text="What came of building it before the decision: `prebuild.Result`."
    )
    agent_was = models.CharField(
        max_length=10, blank=True, help_text="The agent's lifecycle before this was asked for."
    )
    made_state = models.BooleanField(default=False, help_text="This request made the agent's folders.")
    requested_by = models.CharField(max_length=160)
    requested_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_on = models.BigIntegerField(null=True, blank=True, help_text="Deployment that ran at the decision.")
    note = models.TextField(blank=True)
    ending = models.CharField(
        max_length=8, blank=True, help_text="How its build ended, once that is settled: nobody can cancel it any more."
    )
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        permissions: ClassVar = [("decide", "Can approve, deny and cancel")]
        indexes: ClassVar = [models.Index(fields=["status", "-id"], name="approval_status")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.agent} #{self.pk}"

    @property
    def is_pending(self) -> bool:
        return self.status == self.Status.PENDING

    @property
    def is_high_risk(self) -> bool:
        """Whether a rule found something that gives the agent new power, or that cannot be fully seen."""
        return any(flag.get("level") == "high" for flag in self.flags)


class ApprovalContent(models.Model):
    """The files an approval changes, as text, so that pages never run git.

    `before` and `after` map a path to its text, or to null where it is binary or too large to show.
    """

    approval = models.OneToOneField(Approval, models.CASCADE, related_name="content")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"files of approval {self.approval_id}"


class CommitFiles(models.Model):
    """The files of a commit that no approval of this hive's database has pinned, read from git by a worker."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="+")
    commit = models.CharField(max_length=40)
    files = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["agent", "commit"], name="files_of_a_commit_once")]

    def __str__(self) -> str:
        return f"files of {self.agent} at {self.commit[:12]}"


class Tag(models.Model):
    """Git's tags of an applied repository, mirrored for the pages; git is the truth. Those without agent are meta's."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="tags", null=True, blank=True)
    name = models.CharField(max_length=60)
    commit = models.CharField(max_length=40)
    message = models.TextField(blank=True)
    planted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["agent", "name"], name="one_tag_per_name")]

    def __str__(self) -> str:
        return f"{self.agent or 'meta'} {self.name}"

    @property
    def number(self) -> str:
        """The approval's id in the name."""
        return self.name.partition("/")[2]


class AuditEvent(models.Model):
    """One thing that was decided or done. Append-only: the database refuses update and delete."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=160)
    action = models.CharField(max_length=40)
    agent = models.CharField(max_length=9, blank=True)
    approval_id = models.BigIntegerField(null=True, blank=True)
    from_status = models.CharField(max_length=12, blank=True)
    to_status = models.CharField(max_length=12, blank=True)
    commit = models.CharField(max_length=40, blank=True)
    note = models.TextField(blank=True)
    previous = models.CharField(max_length=64, blank=True, help_text="Digest of the event before this one.")
    digest = models.CharField(max_length=64)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action}"


class Consent(models.Model):
    """The first of two persons who have to approve. It holds for what was shown then, and for nothing else."""

    approval = models.OneToOneField(Approval, models.CASCADE, related_name="consent")
    by = models.CharField(max_length=160)
    at = models.DateTimeField(auto_now_add=True)
    note = models.TextField(blank=True)
    given_on = models.CharField(max_length=64, help_text="`digests.shown` of what was consented to.")

    def __str__(self) -> str:
        return f"{self.by} consents to approval {self.approval_id}"


class AutoRule(models.Model):
    """Approve by itself what only adds these packages and raises no flag. Nothing does while none is switched on."""

    name = models.CharField(max_length=80, unique=True)
    enabled = models.BooleanField(default=False, help_text="Nothing is decided by a rule that is not switched on.")
    agent = models.ForeignKey(
        Agent, models.CASCADE, null=True, blank=True, related_name="+", help_text="Empty: every agent."
    )
    packages = models.TextField(
        help_text="Names as in nixpkgs, one a line. Whoever may add one of these needs no approval."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "rule that decides"
        verbose_name_plural = "rules that decide"

    def __str__(self) -> str:
        return self.name
