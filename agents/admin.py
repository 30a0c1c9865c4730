"""Agents, deployments and jobs in Django's admin: to be looked at. What changes them stands on the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from agents.models import Agent, Deployment, Job, JobLine

if TYPE_CHECKING:
    AgentBase, DeploymentBase = admin.ModelAdmin[Agent], admin.ModelAdmin[Deployment]
    JobBase, LineBase = admin.ModelAdmin[Job], admin.TabularInline[JobLine, Job]
else:
    AgentBase = DeploymentBase = JobBase = admin.ModelAdmin
    LineBase = admin.TabularInline


class ReadOnly:
    """To be looked at."""

    actions = None

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Agent)
class AgentAdmin(ReadOnly, AgentBase):
    list_display: ClassVar = ["name", "lifecycle", "wanted", "running", "connected", "failed", "deployment"]
    list_filter: ClassVar = ["lifecycle", "running", "failed"]
    list_select_related: ClassVar = ["deployment__agent"]
    search_fields: ClassVar = ["name", "status_text"]
    exclude: ClassVar = ["token_hash"]


@admin.register(Deployment)
class DeploymentAdmin(ReadOnly, DeploymentBase):
    list_display: ClassVar = ["agent", "tag", "commit", "created_at"]
    list_filter: ClassVar = ["agent"]
    list_select_related: ClassVar = ["agent"]
    search_fields: ClassVar = ["commit"]


class LineInline(ReadOnly, LineBase):
    model = JobLine
    fields: ClassVar = ["at", "text"]
    extra = 0


@admin.register(Job)
class JobAdmin(ReadOnly, JobBase):
    list_display: ClassVar = ["id", "kind", "agent", "status", "requested_by", "requested_at", "finished_at"]
    list_filter: ClassVar = ["status", "kind", "agent"]
    list_select_related: ClassVar = ["agent"]
    search_fields: ClassVar = ["agent__name", "error"]
    date_hierarchy = "requested_at"
    inlines: ClassVar = [LineInline]
