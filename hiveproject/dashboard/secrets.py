"""Secrets of an agent on its page: set, replaced, removed; no page ever shows a value."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse

from approvals import secrets
from approvals.secrets import SecretRefused
from hiveproject.dashboard.agents import existing
from hiveproject.dashboard.forms import HiveForm
from hiveproject.dashboard.requests import HiveRequest, actor, done, operators_only, refused


class SecretForm(HiveForm):
    name = forms.CharField(max_length=128, error_messages={"required": "A secret needs a name."})
    value = forms.CharField(max_length=64 * 1024, strip=False, error_messages={"required": "Enter the secret's value."})
    in_environment = forms.BooleanField(required=False)


@operators_only
def put(request: HiveRequest, name: str) -> HttpResponse:
    agent, form, back = existing(name), SecretForm(request.POST), reverse("agent", args=[name])
    if not form.is_valid():
        return refused(request, form.complaint(), back)
    given = form.cleaned_data
    try:
        secrets.put(agent, given["name"], given["value"], actor=actor(request), in_environment=given["in_environment"])
    except SecretRefused as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, f"{given['name']} of {name} is set; programs started now get it.", back)


@operators_only
def remove(request: HiveRequest, name: str, secret: str) -> HttpResponse:
    back = reverse("agent", args=[name])
    try:
        secrets.remove(existing(name), secret, actor=actor(request))
    except SecretRefused as refusal:
        return refused(request, f"Nothing was done: {refusal}.", back)
    return done(request, f"{secret} of {name} is gone.", back)
