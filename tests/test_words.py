"""What a person or a model can read is plain American English, in this project's terms."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "packaging" / "README.md",
    *sorted((ROOT / "prompts").glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)
# Each with the words that take its place.
BANNED = MappingProxyType(
    {
        r"meanwhile[.;,]": "in the meantime",
        r"went away|going away": "was removed",
        r"(would|could) go\b": "would be removed",
        r"(products|images) (that )?(go|went)\b": "removed",
        r"(hang|hangs|hung) on": "products of an image, made from it",
        r"(cannot|can|not) (come|be brought) back|what comes back": "be restored",
        r"doubles?\b": "duplicate",
        r"look-alikes?": "similar images",
        r"other people's text": "untrusted text",
        r"(?<!here )\b(is|was|names) no (?!longer|one)[a-z]": "is not a",
        r"\b(images?|pixels?|calls?|deletions?|changes|objects?|lines?|examples?) "
        r"an? (page|call|hour|inch|time|line|second|write|property)\b": "per",
        r"commas? between": "comma-separated",
        r"not told|is told\b|are told\b": "not known, reported",
        r"\btells? (its|how|what|which|the largest)": "shows, reports",
        r"\banew\b": "again, start over",
        r"\bstands? (in|with|there|more|at|above|below)\b|\bstands[.,;:]": "is, appears",
        r"\bsettle[sd]?\b|\bsettling\b": "resolve",
        r"left open|open changes?\b|open writes?\b": "unresolved, unfinished",
        r"not any ?more|any more\b(?<!lost any more)": "no longer",
        r"[Ll]eft out: ": "Default:",
        r"looked at\b": "scanned, checked",
        r"this call's time|[Tt]he call's time|time was over|took longer than": "ran out of time",
        r"[Gg]oing on\b|\bgo on with\b|\bgoes on\b": "continue",
        r"under way\b": "running",
        r"to its end\b": "completely",
        r"the service said|said yes": "FinerWorks reported success",
        r"asked for fewer calls": "rate-limited",
        r"without a word\b|no more words": "without a message",
        r"worked out\b": "computed",
        r"in any case\b": "case-insensitively",
        r"all the same\b": "still",
        r"an invented\b": "a fictional",
        r"\bretitl": "update",
        r"\bweb address": "URL",
        r"\bdialled\b": "connected to",
        r"([Ss]ome|[Nn]o|[Aa]ny)body\b": "someone, no person, anyone",
        r"only reading\b": "only read",
        r"[Nn]ot tried\b": "skipped",
        r"otherwise than\b": "not as expected",
        r"(colo|harbo|behavio|favo|neighbo|lab)ur": "American spelling",
        r"dialogue|catalogue|\bgr(ey)\b|\bcentre|cancelled|labelled\b|licence": "American spelling",
        r"(organ|recogn|real|normal|initial|author|custom)is(e|ed|es|ing)\b": "American spelling",
        r"\bmay stand\b|\bstands? alone": "may appear, must be passed alone",
        r"\b[Ll]eave (one|both|it|them|\w+) out\b": "omit",
        r"[Ll]eft out, because": "skipped because",
        r"(gives?|leaves?) (no|nothing) (rows|out)": "returns no rows, filters nothing",
        r"cannot be (listened on|used like)": "cannot listen on, invalid arguments",
        r"accepted how|accepted in what way": "how it was confirmed",
        r"\d were given\b|\bx were given": "got",
        r"name at least one|: give it\b": "give at least one, provide it",
        r"\b[Gg]o(es)? on (only|to|with)\b": "continue, move on",
        r"(which|that) there (is|are) not\b": "that does not exist",
        r"\b(is|are) there (already|yet)\b|\bnot there yet\b": "already exists, does not exist yet",
        r"\bon sale\b": "for sale",
        r"\bsafe hands\b": "safely",
        r"\bset-up\b": "setup",
        r"\bby a click\b": "with a click",
        # Of a metric it is part of the name: fw_mcp.upstream.requests.
        r"(?<!fw_mcp\.)\bupstream\b": "FinerWorks",
        r"\b[Tt]he service (?!is unavailable)": "FinerWorks",
        r"[Ww]hoever\b": "anyone who",
        r"\bThe host (has|did|refused)|\bHosts with|a chat whose host": "client",
    }
)
GALLERY = "fw_mcp/server/gallery.html"
_RELEASED = re.compile(r"^## \[\d", re.MULTILINE)
_IN_HTML = re.compile(r'"([^"]* [^"]*)"|`([^`]* [^`]*)`|>([^<>{}]+)<')
_SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|ALTER|FROM|WHERE|ORDER BY)\b")


def _unread(node: ast.AST) -> Iterator[ast.AST]:
    """What of a node nobody is shown: its docstring, its annotation, a line for debugging."""
    match node:
        case ast.Expr(value=ast.Constant() as words):
            yield words
        case ast.AnnAssign(annotation=kind) | ast.arg(annotation=ast.expr() as kind):
            yield from ast.walk(kind)
        case ast.FunctionDef(returns=ast.expr() as kind):
            yield from ast.walk(kind)
        case ast.AsyncFunctionDef(returns=ast.expr() as kind):
            yield from ast.walk(kind)
        case ast.Call(func=ast.Attribute(attr="debug" | "info")):
            yield from ast.walk(node)


def sentences_of_code(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and the words of each text in Python that may be shown.

    A value within an f-string is one letter.
    """
    unread = {id(part) for node in ast.walk(tree) for part in _unread(node)}
    for node in ast.walk(tree):
        if id(node) in unread:
            continue
        match node:
            case ast.JoinedStr(values=parts):
                unread.update(map(id, parts))
                words = "".join(
                    str(one.value) if isinstance(one, ast.Constant) else "x" for one in parts
                )
            case ast.Constant(value=str() as words):
                pass
            case _:
                continue
        if " " in words and not _SQL.search(words):
            yield node.lineno, words


