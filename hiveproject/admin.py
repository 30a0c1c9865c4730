"""Accounts and receivers in the admin: what is changed here stands in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from agents import actors
from agents.readonly import ReadOnly
from approvals import audit
from hiveproject.models import Notice, ReachTarget
from hiveproject.reach import edges, sealing
from hiveproject.reach.addresses import PLACE, AddressRefused, checked

if TYPE_CHECKING:
    TargetBase: TypeAlias = admin.ModelAdmin[ReachTarget]
    NoticeBase: TypeAlias = admin.ModelAdmin[Notice]
    TargetFormBase: TypeAlias = forms.ModelForm[ReachTarget]
    UserBase: TypeAlias = UserAdmin[User]
else:
    TargetBase = NoticeBase = admin.ModelAdmin
    TargetFormBase = forms.ModelForm
    UserBase = UserAdmin


class Audited:
    """Every change that this admin makes is a policy change: the audit log keeps who made it and to what."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        _keep(request, "added", obj, message)
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        _keep(request, "changed", obj, message)
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            _keep(request, "removed", obj, "")
        return super().log_deletions(request, queryset)  # type: ignore[misc]


def _keep(request: HttpRequest, verb: str, obj: Any, message: Any) -> None:
    fields = [name for part in message or [] if isinstance(part, dict) for name in _fields(part)]
    note = f"{obj}: {', '.join(fields)}" if fields else str(obj)
    if isinstance(obj, User):
        note = f"{note} (active: {obj.is_active}, superuser: {obj.is_superuser}, may decide: {_decides(obj)})"
    actor = actors.operator(request.user.get_username())
    audit.record(f"{obj._meta.verbose_name} {verb}"[:40], actor=actor, note=note[:2_000])


def _fields(part: dict[str, Any]) -> list[str]:
    return [str(name) for name in part.get("changed", {}).get("fields", [])]


def _decides(user: User) -> bool:
    """Asked of a fresh row: permissions are remembered on the object."""
    fresh = User.objects.filter(pk=user.pk).first()
    return fresh is not None and fresh.has_perm("approvals.decide")


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AuditedUserAdmin(Audited, UserBase):
    """Django's own, audited."""


@admin.register(Group)
class AuditedGroupAdmin(Audited, GroupAdmin):
    """Django's own, audited."""


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
