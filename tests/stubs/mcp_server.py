"""A small real MCP server for tests, over stdio or HTTP: `python mcp_server.py stdio` or `… http PORT`.

Its tools say which server they are of, what it got in its environment, and which headers came with the request.
"""

from __future__ import annotations

import os
import sys

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("clock")


@server.tool()
def tell(word: str) -> str:
    """Say it back."""
    return f"told {word} by {os.environ.get('CLOCK_NAME', 'nobody')}"


@server.tool()
def secret() -> str:
    """A tool that nobody has listed."""
    return "this must not be said"


@server.tool()
def header(name: str, ctx: Context) -> str:
    """The header of the request that this call came with."""
    request = ctx.request_context.request
    return f"{name} is {request.headers.get(name) if request is not None else None}"


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]), stateless_http=True)
