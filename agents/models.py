"""An agent, what runs of it, the work done on it, and the feed that tells who is waiting."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from agents import naming


class AgentQuerySet(models.QuerySet["Agent"]):
    def live(self) -> AgentQuerySet:
        """Agents that have a container."""
        return self.filter(lifecycle=Agent.Lifecycle.LIVE)

    def kept(self) -> AgentQuerySet:
        """Destroyed agents whose notes, credentials and repositories are still there."""
        return self.filter(lifecycle=Agent.Lifecycle.KEPT)


class Agent(models.Model):
    """One agent of the swarm. What its harness reports stands beside what the host has seen."""

    class Lifecycle(models.TextChoices):
        DRAFT = "draft"
        REQUESTED = "requested"
        LIVE = "live"
        KEPT = "kept"
        GONE = "gone"

    name = models.CharField(max_length=naming.MAX_NAME, unique=True)
    lifecycle = models.CharField(max_length=10, choices=Lifecycle.choices, default=Lifecycle.REQUESTED)
    wanted = models.BooleanField(default=False, help_text="The operator wants it to run.")
    running = models.BooleanField(default=False, help_text="The host saw it run.")
    connected = models.BooleanField(default=False, help_text="Its harness is connected to the broker.")
    connected_at = models.DateTimeField(null=True, blank=True)
    failed = models.BooleanField(default=False)
    failure = models.TextField(blank=True)
    paused = models.BooleanField(default=False)
    frozen = models.BooleanField(default=False, help_text="The operator wants every process of it held.")
    held = models.BooleanField(default=False, help_text="The host holds every process of it.")
    needs_login = models.BooleanField(default=False)
    problem = models.TextField(blank=True, help_text="What the harness says is wrong.")
    status_text = models.CharField(max_length=200, blank=True)
    status_set_at = models.DateTimeField(null=True, blank=True)
    active_model = models.CharField(max_length=100, blank=True)
    chosen_model = models.CharField(max_length=200, blank=True, help_text="The operator's, instead of the deployed.")
    session = models.CharField(max_length=64, blank=True, help_text="The model's session that goes on.")
    context_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    context_limit = models.PositiveBigIntegerField(null=True, blank=True)
    limited_until = models.DateTimeField(null=True, blank=True, help_text="Parked by a rate limit until then.")
    over_budget = models.CharField(max_length=300, blank=True, help_text="Why the hive lets it begin no turn.")
    busy_since = models.DateTimeField(null=True, blank=True)
    last_turn_at = models.DateTimeField(null=True, blank=True)
    ping_asked = models.CharField(max_length=32, blank=True, help_text="What its harness is asked to answer.")
    ping_answered = models.CharField(max_length=32, blank=True, help_text="What its harness has answered.")
    token_hash = models.CharField(max_length=64, blank=True)
    deployment = models.ForeignKey("Deployment", models.SET_NULL, null=True, blank=True, related_name="+")
    started_deployment = models.ForeignKey("Deployment", models.SET_NULL, null=True, blank=True, related_name="+")
    started_version = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[AgentQuerySet] = AgentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering: ClassVar = ["name"]
        permissions: ClassVar = [("open_terminal", "Can open a terminal in a container")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_manager(self) -> bool:
        return naming.is_manager(self.name)

    @property
    def container(self) -> str:
        return naming.container_name(self.name)

    @property
    def web_port(self) -> int:
        return naming.web_port(self.name)

    @property
    def vnc_port(self) -> int:
        return naming.vnc_port(self.name)


class Deployment(models.Model):
    """What was built and put to run once: the generation an approval led to. Policy is read from `options`."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="deployments")
    approval_id = models.BigIntegerField()
    commit = models.CharField(max_length=40)
    tree = models.CharField(max_length=40)
    options = models.JSONField(default=dict)
    ignored = models.JSONField(default=list, help_text="Settings that this backend does not act on.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.agent} {self.tag}"

    @property
    def tag(self) -> str:
        return f"deployed/{self.approval_id}"


class Allowance(models.Model):
    """More than the budget allows, granted by the operator for one day (UTC); without an agent: to the swarm."""

    agent = models.ForeignKey(Agent, models.CASCADE, null=True, blank=True, related_name="allowances")
    day = models.DateField()
    what = models.CharField(max_length=10)
    amount = models.FloatField()
    granted_by = models.CharField(max_length=160)
    granted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.agent or 'swarm'} {self.what} +{self.amount:g}"


