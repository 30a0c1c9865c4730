from __future__ import annotations

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"

    def ready(self) -> None:
        from approvals import contents, deployment, destroying, drafts, pinning, prebuild, updating

        for part in (contents, destroying, drafts, prebuild, updating):
            part.register_jobs()
        pinning.register_jobs()
        deployment.register_jobs()
