"""Messages in Django's admin: to be looked at, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from django.contrib import admin

from agents.readonly import ReadOnly
from broker.models import Delivery, Message

if TYPE_CHECKING:
    MessageBase: TypeAlias = admin.ModelAdmin[Message]
    DeliveryBase: TypeAlias = admin.TabularInline[Delivery, Message]
else:
    MessageBase, DeliveryBase = admin.ModelAdmin, admin.TabularInline


class DeliveryInline(ReadOnly, DeliveryBase):
    model = Delivery
    fields = ("recipient", "state", "redelivered", "tries", "delivered_at", "acknowledged_at", "error")
    extra = 0


@admin.register(Message)
class MessageAdmin(ReadOnly, MessageBase):
    list_display = ("id", "created_at", "sender", "to", "kind", "opening")
    list_filter = ("provenance", "kind")
    search_fields = ("=sender", "=to", "body")
    date_hierarchy = "created_at"
    inlines = (DeliveryInline,)

    @admin.display(description="body")
    def opening(self, message: Message) -> str:
        line = message.body.strip().partition("\n")[0]
        return line if len(line) <= 80 else f"{line[:79]}…"
