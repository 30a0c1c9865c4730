"""Addresses of the dashboard."""

from __future__ import annotations

from django.urls import path, re_path

from hiveproject.dashboard import agents, approvals, deadletters, home, jobs, messages, policy, questions, schedules

urlpatterns = [
    path("", home.dashboard, name="dashboard"),
    path("spawn/", home.spawn, name="spawn"),
    path("send/", messages.send_message, name="send"),
    path("messages/seen/", messages.seen, name="seen"),
    path("messages/", messages.message_list, name="messages"),
    path("messages/dead/", deadletters.dead_letters, name="dead-letters"),
    re_path(r"^messages/dead/(?P<what>retry|discard)/$", deadletters.decide, name="dead-letter"),
    path("schedules/", schedules.schedule_list, name="schedules"),
    path("schedules/add/", schedules.add, name="schedule-add"),
    path("schedules/<int:schedule_id>/edit/", schedules.edit, name="schedule-edit"),
    re_path(r"^schedules/(?P<schedule_id>[0-9]{1,18})/(?P<verb>fire|cancel)/$", schedules.act, name="schedule-act"),
    path("questions/<int:question_id>/", questions.question_page, name="question"),
    path("questions/<int:question_id>/answer/", questions.answer, name="answer"),
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
    path("agents/<slug:name>/policy/", policy.try_out, name="policy"),
    path("agents/<slug:name>/destroy/", agents.destroy, name="destroy"),
    path("agents/<slug:name>/revive/", agents.revive, name="revive"),
    path("agents/<slug:name>/rollback/", agents.rollback, name="rollback"),
    re_path(r"^agents/(?P<name>[a-z0-9-]+)/(?P<verb>start|stop|restart|rebuild)/$", agents.act, name="act"),
    path("api/agent-config/<str:name>", agents.configuration_text, name="agent-config"),
]
