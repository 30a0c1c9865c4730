from __future__ import annotations

from django.apps import AppConfig


class HiveConfig(AppConfig):
    """Wires together what must not import each other."""

    name = "hiveproject"

    def ready(self) -> None:
        from agents import events
        from hiveproject import request_tools, schedule_tools, schedules, system_events

        events.subscribe(system_events.tell)
        request_tools.register()
        schedules.register()
        schedule_tools.register()
