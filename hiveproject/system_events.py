"""What happens to agents, told as messages from the hive: to those the event names, else to manager and operator."""

from __future__ import annotations

import logging

from agents import naming
from agents.events import Event
from agents.models import Agent
from broker import departures
from broker.sending import Sender, SendRefused, send

logger = logging.getLogger(__name__)


def tell(event: Event) -> None:
    """Runs inside the transaction of the change. Whoever has no container now is not told."""
    if event.kind == "destroyed" and Agent.objects.filter(name=event.agent, lifecycle=Agent.Lifecycle.GONE).exists():
        departures.agent_gone(event.agent)
    for recipient in event.to or (naming.MANAGER, "operator"):
        try:
            send(Sender.system(), recipient, event.text, kind=event.kind)
        except SendRefused as refusal:
            logger.info("%s of %s was not told to %s: %s", event.kind, event.agent, recipient, refusal)
