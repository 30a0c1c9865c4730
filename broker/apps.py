from __future__ import annotations

from django.apps import AppConfig


class BrokerConfig(AppConfig):
    name = "broker"

    def ready(self) -> None:
        from broker import fleet_tools, message_tools

        message_tools.register()
        fleet_tools.register()
