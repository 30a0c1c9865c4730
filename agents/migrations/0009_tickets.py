"""Tickets open terminals, too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "0008_freezing_and_budgets")]

    operations = [
        migrations.RenameModel("ScreenTicket", "Ticket"),
        migrations.AddField(
            "ticket",
            "purpose",
            models.CharField(max_length=8, choices=[("screen", "Screen"), ("terminal", "Terminal")], default="screen"),
        ),
        migrations.AlterField(
            "ticket",
            "viewer",
            models.CharField(max_length=32, blank=True, help_text="The page that asked for it."),
        ),
    ]
