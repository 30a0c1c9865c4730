"""When everything of an agent is removed: nothing waits for it or from it any more."""

from __future__ import annotations

from broker import deadletters, questions, reminders, schedules, wake_tokens


def agent_gone(name: str) -> None:
    """Runs in the transaction of the removal. Another agent of that name later begins with nothing."""
    questions.party_gone(name)
    reminders.agent_gone(name)
    schedules.agent_gone(name)
    wake_tokens.agent_gone(name)
    deadletters.recipient_gone(name)
