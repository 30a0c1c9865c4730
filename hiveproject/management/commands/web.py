"""`manage.py web`: the hive's web process."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from hiveproject.sockets import PathTooLong, refuse_long_paths


class Command(BaseCommand):
    help = "Serve the dashboard on HYPERHIVE_BIND:HYPERHIVE_PORT and each agent on its own Unix socket."

    def handle(self, *_args: Any, **_options: Any) -> None:
        from hiveproject import services
        from hiveproject.asgi import application
        from hiveproject.server import HiveServer, PortTaken

        server = HiveServer(application, settings.HIVE_BIND, settings.HIVE_PORT)
        try:
            refuse_long_paths()
            server.listen()
            services.begin()
        except (PathTooLong, PortTaken) as refusal:
            raise CommandError(str(refusal)) from refusal
        except OperationalError as error:
            raise CommandError(f"the database cannot be used ({error}): run `manage.py migrate` first") from error
        except OSError as error:
            raise CommandError(f"cannot listen on {settings.HIVE_BIND}:{settings.HIVE_PORT}: {error}") from error
        connections.close_all()
        server.run()
        _leave()


def _leave() -> None:
    """Threads that still wait for something must not hold up the end: all they have promised is in the database."""
    sys.stdout.flush()
    sys.stderr.flush()
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        os._exit(0)