class TerminalSession(models.Model):
    """One terminal that an operator opened on an agent."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="terminals")
    user = models.CharField(max_length=150)
    opened_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    ended = models.CharField(max_length=500, blank=True, help_text="Why it ended.")
    size = models.PositiveBigIntegerField(default=0, help_text="Of the recording, in bytes.")

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"terminal {self.pk} on {self.agent}"


class Secret(models.Model):
    """That a secret is set for an agent; its value is in a file that only this agent and the hive can read."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=128)
    in_environment = models.BooleanField(default=False, help_text="Also a variable of the agent's programs.")
    set_by = models.CharField(max_length=160)
    set_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["agent", "name"], name="one_secret_of_a_name")]

    def __str__(self) -> str:
        return f"{self.agent} {self.name}"


class Stat(models.Model):
    """A number of an agent at a time, as its harness reports it at the end of a turn."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="stats")
    ts = models.DateTimeField()
    key = models.CharField(max_length=80)
    value = models.FloatField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["agent", "key", "ts"], name="stat_of_agent"),
            models.Index(fields=["ts"], name="stat_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.key} {self.value:g}"


class Job(models.Model):
    """One piece of work on an agent. The row is the truth; the queue only pokes."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        INTERRUPTED = "interrupted"

    class Lane(models.TextChoices):
        CONTAINER = "container"
        REPOSITORY = "repository"
        BUILD = "build"

    ACTIVE: ClassVar = (Status.QUEUED, Status.RUNNING)

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=20)
    lane = models.CharField(max_length=10, choices=Lane.choices, default=Lane.CONTAINER)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    approval_id = models.BigIntegerField(null=True, blank=True)
    options = models.JSONField(default=dict)
    requested_by = models.CharField(max_length=160)
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["agent", "lane"], condition=Q(status="running"), name="one_running_job_per_agent_and_lane"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["status"], condition=Q(status__in=["queued", "running"]), name="job_active")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.agent} #{self.pk}"

    @property
    def is_over(self) -> bool:
        return self.status in (self.Status.DONE, self.Status.FAILED, self.Status.INTERRUPTED)


class JobLine(models.Model):
    """A line of a job's log."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="lines")
    text = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.text[:80]


class Change(models.Model):
    """A row of the change feed: something that someone may be waiting for has changed."""

    topic = models.CharField(max_length=40)
    object_id = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.topic} {self.object_id}"


class Ticket(models.Model):
    """Lets one user open one agent's screen or terminal once, soon. Only the digest of its token is kept."""

    class Purpose(models.TextChoices):
        SCREEN = "screen"
        TERMINAL = "terminal"

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.SCREEN)
    viewer = models.CharField(max_length=32, blank=True, help_text="The page that asked for it.")
    recorded = models.BooleanField(default=False)
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.purpose} ticket of {self.user} for {self.agent} until {self.expires_at:%Y-%m-%d %H:%M:%S}"


class ScreenLease(models.Model):
    """Who has an agent's mouse and keyboard; nobody when there is no row or it has expired."""

    agent = models.OneToOneField(Agent, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    viewer = models.CharField(max_length=32)
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        permissions: ClassVar = [
            ("watch_screen", "Can watch agents' screens"),
            ("drive_screen", "Can use agents' mouse and keyboard"),
        ]

    def __str__(self) -> str:
        return f"{self.user} drives {self.agent} until {self.expires_at:%Y-%m-%d %H:%M:%S}"


class ScreenRecording(models.Model):
    """A recorded session of a screen; its frames are in a file named after its id."""

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="recordings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the file.")
    note = models.CharField(max_length=200, blank=True, help_text="Why it ended early.")

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"recording {self.pk} of {self.agent}"
