"""What the store says to its database: words that SQLite and PostgreSQL both know."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import fw_mcp.store

ROOM = Path(fw_mcp.store.__file__).parent
VERB = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE (TABLE|INDEX))\b")
TABLE = re.compile(r"\b(FROM|JOIN|INTO|UPDATE) (changes|items|plans|facts|uploads)\b")
NOT_PORTABLE = {
    "JSON is text that no statement looks into": r"json_\w+|->",
    "an order needs a column of its own": r"\browid\b|_rowid_|\boid\b",
    "CASE": r"\biif\b|\bifnull\b",
    "ON CONFLICT": r"\bINSERT OR\b|\bREPLACE INTO\b",
    "columns are named": r"SELECT (DISTINCT )?\*|\.\*",
    "max of two": r"\b(max|min)\([^()]*,",
    "a key of one's own": r"AUTOINCREMENT|last_insert_rowid|lastrowid",
    "DOUBLE PRECISION": r"\bREAL\b",
    "<> instead": r"!=|==",
    "no table of SQLite's kind": r"WITHOUT ROWID|\bSTRICT\b|\bGLOB\b",
}
AGGREGATE = re.compile(r"\b(count|sum|max|min|avg)\(")


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of the constants that are docstrings."""
    with_docstring = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, with_docstring) and node.body and isinstance(node.body[0], ast.Expr)
    }


def text_of(node: ast.expr) -> str | None:
    """The text that stands there; what is put into it is `{}`."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the room's source that is no docstring, and where it stands."""
    for file in sorted(ROOM.glob("*.py")):
        tree = ast.parse(file.read_text())
        told = docstrings(tree)
        parts = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.expr) and id(node) not in told | parts and text_of(node):
                yield f"{file.name}:{node.lineno}", text_of(node) or ""


STATEMENTS = {
    f"{where}.{number}": re.sub(r"\s+", " ", one).strip()
    for where, text in texts()
    for number, one in enumerate(text.split(";"))
    if VERB.search(one)
}
# Reads the tables of an older version, and fills those of this one.
OLDER = "upgrade.py"


def test_the_statements_are_found() -> None:
    """A rule that looks at nothing holds always."""
    files = {where.partition(":")[0] for where in STATEMENTS}
    assert files == {
        "accounts.py",
        "copying.py",
        "database.py",
        "history.py",
        "journal.py",
        "migrations.py",
        "names.py",
        "plans.py",
        "postgres.py",
        "schema.py",
        "sqlite.py",
        "upgrade.py",
        "uploads.py",
    }
    assert len(STATEMENTS) > 40


def test_a_statement_has_no_word_of_sqlite_alone() -> None:
    """So that the same one runs on PostgreSQL."""
    found = {
        (where, why)
        for where, statement in STATEMENTS.items()
        for why, word in NOT_PORTABLE.items()
        if re.search(word, statement, re.IGNORECASE)
    }
    assert found == set()


def test_a_column_stands_beside_an_aggregate_only_when_it_is_grouped_by() -> None:
    """SQLite would take any row's."""
    loose = {where: bare for where, one in STATEMENTS.items() if (bare := beside_an_aggregate(one))}
    assert loose == {}


def beside_an_aggregate(statement: str) -> set[str]:
    """The columns that stand beside an aggregate and are not grouped by."""
    loose: set[str] = set()
    for listed, rest in re.findall(r"SELECT ([^()]*(?:\([^()]*\)[^()]*)*?) FROM (.*)", statement):
        if not AGGREGATE.search(listed):
            continue
        bare = {
            column.strip()
            for column in re.sub(r"\w+\([^()]*\)( AS \w+)?", "", listed).split(",")
            if column.strip()
        }
        grouped = re.search(r"GROUP BY (.*?)(?: ORDER BY|$)", rest)
        loose |= bare - (set(re.split(r",\s*", grouped[1])) if grouped else set())
    return loose


def test_a_statement_names_the_account_of_each_table() -> None:
    """Promise: what one account does is no other's, however many share a store."""
    silent = [
        where
        for where, one in STATEMENTS.items()
        if not where.startswith(OLDER) and TABLE.search(one) and not names_the_account(one)
    ]
    assert silent == []


def names_the_account(statement: str) -> bool:
    """Whether it writes or asks for the account of each table."""
    if statement.startswith("INSERT"):
        values = r"VALUES \( ?(\?|:account),|SELECT :account, .* FROM \w+ WHERE account = :former$"
        return bool(re.match(rf"INSERT INTO \w+ \( ?account, .*({values})", statement))
    conditions = re.findall(r"\baccount = (\?|:account|:former|\w+\.account)", statement)
    return len(conditions) >= len(TABLE.findall(statement))


@pytest.mark.parametrize("table", ["changes", "items", "plans", "facts", "uploads"])
def test_the_account_comes_first_in_each_key(table: str) -> None:
    """And in each index: one account's rows stand together."""
    (made,) = [one for one in STATEMENTS.values() if one.startswith(f"CREATE TABLE {table} (")]
    assert re.search(r"PRIMARY KEY \(account, ", made)
    indexes = [
        one for one in STATEMENTS.values() if re.match(rf"CREATE INDEX \w+ ON {table} ", one)
    ]
    assert all(f" ON {table} (account, " in one for one in indexes)
