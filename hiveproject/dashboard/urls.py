"""Addresses of the dashboard."""

from __future__ import annotations

from django.urls import path, re_path

from hiveproject.dashboard import agents, approvals, home, jobs, messages, screen

urlpatterns = [
    path("", home.dashboard, name="dashboard"),
    path("spawn/", home.spawn, name="spawn"),
    path("send/", messages.send_message, name="send"),
    path("messages/seen/", messages.seen, name="seen"),
    path("messages/<int:message_id>/", messages.message, name="message"),
    path("approvals/", approvals.approval_list, name="approvals"),
    path("approvals/<int:approval_id>/", approvals.approval_page, name="approval"),
    path("approvals/<int:approval_id>/decide/", approvals.decide, name="decide"),
    path("jobs/", jobs.job_list, name="jobs"),
    path("jobs/<int:job_id>/", jobs.job_page, name="job"),
    path("jobs/<int:job_id>/lines/", jobs.job_lines, name="job-lines"),
    path("agents/<slug:name>/", agents.agent_page, name="agent"),
    path("agents/<slug:name>/agent.nix", agents.configuration, name="configuration"),
    path("agents/<slug:name>/log/", agents.container_log, name="container-log"),
    path("agents/<slug:name>/destroy/", agents.destroy, name="destroy"),
    path("agents/<slug:name>/revive/", agents.revive, name="revive"),
    path("agents/<slug:name>/rollback/", agents.rollback, name="rollback"),
    re_path(r"^agents/(?P<name>[a-z0-9-]+)/(?P<verb>start|stop|restart|rebuild)/$", agents.act, name="act"),
    path("agents/<slug:name>/screen/", screen.screen_page, name="screen"),
    path("agents/<slug:name>/screen/ticket/", screen.ticket, name="screen-ticket"),
    re_path(r"^agents/(?P<name>[a-z0-9-]+)/screen/(?P<verb>take|hand-back)/$", screen.act, name="screen-act"),
    path("agents/<slug:name>/screen/thumbnail/", screen.thumbnail, name="screen-thumbnail"),
    path("agents/<slug:name>/screen/recordings/<int:number>/", screen.recording, name="screen-recording"),
    path("agents/<slug:name>/screen/recordings/<int:number>/piece", screen.recording_piece, name="screen-piece"),
    path("api/agent-config/<str:name>", agents.configuration_text, name="agent-config"),
]
