from __future__ import annotations

from typing import Any

from django.db import migrations


def create(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "sqlite":
        editor.execute(
            "CREATE VIRTUAL TABLE broker_message_search USING fts5("
            "body, parties, content='', tokenize='unicode61 remove_diacritics 2', prefix='2 3')"
        )
    else:
        editor.execute(
            "CREATE TABLE broker_message_search"
            " (id bigint PRIMARY KEY, words tsvector NOT NULL, parties text[] NOT NULL)"
        )
        editor.execute("CREATE INDEX message_words ON broker_message_search USING gin (words, parties)")


def drop(apps: Any, editor: Any) -> None:
    editor.execute("DROP TABLE broker_message_search")


class Migration(migrations.Migration):
    dependencies = [("broker", "0002_states_and_waiting")]

    operations = [migrations.RunPython(create, drop)]
