"""Wake tokens in Django's admin: made with agent and label, shown once, revoked; nothing else can be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from agents import actors
from agents.actors import Actor
from agents.models import Agent
from broker.models import WakeToken
from broker.wake_tokens import TokenRefused
from hiveproject import wake_tokens

if TYPE_CHECKING:
    TokenBase: TypeAlias = admin.ModelAdmin[WakeToken]
    FormBase: TypeAlias = forms.ModelForm[WakeToken]
else:
    TokenBase, FormBase = admin.ModelAdmin, forms.ModelForm


class NewToken(FormBase):
    """Which agent is woken, and by what."""

    agent = forms.ChoiceField()

    class Meta:
        model = WakeToken
        fields = ("agent", "label")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = Agent.objects.live().values_list("name", flat=True)
        self.fields["agent"] = forms.ChoiceField(choices=[(name, name) for name in names])


@admin.register(WakeToken)
class WakeTokenAdmin(TokenBase):
    list_display = ("id", "agent", "label", "made_by", "made_at", "used_at", "revoked_at")
    list_filter = ("agent",)
    actions = ("revoke",)
    fields = ("agent", "label", "made_by", "made_at", "used_at", "revoked_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("approvals.decide")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("approvals.decide")

    def has_change_permission(self, request: HttpRequest, obj: WakeToken | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: WakeToken | None = None) -> bool:  # noqa: ARG002
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Not saved by the form: the broker makes the token, and the page after it shows it once."""
        if request.method != "POST" or not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)
        agent, label = str(request.POST.get("agent", "")), str(request.POST.get("label", ""))
        try:
            made = wake_tokens.make(agent, label, actor=_actor(request))
        except TokenRefused as refusal:
            self.message_user(request, f"Nothing was made: {refusal}.", messages.ERROR)
            return redirect(request.path)
        self.message_user(request, f"Keep it now, it is not shown again: {made.secret}")
        return redirect("admin:broker_waketoken_changelist")

    def get_form(self, request: HttpRequest, obj: WakeToken | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs |= {"form": NewToken, "fields": ("agent", "label")}
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: WakeToken | None = None) -> Any:
        return ("agent", "label") if obj is None else super().get_fields(request, obj)

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[WakeToken]) -> None:
        for token in queryset.order_by("id"):
            try:
                wake_tokens.revoke(token.pk, actor=_actor(request))
            except TokenRefused as refusal:
                self.message_user(request, f"Nothing was done: {refusal}.", messages.ERROR)
            else:
                self.message_user(request, f"{token} is worth nothing from now on.")


def _actor(request: HttpRequest) -> Actor:
    return actors.operator(request.user.get_username())
