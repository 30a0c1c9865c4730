"""Messages: the flow of the whole hive, one conversation, one message, and sending."""

from __future__ import annotations

from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from agents.models import Agent
from broker import deadletters, flow, inbox
from broker.models import Delivery, Message
from broker.search import QueryRefused
from broker.sending import Sender, SendRefused, send
from hiveproject.dashboard.forms import MessageForm, SearchForm
from hiveproject.dashboard.requests import HiveRequest, done, operators_only, refused, show

LIMIT = 40
FLOW = 20
"""The dashboard's part: rendered anew whenever something is said, so it is kept short."""


def conversation(name: str, limit: int = LIMIT) -> list[Message]:
    """What an agent said and was told, newest first."""
    received = Delivery.objects.filter(recipient=name).values("message_id")
    return list(_with_deliveries().filter(Q(sender=name) | Q(pk__in=received))[:limit])


def message_list(request: HiveRequest) -> HttpResponse:
    """Every message, newest first, or those that a search finds; a page goes on where the last one ended."""
    form = SearchForm(request.GET)
    given = form.cleaned_data if form.is_valid() else {}
    text, party, before = given.get("q", ""), given.get("agent") or None, given.get("before")
    complaint, found = form.complaint(), list[Message]()
    try:
        found = flow.find(text, party=party, before=before, limit=LIMIT + 1) if not complaint else []
    except QueryRefused as refusal:
        complaint = f"Nothing was searched for: {refusal}."
    context = {
        "found": found[:LIMIT],
        "older": found[LIMIT - 1].pk if len(found) > LIMIT else None,
        "text": text,
        "party": party,
        "query": urlencode({"q": text, "agent": party or ""}) + "&",
        "parties": [inbox.OPERATOR, *Agent.objects.values_list("name", flat=True)],
        "complaint": complaint,
        "dead": deadletters.count(),
    }
    return show(request, "messages/list.html", {}, context)


def message(request: HiveRequest, message_id: int) -> HttpResponse:
    """One message whole, what it answers and what answered it."""
    found = get_object_or_404(_with_deliveries(), pk=message_id)
    thread = _with_deliveries().filter(Q(pk=found.in_reply_to) | Q(in_reply_to=found.pk)).order_by("id")[:LIMIT]
    return show(request, "messages/message.html", {}, {"message": found, "thread": thread, "whole": True})


@operators_only
def send_message(request: HiveRequest) -> HttpResponse:
    form, back = MessageForm(request.POST), came_from(request)
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    given = form.cleaned_data
    sender = Sender.operator(request.user.get_username())
    try:
        sent = send(sender, given["to"], given["body"], in_reply_to=given["in_reply_to"])
    except SendRefused as refusal:
        return refused(request, f"Not sent: {refusal}.", back)
    return done(request, f"Sent to {', '.join(sent.to)}.", back)


@operators_only
def seen(request: HiveRequest) -> HttpResponse:
    """The operator has read what was sent to it, up to this message."""
    up_to, back = request.POST.get("up_to", ""), came_from(request)
    if not up_to.isdecimal() or len(up_to) > 18:
        return refused(request, "Nothing was done: which messages were read is missing.", back)
    count = inbox.read_by_operator(int(up_to))
    return done(request, f"{count} marked as read." if count else "Nothing new to mark as read.", back)


def came_from(request: HiveRequest) -> str:
    """The page of the hive that the form stood on, as the form says; else the dashboard."""
    back = request.POST.get("back", "")
    return back if back.startswith("/") and url_has_allowed_host_and_scheme(back, None) else reverse("dashboard")


def _with_deliveries() -> QuerySet[Message]:
    return Message.objects.order_by("-id").prefetch_related("deliveries")
