from __future__ import annotations

from django.apps import AppConfig


class BrokerConfig(AppConfig):
    name = "broker"

    def ready(self) -> None:
        from broker import fleet_tools, looking_tools, message_tools, question_tools, waiting_tools

        for tools in (message_tools, question_tools, waiting_tools, looking_tools, fleet_tools):
            tools.register()
