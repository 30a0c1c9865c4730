"""Messages, events and orders in Django's admin: to be looked at, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from django.contrib import admin

from agents.readonly import ReadOnly
from broker.models import Delivery, LoggedEvent, Message, Order, Question, Reminder, Schedule

if TYPE_CHECKING:
    MessageBase: TypeAlias = admin.ModelAdmin[Message]
    QuestionBase: TypeAlias = admin.ModelAdmin[Question]
    ReminderBase: TypeAlias = admin.ModelAdmin[Reminder]
    ScheduleBase: TypeAlias = admin.ModelAdmin[Schedule]
    DeliveryBase: TypeAlias = admin.TabularInline[Delivery, Message]
    EventBase: TypeAlias = admin.ModelAdmin[LoggedEvent]
    OrderBase: TypeAlias = admin.ModelAdmin[Order]
else:
    MessageBase, DeliveryBase = admin.ModelAdmin, admin.TabularInline
    QuestionBase = ReminderBase = ScheduleBase = admin.ModelAdmin
    EventBase = OrderBase = admin.ModelAdmin


class DeliveryInline(ReadOnly, DeliveryBase):
    model = Delivery
    fields = (
        "recipient",
        "state",
        "urgent",
        "expires_at",
        "redelivered",
        "tries",
        "delivered_at",
        "acknowledged_at",
        "error",
    )
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


@admin.register(Question)
class QuestionAdmin(ReadOnly, QuestionBase):
    list_display = ("id", "asked_at", "asker", "target", "state", "expires_at", "answered_by")
    list_filter = ("state",)
    search_fields = ("=asker", "=target", "text")


@admin.register(Reminder)
class ReminderAdmin(ReadOnly, ReminderBase):
    list_display = ("id", "agent", "due_at", "state", "created_at", "ended_at")
    list_filter = ("state", "agent")
    search_fields = ("=agent", "text")


@admin.register(Schedule)
class ScheduleAdmin(ReadOnly, ScheduleBase):
    list_display = ("id", "agent", "every", "cron", "state", "next_at", "last_at", "fired", "requested_by")
    list_filter = ("state", "agent")
    search_fields = ("=agent", "prompt")


@admin.register(LoggedEvent)
class LoggedEventAdmin(ReadOnly, EventBase):
    list_display = ("id", "at", "agent", "kind", "turn")
    list_filter = ("kind", "agent")
    search_fields = ("=turn",)


@admin.register(Order)
class OrderAdmin(ReadOnly, OrderBase):
    list_display = ("id", "created_at", "agent", "verb", "state", "requested_by", "text")
    list_filter = ("verb", "state")
