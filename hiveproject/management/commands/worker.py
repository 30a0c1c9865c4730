"""`manage.py worker`: the process that does the jobs."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import autodiscover_modules

from hiveproject import worker


class Command(BaseCommand):
    help = "Do the hive's jobs and watch its containers, until SIGTERM."
    requires_system_checks = ()

    def handle(self, *_: object, **__: object) -> None:
        autodiscover_modules("tasks")
        try:
            worker.run()
        except worker.AnotherWorker as error:
            raise CommandError(str(error)) from error
