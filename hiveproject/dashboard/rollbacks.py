"""Going back to an earlier deploy: the way back is shown before it is asked for."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404

from agents.models import Agent, Job
from approvals import bases, contents, diffs, optionchanges
from approvals.bases import Base
from approvals.models import Tag
from hiveproject.dashboard.agents import existing
from hiveproject.dashboard.requests import HiveRequest, actor, may_decide, show

PANELS = {"way-back": "agents/_way_back.html"}


def preview(request: HiveRequest, name: str, number: int) -> HttpResponse:
    """What would change if `deployed/<number>` were put back."""
    agent = existing(name)
    tag = get_object_or_404(Tag, agent=agent, name=f"deployed/{number}")
    found = bases.rollback(agent, tag.name)
    if found is None:
        raise Http404(f"{name} has no {tag.name}")
    runs, target = found
    for base in found:
        _read(request, agent, base)
    known = runs.files is not None and target.files is not None
    options = optionchanges.compare(runs.options, target.options) if target.options else []
    context = {
        "agent": agent,
        "tag": tag,
        "files": diffs.compare(runs.files or {}, target.files or {}) if known else None,
        "options": [option for option in options if option.changed],
        "topics": f"approvals agents:{agent.pk}",
    }
    return show(request, "agents/rollback.html", PANELS, context)


def _read(request: HiveRequest, agent: Agent, base: Base) -> None:
    """Have a worker read the files that nobody has kept, once."""
    if base.files is not None or not base.commit or not may_decide(request.user):
        return
    if not Job.objects.filter(agent=agent, kind="remember", options={"commit": base.commit}).exists():
        contents.request(agent, base.commit, actor=actor(request))
