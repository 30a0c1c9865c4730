"""Users and groups in the admin: what is changed here stands in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from agents import actors
from approvals import audit

if TYPE_CHECKING:
    UserBase: TypeAlias = UserAdmin[User]
else:
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
