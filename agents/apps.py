from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings


class AgentsConfig(AppConfig):
    name = "agents"

    def ready(self) -> None:
        from agents import lifecycle, tasks  # noqa: F401 - jobs poke the worker through the task
        from agents.containers import privileged

        privileged.use(settings.HIVE_PATHS)
        lifecycle.register_jobs()
