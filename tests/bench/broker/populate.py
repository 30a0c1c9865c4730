"""Puts deployed agents into the database that the environment names; run as a program."""

from __future__ import annotations

import sys

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import transaction  # noqa: E402

from agents import tokens  # noqa: E402
from agents.models import Agent, Deployment  # noqa: E402

with transaction.atomic():
    for name in sys.argv[1:]:
        settings.HIVE_PATHS.credentials(name).mkdir(parents=True, exist_ok=True)
        agent = Agent.objects.create(name=name, lifecycle="live", token_hash=tokens.digest(f"token-of-{name}"))
        agent.deployment = Deployment.objects.create(
            agent=agent, approval_id=1, commit="c" * 40, tree="t" * 40, options={"allowedRecipients": ["sink"]}
        )
        agent.save()
