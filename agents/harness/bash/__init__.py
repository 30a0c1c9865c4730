"""The MCP server `bash`: the shell that a model gets, with a guard in front of it and nothing left behind it."""
