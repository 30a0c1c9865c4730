"""Scheduled prompts: what goes on, and a person's ways to begin, change, fire and end them."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from agents import naming
from agents.models import Agent
from agents.naming import NameRefused
from approvals.requests import RequestRefused
from broker import schedules as broker_schedules
from broker.models import Schedule
from broker.refusals import Refused
from broker.schedules import Plan
from hiveproject import schedules
from hiveproject.dashboard.forms import ScheduleForm
from hiveproject.dashboard.requests import HiveRequest, actor, done, operators_only, refused, show

PANELS = {"schedules": "schedules/_schedules.html"}


def schedule_list(request: HiveRequest) -> HttpResponse:
    names = Agent.objects.live().values_list("name", flat=True)
    context = {"schedules": broker_schedules.active(), "names": names, "whole": True}
    return show(request, "schedules/list.html", PANELS, context)


@operators_only
def add(request: HiveRequest) -> HttpResponse:
    form, back = ScheduleForm(request.POST), reverse("schedules")
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    given = form.cleaned_data
    try:
        name = naming.agent_name(naming.resolve_alias(given["agent"]))
        plan = Plan(name, given["prompt"], given["every"], given["cron"])
        schedules.request(plan, actor=actor(request), description="Asked for on the dashboard.")
    except (Refused, RequestRefused, NameRefused) as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, f"{name} is told {plan.timing}.", back)


@operators_only
def edit(request: HiveRequest, schedule_id: int) -> HttpResponse:
    schedule, form, back = _existing(schedule_id), ScheduleForm(request.POST), reverse("schedules")
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    given = form.cleaned_data
    try:
        schedules.edit(schedule, prompt=given["prompt"], every=given["every"], cron=given["cron"], actor=actor(request))
    except Refused as refusal:
        return refused(request, f"Nothing was changed: {refusal}.", back)
    return done(request, "The schedule is changed.", back)


@operators_only
def act(request: HiveRequest, schedule_id: int, verb: str) -> HttpResponse:
    """Fire now, or cancel."""
    schedule, back = _existing(schedule_id), reverse("schedules")
    try:
        if verb == "cancel":
            schedules.cancel(schedule, actor=actor(request))
        else:
            schedules.fire_now(schedule, actor=actor(request))
    except Refused as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, "The schedule has ended." if verb == "cancel" else f"{schedule.agent} is told now.", back)


def _existing(schedule_id: int) -> Schedule:
    return get_object_or_404(Schedule, pk=schedule_id)
