"""On PostgreSQL a change also carries its transaction, and every commit that holds one pokes whoever listens.

Ids are given before the commit: a reader that goes by them alone would pass over a change that is committed late.
What policy reads of agents tells of its changes by itself: the broker's writer keeps it between transactions.
"""

from django.db import migrations

CHANNEL = "hive_changes"
_FORWARDS = (
    "ALTER TABLE agents_change ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()",
    "CREATE INDEX change_settled ON agents_change (xid, id)",
    "CREATE FUNCTION hive_poke() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN PERFORM pg_notify('{CHANNEL}', ''); RETURN NULL; END $$",
    "CREATE TRIGGER change_pokes AFTER INSERT ON agents_change FOR EACH STATEMENT EXECUTE FUNCTION hive_poke()",
    "CREATE INDEX change_directory ON agents_change (id) WHERE topic = 'directory'",
    # Compared in the function rather than by UPDATE OF, which would pin the columns' types.
    """
    CREATE FUNCTION hive_directory_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF TG_TABLE_NAME = 'agents_deployment' THEN
                IF NEW.options = OLD.options THEN RETURN NULL; END IF;
            ELSIF (NEW.name, NEW.lifecycle) = (OLD.name, OLD.lifecycle)
                AND NEW.deployment_id IS NOT DISTINCT FROM OLD.deployment_id THEN RETURN NULL;
            END IF;
        END IF;
        INSERT INTO agents_change (topic, object_id, at) VALUES ('directory', '', now());
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER agent_in_directory AFTER INSERT OR DELETE OR UPDATE "
    "ON agents_agent FOR EACH ROW EXECUTE FUNCTION hive_directory_changed()",
    "CREATE TRIGGER deployment_in_directory AFTER UPDATE "
    "ON agents_deployment FOR EACH ROW EXECUTE FUNCTION hive_directory_changed()",
)
_BACKWARDS = (
    "DROP TRIGGER deployment_in_directory ON agents_deployment",
    "DROP TRIGGER agent_in_directory ON agents_agent",
    "DROP FUNCTION hive_directory_changed()",
    "DROP INDEX change_directory",
    "DROP TRIGGER change_pokes ON agents_change",
    "DROP FUNCTION hive_poke()",
    "ALTER TABLE agents_change DROP COLUMN xid",
)


def follow_transactions(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in _FORWARDS:
            schema_editor.execute(statement)


def follow_ids(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in _BACKWARDS:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_initial")]

    operations = [migrations.RunPython(follow_transactions, follow_ids)]
