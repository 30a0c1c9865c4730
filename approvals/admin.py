"""Approvals in Django's admin: the same decisions through the same functions; everything else is read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from agents import actors, visible
from agents.readonly import ReadOnly
from approvals import consents, contents, decisions, diffs, digests, optionchanges, rules
from approvals.decisions import DecisionRefused
from approvals.models import Approval, AuditEvent, AutoRule, Tag
from approvals.transitions import TransitionRefused

if TYPE_CHECKING:
    ApprovalBase: TypeAlias = admin.ModelAdmin[Approval]
    TagBase: TypeAlias = admin.ModelAdmin[Tag]
    AuditBase: TypeAlias = admin.ModelAdmin[AuditEvent]
    RuleBase: TypeAlias = admin.ModelAdmin[AutoRule]
    RuleFormBase: TypeAlias = forms.ModelForm[AutoRule]
else:
    ApprovalBase = TagBase = AuditBase = RuleBase = admin.ModelAdmin
    RuleFormBase = forms.ModelForm


class HighRisk(admin.SimpleListFilter):
    """Whether a flag of high risk was raised."""

    title = "high risk"
    parameter_name = "high"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("yes", "yes"), ("no", "no")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Approval]) -> QuerySet[Approval]:  # noqa: ARG002
        """By the text of the JSON, which every database can search."""
        found = queryset.annotate(flags_text=Cast("flags", TextField()))
        raised = Q(flags_text__contains='"level": "high"') | Q(flags_text__contains='"level":"high"')
        return {"yes": found.filter(raised), "no": found.exclude(raised)}.get(self.value() or "", queryset)


class RuleForm(RuleFormBase):
    """Says which names are no names of packages."""

    def clean_packages(self) -> str:
        return "\n".join(rules.parsed(str(self.cleaned_data["packages"])))


_DECIDE: dict[str, Callable[..., Approval]] = {
    "approve": decisions.approve,
    "deny": decisions.deny,
    "cancel": decisions.cancel,
}


_SHOWN_LINES = 2_000


class DecisionActionForm(ActionForm):
    """What the actions of the list take with them."""

    note = forms.CharField(required=False, max_length=20_000, label="Note")
    typed = forms.CharField(required=False, max_length=64, label="Agent's name (high risk)")


@admin.register(Approval)
class ApprovalAdmin(ReadOnly, ApprovalBase):
    action_form = DecisionActionForm
    show_facets = admin.ShowFacets.ALWAYS
    list_display = ("id", "agent", "kind", "status", "short_commit", "requested_by", "requested_at", "decided_by")
    list_filter = ("status", "kind", HighRisk, "agent")
    list_select_related = ("agent",)
    search_fields = ("agent__name", "commit", "description", "note")
    date_hierarchy = "requested_at"
    actions = ("approve", "deny", "cancel")
    change_form_template = "admin/approvals/approval/change_form.html"
    fields = (
        "agent", "kind", "status", "commit", "tree", "why", "requested_by", "requested_at", "decided_by", "decided_at",
        "outcome", "finished_at", "look_twice", "effective_options", "without_effect", "diff", "history",
    )  # fmt: skip

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("approvals.decide")

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Approval]) -> None:
        self._decide_each(request, queryset, "approve")

    @admin.action(description="Deny", permissions=["decide"])
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
            self._decide(request, approval, decision)
            return redirect(request.path)
        shown = self.get_object(request, object_id)
        more = {} if shown is None else {"demands_name": consents.is_demanding(shown), "seen": digests.shown(shown)}
        context = {"may_decide": self.has_decide_permission(request), **more, **(extra_context or {})}
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
        files = None if sides is None else diffs.compare(*sides)
        parts = diffs.parts(files or [], _SHOWN_LINES, whole=False)
        case = {"files": files, "parts": list(parts), "address": reverse("approval", args=[approval.pk])}
        return render_to_string("admin/approvals/approval/diff.html", {"case": case})

    @admin.display(description="history")
    def history(self, approval: Approval) -> SafeString:
        events = AuditEvent.objects.filter(approval_id=approval.pk).order_by("id")
        rows = ((f"{e.at:%Y-%m-%d %H:%M:%S}", e.actor, e.action, visible.prose(e.note)) for e in events)
        return format_html_join("\n", "{} UTC, {}: {} {}", rows) or SafeString("–")

    def _decide_each(self, request: HttpRequest, queryset: QuerySet[Approval], decision: str) -> None:
        for approval in queryset.select_related("agent").order_by("id"):
            self._decide(request, approval, decision)

    def _decide(self, request: HttpRequest, approval: Approval, decision: str) -> None:
        """One decision with its outcome; what was typed and seen counts for an approval only."""
        given = {name: str(request.POST.get(name, "")).strip()[:20_000] for name in ("note", "typed", "seen")}
        more = {"typed_name": given["typed"], "seen": given["seen"]} if decision == "approve" else {}
        actor = actors.operator(request.user.get_username())
        try:
            decided = _DECIDE[decision](approval, actor=actor, note=given["note"], **more)
        except (TransitionRefused, DecisionRefused) as refusal:
            self.message_user(request, f"Nothing was done: {refusal}.", messages.ERROR)
        else:
            self.message_user(request, _outcome(decided))

    def _refuse(self, request: HttpRequest, text: str) -> HttpResponse:
        self.message_user(request, text, messages.ERROR)
        return redirect(request.path)


def _outcome(decided: Approval) -> str:
    if decided.is_pending:
        return f"Your consent to approval {decided.pk} is kept: somebody else has to approve it too."
    return f"Approval {decided.pk} of {decided.agent.name} is {decided.status}."


@admin.register(AutoRule)
class AutoRuleAdmin(RuleBase):
    """Kept through `approvals.rules`, so that the audit log knows of every change."""

    list_display = ("name", "enabled", "agent", "names", "created_at")
    list_filter = ("enabled",)
    list_select_related = ("agent",)
    search_fields = ("name", "packages")
    fields = ("name", "enabled", "agent", "packages")
    actions = None
    form = RuleForm

    @admin.display(description="packages")
    def names(self, rule: AutoRule) -> str:
        return Truncator(", ".join(rule.packages.split())).chars(80)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _may_decide(request) and super().has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may_decide(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: AutoRule | None = None) -> bool:
        return _may_decide(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: AutoRule | None = None) -> bool:
        return _may_decide(request) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: AutoRule, form: Any, change: bool) -> None:  # noqa: ARG002
        rules.save(obj, actor=actors.operator(request.user.get_username()))

    def delete_model(self, request: HttpRequest, obj: AutoRule) -> None:
        rules.remove(obj, actor=actors.operator(request.user.get_username()))


def _may_decide(request: HttpRequest) -> bool:
    return request.user.has_perm("approvals.decide")


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
