"""Which account a pair of keys is for: learned once, kept in the store, and joined by its rows."""

from dataclasses import dataclass

from fw_mcp.store.connection import Connection

_ACCOUNT_OF = "SELECT value FROM facts WHERE account = ? AND name = 'account'"
_KEEP = """
INSERT INTO facts (account, name, value) VALUES (?, 'account', ?)
ON CONFLICT (account, name) DO NOTHING
"""
_KEEP_NAMED = """
INSERT INTO facts (account, name, value) VALUES (?, 'named', 'by the service')
ON CONFLICT (account, name) DO NOTHING
"""
_NAMED = "SELECT value FROM facts WHERE account = ? AND name = 'named'"
_LAST_PLACES = (
    "SELECT max(place) FROM changes WHERE account = ?",
    "SELECT max(place) FROM items WHERE account = ?",
)
# Items go to a change that is there already: the copy of theirs, which then loses the original.
_JOIN = (
    """
    UPDATE facts SET account = :account
    WHERE account = :former AND name NOT IN ('account', 'named') AND NOT EXISTS (
        SELECT kept.value FROM facts AS kept
        WHERE kept.account = :account AND kept.name = facts.name
    )
    """,
    """
    UPDATE uploads SET account = :account WHERE account = :former AND NOT EXISTS (
        SELECT kept.path FROM uploads AS kept
        WHERE kept.account = :account AND kept.place = uploads.place
            AND kept.path = uploads.path AND kept.master = uploads.master
    )
    """,
    "UPDATE plans SET account = :account WHERE account = :former",
    """
    INSERT INTO changes (
        account, change_id, place, tool, caller, arguments_digest, plan_id, accepted, undoes,
        begun_at, ended_at, worked_at, baseline, seen, arguments, client
    ) SELECT :account, change_id, place + :shift, tool, caller, arguments_digest, plan_id,
        accepted, undoes, begun_at, ended_at, worked_at, baseline, seen, arguments, client
    FROM changes WHERE account = :former
    """,
    """
    UPDATE items SET account = :account, place = place + :shift WHERE account = :former
    """,
    "DELETE FROM changes WHERE account = :former",
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """What stands for a pair of keys in a store, where neither is kept.

    Attributes:
        digest: of the keys, the host and whom they act for; the account's name until it is known.
        former: the names that older versions gave the account of these keys.
    """

    digest: str
    former: tuple[str, ...] = ()


def account_of(connection: Connection, pair: KeyPair) -> str | None:
    """The account that these keys are for; None while nobody learned it."""
    row = connection.execute(_ACCOUNT_OF, (pair.digest,)).fetchone()
    return None if row is None else str(row[0])


def keep(connection: Connection, pair: KeyPair, account: str) -> None:
    """Record which account these keys are for, unless that is on record."""
    connection.take_turn(account)
    connection.execute(_KEEP, (pair.digest, account))
    # Where the service names nobody, the account has the name of its keys.
    if account != pair.digest:
        connection.execute(_KEEP_NAMED, (account,))


def gather(connection: Connection, pair: KeyPair, account: str) -> None:
    """Give the account what stands under other names of it."""
    for former in (*pair.former, pair.digest):
        if former != account:
            join(connection, former, account)


def is_named(connection: Connection, account: str) -> bool:
    """Whether the service named it: then it is for certain no other name of another account."""
    connection.show(account)
    return connection.execute(_NAMED, (account,)).fetchone() is not None


def join(connection: Connection, former: str, account: str) -> None:
    """Give the account what stands under one other name."""
    connection.take_turn(former)
    places = [connection.execute(one, (account,)).fetchone()[0] for one in _LAST_PLACES]
    row = {"account": account, "former": former, "shift": max(place or 0 for place in places)}
    for statement in _JOIN:
        connection.execute(statement, row)
