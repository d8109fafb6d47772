"""A server's entry put into the text of a host's file; nothing else in the text is touched.

Each function gives the new text, or raises `Unplaced` for a text it cannot be sure about.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fw_mcp.cli.hosts import NAME, Host, Notation, json_text, toml_text, yaml_text

_BLANK = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_WORD = re.compile(r"[-+.\w]+")
_TOP = re.compile(r"(?:#.*|- .*|-|---|[\w.-]+:(?: .*)?)?")
_DEEPEST = 100


class Unplaced(Exception):  # noqa: N818  the answer, not a fault
    """The entry was not put in, and why, as a clause about the file."""


class AlreadyThere(Unplaced):
    """The file has a server of this name."""

    def __init__(self) -> None:
        super().__init__(f"already has a server named {NAME}")


@dataclass(frozen=True, slots=True)
class _Node:
    """A value of a JSON text.

    Attributes:
        value: the value.
        inside: where its members begin, for an object or a list.
        members: of an object.
    """

    value: Any
    inside: int = 0
    members: Mapping[str, "_Node"] = field(default_factory=dict)


class _Reader:
    """Reads JSON with comments and trailing commas, and keeps where each part is."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> _Node:
        """Read all of the text."""
        node = self._value()
        if self._next():
            raise _unreadable()
        return node

    def _next(self) -> str:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if not found:
            raise _unreadable()
        self._at = found.end()
        return found[0]

    def _value(self) -> _Node:
        first = self._next()
        if first not in {"{", "["}:
            return _Node(_scalar(self._take(_STRING if first == '"' else _WORD)))
        self._at += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _unreadable()
        inside = self._at
        node = self._object(inside) if first == "{" else self._list(inside)
        self._depth -= 1
        return node

    def _object(self, inside: int) -> _Node:
        members: dict[str, _Node] = {}
        while self._next() != "}":
            if self._next() != '"':
                raise _unreadable()
            name = _scalar(self._take(_STRING))
            if name in members:
                raise Unplaced(f'has "{name}" twice in one place')
            if self._next() != ":":
                raise _unreadable()
            self._at += 1
            members[name] = self._value()
            self._comma("}")
        self._at += 1
        return _Node({name: one.value for name, one in members.items()}, inside, members)

    def _list(self, inside: int) -> _Node:
        items = []
        while self._next() != "]":
            items.append(self._value().value)
            self._comma("]")
        self._at += 1
        return _Node(items, inside)

    def _comma(self, end: str) -> None:
        if self._next() == ",":
            self._at += 1
        elif self._next() != end:
            raise _unreadable()


def _unreadable() -> Unplaced:
    return Unplaced("cannot be read")


def _scalar(text: str) -> Any:  # noqa: ANN401  JSON
    try:
        return json.loads(text)
    except ValueError as fault:
        raise _unreadable() from fault


