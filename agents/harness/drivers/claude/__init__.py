"""`claude`: the Claude Code CLI, one process for each turn, its session kept in the notes folder."""
