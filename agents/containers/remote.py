"""`Containers` for web and worker: they look by themselves and have everything else done by the privileged side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.containers import privileged
from agents.containers.observe import Observed
from agents.containers.protocol import ContainerFailed, ContainerSpec, VerbFailed, VerbRefused


class RemoteContainers(Observed):
    def create(self, name: str) -> None:
        self._do("prepare", name)

    def start(self, spec: ContainerSpec) -> None:
        self._do("start", spec.name, spec=spec.to_json())

    def stop(self, name: str, grace: float = 10) -> None:
        self._do("stop", name, grace=grace)

    def drain(self, name: str) -> None:
        self._do("drain", name)

    def update(self, spec: ContainerSpec) -> None:
        """Nothing to do now: the next start takes the new description."""

    def destroy(self, name: str) -> None:
        self._do("destroy", name)

    def purge(self, name: str) -> None:
        self._do("purge", name)

    def freeze(self, name: str) -> None:
        self._do("freeze", name)

    def thaw(self, name: str) -> None:
        self._do("thaw", name)

    def hold(self, names: Sequence[str], *, frozen: bool) -> dict[str, str]:
        failed: dict[str, str] = privileged.call_for(self._paths, "hold", names=list(names), frozen=frozen)
        return failed

    def _do(self, verb: str, name: str, **arguments: Any) -> None:
        if "spec" not in arguments:
            arguments["name"] = name
        try:
            privileged.call_for(self._paths, verb, **arguments)
        except VerbFailed as error:
            raise ContainerFailed(name, str(error), error.log) from error
        except VerbRefused as error:
            raise ContainerFailed(name, str(error)) from error
