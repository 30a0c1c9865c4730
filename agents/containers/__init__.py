"""Containers: the boundary between the hive and its agents. `local` gives the backend of this machine."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would cost every shim's start

if TYPE_CHECKING:
    from agents.containers.protocol import Containers
    from agents.paths import Paths


def local(paths: Paths) -> Containers:
    """Sandboxes of this machine; what needs privileges goes through `agents.containers.privileged`."""
    from agents.containers.remote import RemoteContainers  # the shim imports this package too

    return RemoteContainers(paths)
