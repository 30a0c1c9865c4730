"""The regular expressions of Nix's lexer (nix/src/libexpr/lexer.l)."""

from __future__ import annotations

import re

_CHAR = r"[a-zA-Z0-9._\-+]"
BLANK = re.compile(r"[ \t\r\n]+|#[^\r\n]*")
RUN = re.compile(f"{_CHAR}*")
PATH = re.compile(rf"(?:/{_CHAR}+)+/?|/(?=\$\{{)")
HOME = re.compile(rf"~(?:(?:/{_CHAR}+)+/?|/(?=\$\{{))")
SEARCH = re.compile(rf"<{_CHAR}+(?:/{_CHAR}+)*>")
SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+\-.]*")
URI_REST = re.compile(r":[a-zA-Z0-9%/?:@&=+$,\-_.!~*']+")
WORD = re.compile(r"[a-zA-Z_][a-zA-Z0-9_'\-]*")
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*(?:[eE][+-]?[0-9]+)?)?")
OPERATOR = re.compile(r"\.\.\.|==|!=|<=|>=|&&|\|\||->|//|\+\+|\|>|<\||.", re.DOTALL)
IN_PATH = re.compile(r"[a-zA-Z0-9._\-+/]+")
IN_STRING = re.compile(r'(?:[^$"\\]|\$[^{"\\]|\$?\\.)+|\$|\\', re.DOTALL)
IN_INDENTED = re.compile(r"''\$|'''|''\\.|(?:[^$']|\$[^{']|'[^'$])+|\$|'(?!')", re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
