from __future__ import annotations

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"

    def ready(self) -> None:
        from agents import deeds
        from approvals import audit, contents, deployment, pinning

        deeds.subscribe(audit.keep)
        contents.register_jobs()
        pinning.register_jobs()
        deployment.register_jobs()
