"""What a model is told: who it is (templates beside this file), and one message at a time."""

from __future__ import annotations

from importlib.resources import files
from string import Template

from agents.harness.config import Config
from agents.harness.frames import Message

RESTARTED = (
    "You-Were-Restarted: yes, since your last turn; what you had left running has ended, so look at your notes for"
    " what was unfinished"
)


def system_prompt(config: Config) -> str:
    """Role and manners, then what the agent's own configuration adds."""
    names = ["agent.md", "manager.md" if config.manager else "ordinary.md"]
    parts = [Template(_text(name)).substitute(name=config.name, notes=config.notes) for name in names]
    return "\n\n".join([*parts, str(config.options.get("instructions") or "")]).strip()


def turn_prompt(message: Message, *, restarted: bool = False, news: str = "") -> str:
    """A head, an empty line, the body. The head cannot be forged: all that follows the first empty line is body."""
    lines = [
        f"From: {message.sender} ({message.provenance})",
        f"Message: {message.id}",
        f"Sent: {message.created_at}" if message.created_at else "",
        f"In-Reply-To: message {message.in_reply_to}" if message.in_reply_to is not None else "",
        "Delivered-Again: yes; an earlier turn may have done part of it" if message.redelivered else "",
        RESTARTED if restarted else "",
        f"Note: {news}" if news else "",
    ]
    head = "\n".join(" ".join(line.split()) for line in lines if line)
    return f"{head}\n\n{message.body}"


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
