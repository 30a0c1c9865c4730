"""Git repositories of an agent: `proposed` (the manager's), `applied` and `meta` (the host's)."""
