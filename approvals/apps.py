from __future__ import annotations

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"

    def ready(self) -> None:
        from agents import deeds
        from approvals import audit, contents, deployment, destroying, drafts, pinning, prebuild, reflagging, updating

        deeds.subscribe(audit.keep)
        for part in (contents, destroying, drafts, prebuild, reflagging, updating):
            part.register_jobs()
        pinning.register_jobs()
        deployment.register_jobs()