def placed(text: str, host: Host, document: Mapping[str, Any]) -> str:
    """The text of a host's file with the parts of the document in it.

    Args:
        text: what the file holds; "" for a new one.
        host: whose file it is.
        document: what `Host.document` gave.

    Raises:
        Unplaced: the file has such a server, or cannot be read with certainty.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    lines = "\r\n" if "\r\n" in text else "\n"
    plain = text.removeprefix(mark).replace("\r\n", "\n")
    if lines == "\r\n" and text.count("\r\n") != text.count("\n"):
        raise Unplaced("has two kinds of line endings")
    done = _PLACED[host.notation](plain, host.section, dict(document))
    return mark + done.replace("\n", lines)


def _in_json(text: str, section: str, document: dict[str, Any]) -> str:
    if not text.strip():
        return f"{json_text(document)}\n"
    whole = _Reader(text).whole()
    if not isinstance(whole.value, dict):
        raise _unreadable()
    servers = _mapping(whole, section)
    if NAME in servers:
        raise AlreadyThere
    entry = document[section]
    new = _not_asked(whole, document)
    wanted = {**whole.value, section: {**servers, **entry}}
    added: list[tuple[int, str]] = []
    at_the_top: dict[str, Any] = {}
    if section in whole.members:
        added.append(_members(whole.members[section], entry, "    "))
    else:
        at_the_top[section] = entry
    if new:
        wanted["inputs"] = [*new, *whole.value.get("inputs", [])]
        if "inputs" in whole.members:
            added.append(_items(whole.members["inputs"], new))
        else:
            at_the_top["inputs"] = new
    if at_the_top:
        added.append(_members(whole, at_the_top, "  "))
    for place, part in sorted(added, reverse=True):
        # What stood behind it on its line gets one of its own.
        gap = "\n" if part.endswith(",") and not text.startswith("\n", place) else ""
        text = text[:place] + part + gap + text[place:]
    if _Reader(text).whole().value != wanted:
        raise _unreadable()
    return text


def _mapping(whole: _Node, section: str) -> dict[str, Any]:
    found = whole.value.get(section, {})
    if not isinstance(found, dict):
        raise _unreadable()
    return found


def _not_asked(whole: _Node, document: dict[str, Any]) -> list[Any]:
    """The inputs that the file does not ask for yet."""
    asked = whole.value.get("inputs", [])
    if not isinstance(asked, list):
        raise _unreadable()
    known = [one.get("id") for one in asked if isinstance(one, dict)]
    return [one for one in document.get("inputs", []) if one["id"] not in known]


def _members(node: _Node, new: Mapping[str, object], indent: str) -> tuple[int, str]:
    """Where in an object these members are put, and how they are written."""
    lines = [
        f"\n{indent}{json.dumps(name)}: "
        + json.dumps(value, indent=2, ensure_ascii=False).replace("\n", f"\n{indent}")
        for name, value in new.items()
    ]
    return node.inside, ",".join(lines) + _end(indent, is_last=not node.members)


def _items(node: _Node, new: list[Any]) -> tuple[int, str]:
    lines = [f"\n    {json.dumps(one, ensure_ascii=False)}" for one in new]
    return node.inside, ",".join(lines) + _end("    ", is_last=not node.value)


def _end(indent: str, *, is_last: bool) -> str:
    return f"\n{indent[2:]}" if is_last else ","


def _in_toml(text: str, section: str, document: dict[str, Any]) -> str:
    try:
        kept = tomllib.loads(text)
        if NAME in kept.get(section, {}):
            raise AlreadyThere
        gap = "" if not text.strip() else "\n" if text.endswith("\n") else "\n\n"
        done = f"{text}{gap}{toml_text(document)}\n"
        wanted = {**kept, section: {**kept.get(section, {}), NAME: document[section][NAME]}}
        if tomllib.loads(done) != wanted:
            raise _unreadable()
    except (tomllib.TOMLDecodeError, TypeError) as fault:
        raise _unreadable() from fault
    return done


def _in_yaml(text: str, section: str, document: dict[str, Any]) -> str:
    """Only into block mappings of the plain kind that the host itself writes."""
    lines = text.splitlines()
    if any(line.startswith("\t") for line in lines) or "---" in lines[1:]:
        raise _unreadable()
    if not all(line.startswith(" ") or _TOP.fullmatch(line.rstrip()) for line in lines):
        raise _unreadable()
    heads = [at for at, line in enumerate(lines) if re.match(rf"{section}\s*:", line)]
    if not heads:
        rest = [*lines, f"{section}:"]
        return "\n".join([*rest, yaml_text(document[section], "  ")]) + "\n"
    head = heads[0]
    says = lines[head].partition(":")[2].partition("#")[0].strip()
    below = [line for line in lines[head + 1 :] if line.strip() and line.strip()[0] != "#"]
    if len(heads) > 1 or says not in {"", "{}"}:
        raise _unreadable()
    first = below[0] if below else ""
    indent = first[: len(first) - len(first.lstrip())]
    if first.lstrip().startswith("- ") or (indent and says):
        raise _unreadable()
    for line in below:
        if not line.startswith(" "):
            break
        if re.match(rf"{indent}['\"]?{NAME}['\"]?\s*:", line):
            raise AlreadyThere
    lines[head] = lines[head].replace("{}", "", 1).rstrip() if says else lines[head]
    lines.insert(head + 1, yaml_text(document[section], indent or "  "))
    return "\n".join(lines) + "\n"


_PLACED: Mapping[Notation, Callable[[str, str, dict[str, Any]], str]] = MappingProxyType(
    {Notation.JSON: _in_json, Notation.TOML: _in_toml, Notation.YAML: _in_yaml}
)
