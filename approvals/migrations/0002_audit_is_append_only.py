"""The audit log is append-only in the database itself, not only in the code."""

from django.db import migrations

_TRIGGERS = {
    "update": "audit_refuses_update",
    "delete": "audit_refuses_delete",
}
_SAYS = "the audit log is append-only"
_ON_POSTGRESQL = (
    "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_SAYS}'; END $$",
    *(
        f"CREATE TRIGGER {trigger} BEFORE {event} ON approvals_auditevent "
        "FOR EACH ROW EXECUTE FUNCTION audit_refuses()"
        for event, trigger in _TRIGGERS.items()
    ),
    "CREATE TRIGGER audit_refuses_truncate BEFORE TRUNCATE ON approvals_auditevent "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()",
)
_OFF_POSTGRESQL = (
    *(f"DROP TRIGGER {trigger} ON approvals_auditevent" for trigger in (*_TRIGGERS.values(), "audit_refuses_truncate")),
    "DROP FUNCTION audit_refuses()",
)
_ON_SQLITE = tuple(
    f"CREATE TRIGGER {trigger} BEFORE {event} ON approvals_auditevent BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
    for event, trigger in _TRIGGERS.items()
)
_OFF_SQLITE = tuple(f"DROP TRIGGER {trigger}" for trigger in _TRIGGERS.values())


def refuse_changes(apps, schema_editor):
    for statement in _ON_POSTGRESQL if schema_editor.connection.vendor == "postgresql" else _ON_SQLITE:
        schema_editor.execute(statement)


def allow_changes(apps, schema_editor):
    for statement in _OFF_POSTGRESQL if schema_editor.connection.vendor == "postgresql" else _OFF_SQLITE:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial")]

    operations = [migrations.RunPython(refuse_changes, allow_changes)]
