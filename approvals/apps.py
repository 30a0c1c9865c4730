from __future__ import annotations

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"

    def ready(self) -> None:
        from agents import deeds
        from approvals import audit, deployment, pinning

        deeds.subscribe(audit.keep)
        pinning.register_jobs()
        deployment.register_jobs()
