"""hive-agent: what runs inside an agent's container. Imports nothing of Django or of the rest of the hive."""
