"""The hive that the browsers look at: the real web process with a scene in its database."""

from __future__ import annotations

import fcntl
from collections.abc import Mapping, Sequence

from agents.models import Agent
from approvals.models import Approval, ApprovalContent
from tests.broker.hive import Hive
from tests.browser import scene


class Site(Hive):
    """Changes come from outside the web process, as from the worker."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "DJANGO_SETTINGS_MODULE": "tests.browser.settings"}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Start it, then fill it: a web process that starts takes nobody for connected."""
        lock = self.paths.worker_lock
        lock.parent.mkdir(parents=True, exist_ok=True)
        self._worker = lock.open("w")
        fcntl.flock(self._worker, fcntl.LOCK_EX)
        self.manage("collectstatic", "--noinput", "--verbosity=0")
        self.start()
        self.manage("shell", "--verbosity=0", "-c", "from tests.browser import scene; scene.fill()")

    def close(self) -> None:
        self._worker.close()
        super().close()

    def sign_in_link(self) -> str:
        code = (
            "from django.contrib.auth.models import User; from hiveproject import signin; "
            "print(signin.path(signin.issue(User.objects.get(username='operator'))))"
        )
        return self.address + self.manage("shell", "--verbosity=0", "-c", code).split()[-1]

    def says(self, name: str, status: str) -> None:
        """An agent sets its status text."""
        self.execute("UPDATE agents_agent SET status_text = ? WHERE name = ?", status, name)
        self.publish("agents", self.agent(name, "id"))

    def ask(self, description: str, flags: Sequence[Mapping[str, str]] = ()) -> int:
        """The manager asks for a change to frontend; returns the approval's id."""
        agent = Agent(pk=self.agent(scene.FRONT, "id"), name=scene.FRONT)
        asked = Approval(
            agent=agent,
            kind="apply_commit",
            status="pending",
            commit=f"{len(description):02x}" * 20,
            description=description,
            requested_by="agent:hm1nd",
            flags=list(flags),
        )
        number = self.insert(asked)
        content = ApprovalContent(approval_id=number, before={}, after={"agent.nix": scene.AFTER})
        self.insert(content)
        self.publish("approvals", number)
        return number
