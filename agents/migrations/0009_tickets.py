"""Tickets open terminals, too. They live for seconds, so the old table is simply exchanged."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("agents", "0008_freezing_and_budgets"),
    ]

    operations = [
        migrations.DeleteModel("ScreenTicket"),
        migrations.CreateModel(
            "Ticket",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purpose",
                    models.CharField(
                        max_length=8, choices=[("screen", "Screen"), ("terminal", "Terminal")], default="screen"
                    ),
                ),
                (
                    "viewer",
                    models.CharField(max_length=32, blank=True, help_text="The page that asked for it."),
                ),
                ("recorded", models.BooleanField(default=False)),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("expires_at", models.DateTimeField()),
                ("spent_at", models.DateTimeField(null=True, blank=True)),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.agent"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
    ]
