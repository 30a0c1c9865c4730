"""`manage.py prepare`: what `up` needs done before anything runs."""

from __future__ import annotations

import json

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from hiveproject import account, databases, environment, schema


class Command(BaseCommand):
    help = "Migrate the database and make the operator; prints one JSON object."
    requires_system_checks = ()

    def handle(self, *_: object, **__: object) -> None:
        try:
            with databases.alone(connection):  # once, whoever else starts at the same time on the same database
                self._migrate()
                password = account.ensure(environment.text("HYPERHIVE_OPERATOR_PASSWORD"))
            sign_in = account.sign_in_path()
        except DatabaseError as error:
            raise CommandError(f"{databases.shown(connection)}: {error}") from error
        self.stdout.write(json.dumps({"version": settings.HIVE_VERSION, "password": password, "sign_in": sign_in}))

    def _migrate(self) -> None:
        if not schema.is_current(settings.HIVE_PATHS.database, environment.text("DATABASE_URL")):
            call_command("migrate", interactive=False, verbosity=0)
            schema.set_mark(connection)
