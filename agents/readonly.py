"""Django admin pages that are only looked at: what changes a row goes through the functions that keep it true."""

from __future__ import annotations

from django.http import HttpRequest


class ReadOnly:
    """No permission to add, change or delete, whoever asks."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False
