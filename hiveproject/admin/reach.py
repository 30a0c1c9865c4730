"""Receivers of notices in the admin, and what was sent to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from agents.readonly import ReadOnly
from hiveproject.admin.accounts import Audited
from hiveproject.models import Notice, ReachTarget
from hiveproject.reach import edges, sealing
from hiveproject.reach.addresses import PLACE, AddressRefused, checked

if TYPE_CHECKING:
    TargetBase: TypeAlias = admin.ModelAdmin[ReachTarget]
    NoticeBase: TypeAlias = admin.ModelAdmin[Notice]
    TargetFormBase: TypeAlias = forms.ModelForm[ReachTarget]
else:
    TargetBase = NoticeBase = admin.ModelAdmin
    TargetFormBase = forms.ModelForm


class TargetForm(TargetFormBase):
    """The secret goes in and never comes out."""

    secret = forms.CharField(
        required=False,
        max_length=2_000,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=f"Sent as a bearer token, or in the address where that says {PLACE}. Empty: what is kept stays.",
    )

    def clean_url(self) -> str:
        try:
            return checked(str(self.cleaned_data["url"]))
        except AddressRefused as error:
            raise forms.ValidationError(f"{error}.".capitalize()) from error

    def clean_secret(self) -> str:
        secret = str(self.cleaned_data["secret"])
        if not secret.isprintable() or not secret.isascii():
            raise forms.ValidationError("A secret is one line of plain characters.")
        return secret


@admin.register(ReachTarget)
class ReachTargetAdmin(Audited, TargetBase):
    list_display = ("name", "kind", "url", "has_secret", "enabled", "created_at")
    list_filter = ("enabled", "kind")
    search_fields = ("name", "url")
    fields = ("name", "kind", "url", "secret", "enabled")
    actions = ("send_a_test",)
    form = TargetForm

    @admin.display(description="secret", boolean=True)
    def has_secret(self, target: ReachTarget) -> bool:
        return bool(target.sealed)

    @admin.action(description="Send a test", permissions=["change"])
    def send_a_test(self, request: HttpRequest, queryset: QuerySet[ReachTarget]) -> None:
        for target in queryset:
            edges.test(target)
            self.message_user(request, f"A test is on its way to {target}.", messages.INFO)

    def save_model(self, request: HttpRequest, obj: ReachTarget, form: Any, change: bool) -> None:
        if form.cleaned_data.get("secret"):
            obj.sealed = sealing.seal(form.cleaned_data["secret"])
        super().save_model(request, obj, form, change)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _may_decide(request) and super().has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may_decide(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: ReachTarget | None = None) -> bool:
        return _may_decide(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: ReachTarget | None = None) -> bool:
        return _may_decide(request) and super().has_delete_permission(request, obj)


def _may_decide(request: HttpRequest) -> bool:
    return request.user.has_perm("approvals.decide")


@admin.register(Notice)
class NoticeAdmin(ReadOnly, NoticeBase):
    list_display = ("id", "title", "target", "state", "tries", "next_at", "error", "created_at")
    list_filter = ("state", "target")
    list_select_related = ("target",)
    search_fields = ("title",)
    actions = None
    fields = ("title", "detail", "path", "target", "state", "tries", "next_at", "error", "created_at", "sent_at")
