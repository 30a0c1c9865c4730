"""Approvals in Django's admin: the same decisions through the same functions; everything else is read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents import actors, visible
from agents.readonly import ReadOnly
from approvals import contents, decisions, diffs, optionchanges
from approvals.decisions import DecisionRefused
from approvals.models import Approval, AuditEvent, Tag
from approvals.transitions import TransitionRefused

if TYPE_CHECKING:
    ApprovalBase: TypeAlias = admin.ModelAdmin[Approval]
    TagBase: TypeAlias = admin.ModelAdmin[Tag]
    AuditBase: TypeAlias = admin.ModelAdmin[AuditEvent]
else:
    ApprovalBase = TagBase = AuditBase = admin.ModelAdmin

_DECIDE = {"approve": decisions.approve, "deny": decisions.deny, "cancel": decisions.cancel}


@admin.register(Approval)
class ApprovalAdmin(ReadOnly, ApprovalBase):
    list_display = ("id", "agent", "kind", "status", "short_commit", "requested_by", "requested_at", "decided_by")
    list_filter = ("status", "kind", "agent")
    list_select_related = ("agent",)
    search_fields = ("agent__name", "commit", "description", "note")
    date_hierarchy = "requested_at"
    actions = ("approve", "deny", "cancel")
    change_form_template = "admin/approvals/approval/change_form.html"
    fields = (
        "agent", "kind", "status", "commit", "tree", "why", "requested_by", "requested_at", "decided_by", "decided_at",
        "outcome", "finished_at", "look_twice", "effective_options", "without_effect", "diff",
    )  # fmt: skip

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("approvals.decide")

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Approval]) -> None:
        self._decide_each(request, queryset, "approve")

    @admin.action(description="Deny (a note goes on the approval's own page)", permissions=["decide"])
    def deny(self, request: HttpRequest, queryset: QuerySet[Approval]) -> None:
        self._decide_each(request, queryset, "deny")

    @admin.action(description="Cancel", permissions=["decide"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Approval]) -> None:
        self._decide_each(request, queryset, "cancel")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """A POST decides; there is nothing else to save."""
        if request.method == "POST":
            if not self.has_decide_permission(request):
                return self._refuse(request, "You may look, not decide.")
            approval = self.get_object(request, object_id)
            decision = str(request.POST.get("decision", ""))
            if approval is None or decision not in _DECIDE:
                return self._refuse(request, "Nothing was done: there is no such approval or decision.")
            self._decide(request, approval, decision, str(request.POST.get("note", "")).strip()[:20_000])
            return redirect(request.path)
        context = {"may_decide": self.has_decide_permission(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    @admin.display(description="commit", ordering="commit")
    def short_commit(self, approval: Approval) -> str:
        return approval.commit[:12] or "–"

    @admin.display(description="description")
    def why(self, approval: Approval) -> SafeString:
        return format_html('<div class="said">{}</div>', visible.prose(approval.description or "–"))

    @admin.display(description="note")
    def outcome(self, approval: Approval) -> SafeString:
        return format_html('<div class="said">{}</div>', visible.prose(approval.note or "–"))

    @admin.display(description="look twice")
    def look_twice(self, approval: Approval) -> SafeString:
        lines = [f"{flag['level']}: {flag['where']}: {flag['text']}" for flag in approval.flags]
        return visible.prose("\n".join(lines) or "–")

    @admin.display(description="options")
    def effective_options(self, approval: Approval) -> SafeString:
        options = optionchanges.compare(None, approval.options)
        return format_html_join("\n", "{} = {}", [(option.name, visible.code(option.after)) for option in options])

    @admin.display(description="without effect here")
    def without_effect(self, approval: Approval) -> SafeString:
        return visible.code(", ".join(approval.ignored) or "–")

    @admin.display(description="change")
    def diff(self, approval: Approval) -> SafeString:
        sides = contents.sides(approval)
        case = {"files": None if sides is None else diffs.compare(*sides)}
        return render_to_string("admin/approvals/approval/diff.html", {"case": case})

    def _decide_each(self, request: HttpRequest, queryset: QuerySet[Approval], decision: str) -> None:
        for approval in queryset.select_related("agent").order_by("id"):
            self._decide(request, approval, decision, "")

    def _decide(self, request: HttpRequest, approval: Approval, decision: str, note: str) -> None:
        decide: Callable[..., Approval] = _DECIDE[decision]
        try:
            decided = decide(approval, actor=actors.operator(request.user.get_username()), note=note)
        except (TransitionRefused, DecisionRefused) as refusal:
            self.message_user(request, f"Nothing was done: {refusal}.", messages.ERROR)
        else:
            self.message_user(request, f"Approval {decided.pk} of {decided.agent.name} is {decided.status}.")

    def _refuse(self, request: HttpRequest, text: str) -> HttpResponse:
        self.message_user(request, text, messages.ERROR)
        return redirect(request.path)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, AuditBase):
    list_display = ("id", "at", "actor", "action", "agent", "approval_id", "from_status", "to_status")
    list_filter = ("action", "agent")
    search_fields = ("actor", "agent", "commit", "note")
    date_hierarchy = "at"
    actions = None
    fields = (
        "at", "actor", "action", "agent", "approval_id", "from_status", "to_status", "commit", "what", "previous",
        "digest",
    )  # fmt: skip

    @admin.display(description="note")
    def what(self, event: AuditEvent) -> SafeString:
        return visible.prose(event.note or "–")


@admin.register(Tag)
class TagAdmin(ReadOnly, TagBase):
    list_display = ("name", "agent", "commit", "planted_at")
    list_filter = ("agent",)
    list_select_related = ("agent",)
    search_fields = ("name", "commit", "message")
    actions = None
    fields = ("agent", "name", "commit", "what", "planted_at")

    @admin.display(description="message")
    def what(self, tag: Tag) -> SafeString:
        return visible.prose(tag.message or "–")
