"""A shell inside an agent's container, in the browser: the harness owns the PTY, the host decides what passes."""
