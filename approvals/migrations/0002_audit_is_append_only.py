"""The audit log is append-only in the database itself, not only in the code."""

from django.db import migrations

_TRIGGERS = {
    "update": "audit_refuses_update",
    "delete": "audit_refuses_delete",
}


def refuse_changes(apps, schema_editor):
    for event, trigger in _TRIGGERS.items():
        schema_editor.execute(
            f"CREATE TRIGGER {trigger} BEFORE {event} ON approvals_auditevent "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )


def allow_changes(apps, schema_editor):
    for trigger in _TRIGGERS.values():
        schema_editor.execute(f"DROP TRIGGER {trigger}")


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial")]

    operations = [migrations.RunPython(refuse_changes, allow_changes)]
