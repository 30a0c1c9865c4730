"""Reads a script's tree, hands every argument vector and redirection to a checker, and writes the script anew.

Only what is listed here is understood; any other construct, and any byte between two parts that is not white space,
is refused. What runs is what was written anew, so a reading that differs from bash's own can do less, never more.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from agents.harness.bash.guard import words
from agents.harness.bash.guard.patterns import PATH, UNKNOWN
from agents.harness.bash.guard.refused import Refused
from agents.harness.bash.guard.words import EMPTY, Word

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

LONGEST = 64 * 1024
DEEPEST = 40
GAP = re.compile(rb"(?:[ \t\n]|\\\n)*")
FILE_OPERATORS = {">": ">", ">>": ">", ">|": ">", "&>": ">", "&>>": ">", "<": "<"}
PLAIN_TARGETS = ("/dev/null", "/dev/stdout", "/dev/stderr")
LOCAL = re.compile(r"[a-z][a-z0-9_]*")
EXPLAINED = {
    "function_definition": "functions are not understood here",
    "declaration_command": "the shell's own settings are not changed here",
    "unset_command": "the shell's own settings are not changed here",
    "case_statement": "case is not understood here; use if",
    "c_style_for_statement": "arithmetic is not understood here",
    "arithmetic_expansion": "arithmetic is not understood here",
    "brace_expression": "braces are not expanded here; write the words out",
    "translated_string": 'write "…" without the $',
    "ERROR": "this cannot be read as bash",
}
HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"))
SEPARATORS = frozenset((";", "\n"))


class Checker(Protocol):
    """What is asked about each part; both raise Refused."""

    def vector(self, vector: Sequence[Word], part: str) -> None: ...

    def redirection(self, kind: str, path: str, part: str) -> None: ...


class Script:
    """One reading of one script. `home` replaces `~`; `exported` are variables that programs would inherit."""

    def __init__(self, text: str, checker: Checker, *, home: str, exported: frozenset[str]) -> None:
        _check_text(text)
        self._source, self._checker, self._home, self._exported = text.encode(), checker, home, exported
        self._depth = 0
        self._readers: dict[str, Callable[[Node], str]] = {
            "command": self._command,
            "test_command": self._test,
            "redirected_statement": self._redirected,
            "pipeline": lambda node: self._joined(node, {"|", "|&"}),
            "list": lambda node: self._joined(node, {"&&", "||"}),
            "subshell": lambda node: f"( {self._block(node, '(', ')')} )",
            "compound_statement": lambda node: f"{{ {self._block(node, '{', '}')}\n}}",
            "do_group": lambda node: f"do {self._block(node, 'do', 'done')}\ndone",
            "negated_command": self._negated,
            "if_statement": self._if,
            "for_statement": self._for,
            "while_statement": self._while,
            "variable_assignment": self._standalone,
            "variable_assignments": self._standalones,
        }

    def rewritten(self) -> str:
        """The script as it will run. Raises Refused."""
        root = _parser().parse(self._source).root_node
        if root.has_error:
            wrong = next(_wrong(root), root)
            raise Refused(self._text(wrong) or self._text(root), "this cannot be read as bash")
        # What stands before the first part and after the last one is outside the root's children.
        self._check_gap(0, root.children[0].start_byte if root.children else len(self._source), root)
        self._check_gap(root.children[-1].end_byte if root.children else 0, len(self._source), root)
        return self._sequence(root.children, root)

    # Statements

    def _statement(self, node: Node) -> str:
        reader = self._readers.get(node.type)
        if reader is None:
            raise Refused(self._text(node), EXPLAINED.get(node.type, "this is not understood"))
        if self._depth >= DEEPEST:
            raise Refused(self._text(node), "this is nested too deeply")
        self._depth += 1
        try:
            return reader(node)
        finally:
            self._depth -= 1

    def _sequence(self, children: Sequence[Node], within: Node) -> str:
        self._check_gaps(children, within)
        found = []
        for child in children:
            if child.is_named:
                if child.type != "comment":
                    found.append(self._statement(child))
            elif child.type == "&":
                raise Refused(self._text(within), "& leaves programs behind; call run with background instead")
            elif child.type not in SEPARATORS:
                raise Refused(self._text(within), f"{child.type} is not understood here")
        return "\n".join(found)

    def _block(self, node: Node, opening: str, closing: str) -> str:
        first, *inner, last = node.children
        if (first.type, last.type) != (opening, closing):
            raise Refused(self._text(node), "this is not understood")
        self._check_gaps(node.children, node)
        body = self._sequence(inner, node)
        if not body:
            raise Refused(self._text(node), "there is nothing in it")
        return body

    def _joined(self, node: Node, operators: set[str]) -> str:
        """Written in the order of the text: bash groups by itself, and every part was checked."""
        self._check_gaps(node.children, node)
        found = []
        for child in node.children:
            if child.is_named:
                found.append(self._statement(child))
            elif child.type in operators:
                found.append(child.type)
            else:
                raise Refused(self._text(node), f"{child.type} is not understood here")
        return " ".join(found)

    def _negated(self, node: Node) -> str:
        bang, command = self._children(node, 2)
        if bang.type != "!":
            raise Refused(self._text(node), "this is not understood")
        return f"! {self._statement(command)}"

    def _if(self, node: Node) -> str:
        self._check_gaps(node.children, node)
        return f"{self._clauses(node.children, node)}\nfi"

    def _clauses(self, children: Sequence[Node], node: Node) -> str:
        """`if`, `elif` and `else` with what follows them, up to `fi`."""
        found: list[str] = []
        pending: list[Node] = []

        def flush() -> None:
            if pending:
                found.append(self._sequence(pending, node))
                pending.clear()

        for child in children:
            if child.type in ("if", "then", "elif", "else", "fi"):
                flush()
                found += [child.type] if child.type != "fi" else []
            elif child.type in ("elif_clause", "else_clause"):
                flush()
                self._check_gaps(child.children, child)
                found.append(self._clauses(child.children, child))
            else:
                pending.append(child)
        flush()
        return "\n".join(found)

    def _for(self, node: Node) -> str:
        self._check_gaps(node.children, node)
        kinds = [child.type for child in node.children]
        if kinds[0] != "for" or "in" not in kinds or kinds[-1] != "do_group":
            raise Refused(self._text(node), "only for NAME in WORDS; do … done is understood")
        name = self._local(node.children[1])
        values = [child for child in node.children[kinds.index("in") + 1 : -1] if child.is_named]
        self._apart(values, node)
        listed = " ".join(self._word(value).shell for value in values)
        return f"for {name} in {listed}\n{self._statement(node.children[-1])}"

    def _while(self, node: Node) -> str:
        self._check_gaps(node.children, node)
        first, *condition, body = node.children
        if first.type not in ("while", "until") or body.type != "do_group":
            raise Refused(self._text(node), "this is not understood")
        return f"{first.type} {self._sequence(condition, node)}\n{self._statement(body)}"

    # Commands

    def _command(self, node: Node) -> str:
        self._check_gaps(node.children, node)
        self._apart([child for child in node.children if child.is_named], node)
        vector: list[Word] = []
        redirections: list[str] = []
        for child in node.children:
            if child.type.endswith("_redirect"):
                redirections.append(self._redirection(child))
            elif child.type == "variable_assignment":
                vector.append(self._assignment(child))
            elif child.type == "command_name":
                vector.append(self._name(child))
            else:
                vector.append(self._word(child))
        self._checker.vector(vector, self._text(node))
        return " ".join([word.shell for word in vector] + redirections)

    def _name(self, node: Node) -> Word:
        word = self._word(node.children[0])
        if not word.known or not word.text:
            raise Refused(self._text(node), "the name of a command must be written out")
        return Word(word.text, words.quoted(word.text))

    def _test(self, node: Node) -> str:
        """`[ … ]` is a command like any other; `[[ … ]]` evaluates what it compares."""
        leaves = list(_leaves(node))
        if leaves[0].type != "[" or leaves[-1].type != "]":
            raise Refused(self._text(node), "use [ … ]: [[ … ]] may evaluate what it compares")
        self._check_gaps(leaves, node)
        self._apart(leaves, node)
        vector = [Word("[", "'['"), *(self._operand(leaf) for leaf in leaves[1:])]
        self._checker.vector(vector, self._text(node))
        return " ".join(word.shell for word in vector)

    def _operand(self, leaf: Node) -> Word:
        if leaf.is_named and leaf.type not in ("test_operator", "extglob_pattern", "regex"):
            return self._word(leaf)
        text = self._text(leaf)
        if not re.fullmatch(r"[\w.=!/+:@%-]+|\]", text):
            raise Refused(text, "this is not understood in [ … ]; quote it")
        return words.literal(text)

    def _redirected(self, node: Node) -> str:
        self._check_gaps(node.children, node)
        body = [self._statement(child) for child in node.children if not child.type.endswith("_redirect")]
        redirections = [self._redirection(child) for child in node.children if child.type.endswith("_redirect")]
        if not body:
            raise Refused(self._text(node), "a redirection needs a command")
        return " ".join(body + redirections)

    # Variables

    def _local(self, node: Node) -> str:
        name = self._text(node)
        if node.type != "variable_name" or not LOCAL.fullmatch(name) or name in self._exported:
            raise Refused(name, "only variables with names in small letters, used nowhere else, are set here")
        return name

    def _assignment(self, node: Node) -> Word:
        """NAME=value, as the checker sees it."""
        self._check_gaps(node.children, node, between=b"")
        name, equals, *value = node.children
        if name.type != "variable_name" or equals.type != "=" or len(value) > 1:
            raise Refused(self._text(node), "only NAME=value is understood")
        left = Word(f"{self._text(name)}=", f"{self._text(name)}=")
        right = self._word(value[0], globs=False) if value else EMPTY
        return Word(left.text + right.text, left.shell + right.shell)

    def _standalone(self, node: Node) -> str:
        self._local(node.children[0])
        return self._assignment(node).shell

    def _standalones(self, node: Node) -> str:
        self._check_gaps(node.children, node)
        self._apart(node.children, node)
        return " ".join(self._statement(child) for child in node.children)

    # Redirections

    def _redirection(self, node: Node) -> str:
        kinds = {"file_redirect": self._file, "herestring_redirect": self._here_string}
        reader = kinds.get(node.type, self._here_document)
        return reader(node)

    def _file(self, node: Node) -> str:
        parts = list(node.children)
        self._check_gaps(parts, node)
        descriptor = self._text(parts.pop(0)) if parts[0].type == "file_descriptor" else ""
        if not re.fullmatch(r"[0-9]?", descriptor) or len(parts) > 2:
            raise Refused(self._text(node), "this redirection is not understood")
        operator = parts[0].type
        if operator in (">&-", "<&-") and len(parts) == 1:
            return f"{descriptor}{operator}"
        if len(parts) != 2:
            raise Refused(self._text(node), "this redirection is not understood")
        target = self._word(parts[1])
        if operator in (">&", "<&") and re.fullmatch(r"[0-9]|-", target.text):
            return f"{descriptor}{operator}{target.text}"
        return f"{descriptor}{operator} {self._path(operator, target, self._text(node)).shell}"

    def _path(self, operator: str, target: Word, part: str) -> Word:
        kind = FILE_OPERATORS.get(operator)
        if kind is None or not target.known:
            raise Refused(part, "only > >> < with a path that is written out are understood")
        if target.text not in PLAIN_TARGETS:
            self._checker.redirection(kind, target.text, part)
        return target

    def _here_string(self, node: Node) -> str:
        operator, word = self._children(node, 2)
        if operator.type != "<<<":
            raise Refused(self._text(node), "this redirection is not understood")
        found = self._word(word)
        return f"<<< {found.shell or words.quoted('')}"

    def _here_document(self, node: Node) -> str:
        """Written anew as a here-string: the same text for the program, and no second reading of it by bash."""
        kinds = [child.type for child in node.children if child.type != "heredoc_end"]
        others = [child for child in node.children if child.type == "file_redirect"]
        if kinds[:2] not in (["<<", "heredoc_start"], ["<<-", "heredoc_start"]) or kinds[-1] != "heredoc_body":
            raise Refused(self._text(node), "this here-document is not understood")
        if len(kinds) != 3 + len(others):
            raise Refused(self._text(node), "a here-document belongs to the last command of its line")
        start, body = node.children[1], next(child for child in node.children if child.type == "heredoc_body")
        text = self._text(body)
        if re.fullmatch(r"\w+", self._text(start)) and re.search(r"[$`\\]", text):
            raise Refused(text, "quote the here-document's end word (<<'EOF'): in this one bash would expand something")
        if kinds[0] == "<<-":
            text = re.sub(r"^\t+", "", text, flags=re.M)
        redirections = [self._file(child) for child in others]
        return " ".join([f"<<< {words.quoted(text.removesuffix(chr(10)))}" if text else "< /dev/null", *redirections])

    # Words

    def _word(self, node: Node, *, globs: bool = True, first: bool = True, whole: bool = True) -> Word:
        kind, text = node.type, self._text(node)
        if kind in ("word", "number", "test_operator") or (kind == "concatenation" and text == "{}"):
            return words.unquoted(text, self._home, globs=globs, at_start=first, whole=whole)
        if kind == "raw_string":
            return words.literal(text[1:-1])
        if kind == "ansi_c_string":
            return words.ansi(text)
        if kind == "string":
            return self._string(node)
        if kind == "concatenation":
            return self._concatenation(node, globs=globs, first=first)
        if kind in ("simple_expansion", "expansion"):
            return self._variable(node, in_quotes=not globs)
        if kind in ("command_substitution", "process_substitution"):
            return self._substitution(node, in_quotes=not globs)
        raise Refused(text, EXPLAINED.get(kind, "this is not understood"))

    def _concatenation(self, node: Node, *, globs: bool, first: bool) -> Word:
        self._check_gaps(node.children, node, between=b"")
        found = EMPTY
        for index, child in enumerate(node.children):
            found += self._word(child, globs=globs, first=first and index == 0, whole=False)
        return found

    def _string(self, node: Node) -> Word:
        """The text between the expansions is taken by its place: the tree leaves white space out."""
        inner = node.children[1:-1]
        if node.children[0].type != '"' or node.children[-1].type != '"':
            raise Refused(self._text(node), "this is not understood")
        found, place = EMPTY, node.children[0].end_byte
        for child in inner:
            if child.type in ("simple_expansion", "expansion", "command_substitution"):
                found += words.in_double_quotes(self._between(place, child.start_byte)) + self._expanded(child)
                place = child.end_byte
            elif child.type != "string_content":
                raise Refused(self._text(child), EXPLAINED.get(child.type, "this is not understood"))
        found += words.in_double_quotes(self._between(place, node.children[-1].start_byte))
        return found if found.shell else Word(found.text, "''")

    def _expanded(self, node: Node) -> Word:
        if node.type == "command_substitution":
            return self._substitution(node, in_quotes=True)
        return self._variable(node, in_quotes=True)

    def _variable(self, node: Node, *, in_quotes: bool) -> Word:
        match = re.fullmatch(r"\$(\w+|\?)|\$\{(\w+)\}", self._text(node), re.ASCII)
        if match is None:
            raise Refused(self._text(node), "of ${…} only ${name} is understood")
        return words.variable(match[1] or match[2], in_quotes=in_quotes)

    def _substitution(self, node: Node, *, in_quotes: bool) -> Word:
        opening = node.children[0].type
        if opening not in ("$(", "<(") or node.children[-1].type != ")":
            raise Refused(self._text(node), "only $(…) and <(…) are understood")
        inner = self._block(node, opening, ")")
        if opening == "<(":
            return Word(PATH, f"<( {inner} )")
        if in_quotes:
            return Word(UNKNOWN, f'"$( {inner} )"')
        return Word(UNKNOWN, f"$( {inner} )", many=True, split=True)

    # Text

    def _text(self, node: Node) -> str:
        return self._between(node.start_byte, node.end_byte)

    def _between(self, start: int, end: int) -> str:
        return self._source[start:end].decode()

    def _children(self, node: Node, count: int) -> list[Node]:
        self._check_gaps(node.children, node)
        if len(node.children) != count:
            raise Refused(self._text(node), "this is not understood")
        return list(node.children)

    def _apart(self, nodes: Sequence[Node], within: Node) -> None:
        """What the tree holds for two words, bash must not read as one."""
        for one, other in itertools.pairwise(nodes):
            redirects = one.type.endswith("_redirect") or other.type.endswith("_redirect")
            gap = self._source[one.end_byte : other.start_byte]
            if not gap.replace(b"\\\n", b"") and not redirects:
                raise Refused(self._text(within), "where one word ends and the next begins is not clear")

    def _check_gaps(self, children: Sequence[Node], within: Node, between: bytes | None = None) -> None:
        """Every byte belongs to a part that is looked at, or is white space."""
        place = within.start_byte if children and children[0].start_byte < within.start_byte else None
        for child in children:
            if place is not None:
                self._check_gap(place, child.start_byte, within, between)
            place = child.end_byte

    def _check_gap(self, start: int, end: int, within: Node, between: bytes | None = None) -> None:
        gap = self._source[start:end]
        if (gap != between) if between is not None else not GAP.fullmatch(gap):
            raise Refused(gap.decode(errors="replace").strip() or self._text(within), "this is not understood")


def _leaves(node: Node) -> Iterator[Node]:
    """The words of a test, without the expressions that the tree makes of them."""
    for child in node.children:
        if child.type in ("unary_expression", "binary_expression", "parenthesized_expression"):
            yield from _leaves(child)
        else:
            yield child


def _wrong(node: Node) -> Iterator[Node]:
    for child in node.children:
        if child.type == "ERROR" or child.is_missing:
            yield child
        elif child.has_error:
            yield from _wrong(child)


def _check_text(text: str) -> None:
    if len(text.encode(errors="replace")) > LONGEST:
        raise Refused(text[:40], f"a script has at most {LONGEST} bytes")
    for char in text:
        if char not in "\n\t " and unicodedata.category(char) in HIDDEN:
            raise Refused(repr(char), f"the character U+{ord(char):04X} is not allowed: it does not show")


def _parser() -> Parser:
    # Not at the top: an agent without patterns never needs them.
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
