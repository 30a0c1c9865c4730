"""Making the hive ready, before the rest starts or, where nothing is to be migrated, beside it."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor

from agents import command
from agents.containers.capabilities import Report
from hiveproject import environment, privileges, roots, schema
from hiveproject.roots import SetupFailed
from hiveproject.supervisor.crew import PASSWORD, Crew, variables
from hiveproject.supervisor.plan import Plan

_SECONDS = 600.0


class Readiness:
    """Migrates, makes the operator and a sign-in link, and then knows what there is to tell."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pool = ThreadPoolExecutor(1)
        self._ready: Future[dict[str, str]] | None = None

    def begin(self) -> None:
        """Return at once where the database fits this code, else when it does. Raises `SetupFailed`."""
        self._ready = self._pool.submit(self._prepare)
        if not schema.is_current(self._plan.paths.database, environment.text("DATABASE_URL")):
            self._ready.result()

    @property
    def is_done(self) -> bool:
        return self._ready is not None and self._ready.done()

    def news(self, crew: Crew, report: Report) -> list[str]:
        """What a person wants to know once the hive answers. Raises `SetupFailed`."""
        ready = self._prepare() if self._ready is None else self._ready.result()
        plan = self._plan
        lines = ["", f"hyperhive {ready['version']} is running."]
        if plan.web:
            lines.append(f"  Dashboard  {plan.url}/")
            lines.append(f"  Sign in    {plan.url}{ready['sign_in']}  (works once, for 15 minutes)")
        if ready["password"]:
            lines.append(f"  Operator   operator / {ready['password']}  (shown only now)")
        lines.append(f"  Processes  {_crew(crew)}")
        lines.append(f"  State      {plan.paths.state}")
        lines += [f"  Note       {line}" for line in report.missing]
        return [*lines, "Ctrl-C stops everything, agents included.", ""]

    def _prepare(self) -> dict[str, str]:
        env = variables(self._plan)
        if password := environment.text(PASSWORD):
            env[PASSWORD] = password
        try:
            done = command.run(privileges.management(["prepare"]), env=env, cwd="/", timeout=_SECONDS)
        except command.CommandFailed as failure:
            raise SetupFailed(f"the database cannot be made ready: {_last_line(failure.stderr)}") from failure
        ready: dict[str, str] = json.loads(done.stdout)
        return ready


def _crew(crew: Crew) -> str:
    plain = [program.name for program in (crew.web, crew.worker) if program is not None]
    if crew.helper is None:
        return ", ".join(plain)
    return f"{', '.join(plain)} as the user '{roots.USER}', with a small helper as root"


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("hyperhive: ").removeprefix("CommandError: ") if lines else "no reason was given"