def tool_descriptions(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The docstrings of tools, which are their descriptions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
            words = ast.get_docstring(node)
            if words:
                yield node.lineno, words


def texts() -> Iterator[tuple[str, int, str]]:
    """File, line and words of everything that can be read."""
    for file in sorted((ROOT / "fw_mcp").rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for line, words in sentences_of_code(tree):
            yield name, line, words
        if "server/tools/" in name:
            for line, words in tool_descriptions(tree):
                yield name, line, words
    html = (ROOT / GALLERY).read_text(encoding="utf-8")
    for line, text in enumerate(html.split("\n"), 1):
        for words in _IN_HTML.findall(text):
            yield GALLERY, line, "".join(words)
    for file in PAGES:
        # What was released stays as it was written.
        text = _RELEASED.split(file.read_text(encoding="utf-8"))[0]
        for words in re.split(r"\n\s*\n", text):
            yield (
                file.relative_to(ROOT).as_posix(),
                text[: text.index(words)].count("\n") + 1,
                words,
            )


def faults(words: str) -> list[str]:
    """The old words in a text, each with what to write."""
    line = " ".join(words.split())
    return [
        f'"{found[0]}": {better}'
        for pattern, better in BANNED.items()
        if (found := re.search(pattern, line))
    ]


def test_no_sentence_that_can_be_read_has_the_old_words() -> None:
    """Collected from the code and the pages, so that none is forgotten."""
    found = [
        f"{name}:{line}: {', '.join(wrong)}"
        for name, line, words in texts()
        if (wrong := faults(words))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("words", "better"),
    [
        ("The image went away.", "was removed"),
        ("3 products cannot come back", "be restored"),
        ("It is no regular file.", "is not a"),
        ("25 images a page", "per"),
        ("One JSON object a line", "per"),
        ("the account x, which there is not", "that does not exist"),
        ("what is on sale", "for sale"),
        ("The harbour at dusk", "American spelling"),
        ("fw-mcp reconcile settles it", "resolve"),
        ("Leave one out and call it again.", "omit"),
        ("It cannot be listened on.", "cannot listen on"),
        ("1,200 were given", "got"),
        ("An upstream error", "FinerWorks"),
    ],
)
def test_an_old_word_is_found(words: str, better: str) -> None:
    """The list finds what it names."""
    assert better in " ".join(faults(words))


def test_texts_are_found_wherever_they_stand() -> None:
    """In literals, in f-strings between values, in descriptions of tools and on pages."""
    code = 'x = f"It {a} went away {b}."\nlog.debug("went away")\n"""went away"""'
    found = [words for _, words in sentences_of_code(ast.parse(code))]
    assert found == ["It x went away x."]
    names = {name for name, _, _ in texts()}
    assert {"README.md", "prompts/tidy_up.md", "fw_mcp/server/tools/search.py", GALLERY} <= names
