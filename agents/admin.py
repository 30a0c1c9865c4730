"""Agents, deployments and jobs in Django's admin: to be looked at. What changes them stands on the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from agents import visible
from agents.models import Agent, Deployment, Job
from agents.readonly import ReadOnly

if TYPE_CHECKING:
    AgentBase: TypeAlias = admin.ModelAdmin[Agent]
    DeploymentBase: TypeAlias = admin.ModelAdmin[Deployment]
    JobBase: TypeAlias = admin.ModelAdmin[Job]
else:
    AgentBase = DeploymentBase = JobBase = admin.ModelAdmin

_LOG_LINES = 500


@admin.register(Agent)
class AgentAdmin(ReadOnly, AgentBase):
    list_display = ("name", "lifecycle", "wanted", "running", "connected", "failed", "deployment")
    list_filter = ("lifecycle", "running", "failed")
    list_select_related = ("deployment__agent",)
    search_fields = ("name", "status_text")
    fields = (
        "name", "lifecycle", "wanted", "running", "connected", "connected_at", "failed", "why_failed", "paused",
        "needs_login", "trouble", "status", "status_set_at", "used_model", "busy_since", "last_turn_at", "deployment",
        "started_deployment", "started_version", "created_at",
    )  # fmt: skip

    @admin.display(description="failure")
    def why_failed(self, agent: Agent) -> SafeString:
        return visible.prose(agent.failure or "–")

    @admin.display(description="problem")
    def trouble(self, agent: Agent) -> SafeString:
        return visible.prose(agent.problem or "–")

    @admin.display(description="status text")
    def status(self, agent: Agent) -> SafeString:
        return visible.prose(agent.status_text or "–")

    @admin.display(description="active model")
    def used_model(self, agent: Agent) -> SafeString:
        return visible.prose(agent.active_model or "–")


@admin.register(Deployment)
class DeploymentAdmin(ReadOnly, DeploymentBase):
    list_display = ("agent", "tag", "commit", "created_at")
    list_filter = ("agent",)
    list_select_related = ("agent",)
    search_fields = ("commit",)
    fields = ("agent", "tag", "commit", "tree", "settings", "created_at")

    @admin.display(description="options")
    def settings(self, deployment: Deployment) -> SafeString:
        lines = [f"{name} = {value!r}" for name, value in sorted(deployment.options.items())]
        return visible.code("\n".join(lines))


@admin.register(Job)
class JobAdmin(ReadOnly, JobBase):
    list_display = ("id", "kind", "agent", "status", "requested_by", "requested_at", "finished_at")
    list_filter = ("status", "kind", "agent")
    list_select_related = ("agent",)
    search_fields = ("agent__name", "error")
    date_hierarchy = "requested_at"
    fields = (
        "agent", "kind", "lane", "status", "approval_id", "options", "requested_by", "requested_at", "started_at",
        "finished_at", "attempts", "why_failed", "log",
    )  # fmt: skip

    @admin.display(description="error")
    def why_failed(self, job: Job) -> SafeString:
        return visible.prose(job.error or "–")

    @admin.display(description="log (last lines)")
    def log(self, job: Job) -> SafeString:
        lines = job.lines.order_by("-id").values_list("text", flat=True)[:_LOG_LINES]
        return format_html_join("\n", "{}", ((visible.log(text),) for text in reversed(lines)))
