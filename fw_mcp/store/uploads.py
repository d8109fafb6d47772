"""What was uploaded: on record before the first byte is sent, so that nothing is forgotten.

A file is known again by its path, size and time of change; what it holds, by the key of its bytes.
"""

import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from fw_mcp.store.connection import Connection, Row
from fw_mcp.store.database import Store

_HOUR_S = 3600
_AT_ONCE = 400

_SECRET = "upload_secret"  # noqa: S105  the name of a fact
_ALLOWED = "upload_allowed:"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, and what stands for it in one place.

    Attributes:
        place: the bucket, as a person calls it.
        path: of the file on this machine.
        master: the key of the print master; of its bytes alone.
        size: bytes of the print master.
        mtime_ns: when the file was last written, in nanoseconds since the epoch.
        preview, thumbnail: the keys of what is shown of it.
        sent: bytes that were about to be sent in the hour before `begun_at`.
        change_id: the call that asked for it last.
        guids: library → the image that was registered with it last.
        begun_at, uploaded_at, verified_at, removed_at: seconds since the epoch; None of what was
            not reached. Verified is what its public addresses gave.
    """

    place: str
    path: str
    master: str
    file_name: str
    size: int
    mtime_ns: int
    pix_w: int
    pix_h: int
    mime_type: str
    preview: str
    preview_size: int
    thumbnail: str
    thumbnail_size: int
    sent: int = 0
    change_id: str = ""
    guids: Mapping[str, str] = field(default_factory=dict)
    begun_at: float = 0.0
    uploaded_at: float | None = None
    verified_at: float | None = None
    removed_at: float | None = None

    @property
    def parts(self) -> dict[str, int]:
        """Key → bytes, in the order of uploading: the print master comes last."""
        return {
            self.preview: self.preview_size,
            self.thumbnail: self.thumbnail_size,
            self.master: self.size,
        }

    @property
    def is_up(self) -> bool:
        """Whether all of it was there, for everybody to fetch."""
        return self.verified_at is not None and self.removed_at is None


@dataclass(frozen=True, slots=True)
class SameFile:
    """What a file is known again by."""

    path: str
    size: int
    mtime_ns: int


_COLUMNS = tuple(one.name for one in fields(Upload))
_JSON = ("path", "file_name", "guids")
_KEY = {"place", "path", "master"}
_SET = ", ".join(
    f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEY | {"sent", "guids"}
)
_BEGIN = f"""
INSERT INTO uploads (account, {", ".join(_COLUMNS)}, begun_by)
VALUES (:account, {", ".join(f":{name}" for name in _COLUMNS)}, :begun_by)
ON CONFLICT (account, place, path, master) DO UPDATE SET {_SET}, begun_by = excluded.begun_by,
    sent = excluded.sent + CASE WHEN uploads.begun_at > :since THEN uploads.sent ELSE 0 END
"""  # noqa: S608  ours
_BEGUN = """
SELECT path FROM uploads
WHERE account = :account AND place = :place AND path = :path AND master = :master
    AND begun_by = :begun_by
"""
_SENT = """
SELECT CAST(coalesce(sum(sent), 0) AS BIGINT) FROM uploads WHERE account = ? AND begun_at > ?
"""
_UPLOADED = """
UPDATE uploads SET uploaded_at = :now
WHERE account = :account AND place = :place AND path = :path AND master = :master
"""
_VERIFIED = """
UPDATE uploads SET verified_at = :now
WHERE account = :account AND place = :place AND path = :path AND master = :master
"""
_ASKED = """
UPDATE uploads SET change_id = :change_id, mtime_ns = :mtime_ns
WHERE account = :account AND place = :place AND path = :path AND master = :master
    AND verified_at IS NOT NULL AND removed_at IS NULL
"""
_DOUBTED = "UPDATE uploads SET verified_at = NULL WHERE account = ? AND place = ? AND master = ?"
_REMOVED = "UPDATE uploads SET removed_at = ? WHERE account = ? AND place = ? AND master = ?"
_GUIDS_OF = """
SELECT guids FROM uploads WHERE account = ? AND place = ? AND path = ? AND master = ?
"""
_REGISTERED = """
UPDATE uploads SET guids = ? WHERE account = ? AND place = ? AND path = ? AND master = ?
"""
_AT_PATHS = f"""
SELECT {", ".join(_COLUMNS)} FROM uploads
WHERE account = ? AND place = ? AND path IN ({{marks}}) ORDER BY begun_at
"""  # noqa: S608  ours
_OF_CONTENT = f"""
SELECT {", ".join(_COLUMNS)} FROM uploads
WHERE account = ? AND place = ? AND master = ? ORDER BY begun_at DESC
"""  # noqa: S608  ours
_EVERY = f"""
SELECT {", ".join(_COLUMNS)} FROM uploads WHERE account = ? ORDER BY begun_at DESC, path
"""  # noqa: S608  ours
_KEEP_FACT = """
INSERT INTO facts (account, name, value) VALUES (?, ?, ?) ON CONFLICT (account, name) DO NOTHING
"""
_FACT = "SELECT value FROM facts WHERE account = ? AND name = ?"


class UploadStore:
    """The uploads of the account of `database`, for every process that shares it."""

    def __init__(self, database: Store) -> None:
        self._database = database

    @property
    def _account(self) -> str:
        # Inside a transaction, where it is looked up while it is not known.
        return self._database.account

    async def secret(self) -> bytes:
        """What makes the account's keys a secret: 32 bytes, made once and kept.

        Raises:
            StoreError: it cannot be kept.
        """

        def work(connection: Connection) -> bytes:
            connection.execute(_KEEP_FACT, (self._account, _SECRET, secrets.token_hex(32)))
            row = connection.execute(_FACT, (self._account, _SECRET)).fetchone()
            return bytes.fromhex(row["value"])

        return await self._database.run(work)

    async def known(self, place: str, files: Iterable[SameFile]) -> dict[SameFile, Upload]:
        """What these very files were uploaded as; those that are up before those that are not.

        Raises:
            StoreError: it cannot be read.
        """
        wanted = list(files)

        def work(connection: Connection) -> list[Upload]:
            found: list[Upload] = []
            for start in range(0, len(wanted), _AT_ONCE):
                paths = [json.dumps(one.path) for one in wanted[start : start + _AT_ONCE]]
                statement = _AT_PATHS.format(marks=", ".join("?" * len(paths)))
                rows = connection.execute(statement, (self._account, place, *paths))
                found += map(_upload, rows)
            return found

        rows = await self._database.run(work)
        same = {
            SameFile(one.path, one.size, one.mtime_ns): one
            for one in sorted(rows, key=lambda one: one.is_up)
        }
        return {one: same[one] for one in wanted if one in same}

    async def of_content(self, place: str, master: str) -> list[Upload]:
        """Every upload of the same bytes, the newest first.

        Raises:
            StoreError: it cannot be read.
        """

        def work(connection: Connection) -> list[Upload]:
            return [*map(_upload, connection.execute(_OF_CONTENT, (self._account, place, master)))]

        return await self._database.run(work)

    async def every(self) -> list[Upload]:
        """Every upload, the newest first.

        Raises:
            StoreError: it cannot be read.
        """

        def work(connection: Connection) -> list[Upload]:
            return [*map(_upload, connection.execute(_EVERY, (self._account,)))]

        return await self._database.run(work)

    async def of_images(self, guids: Collection[str]) -> list[Upload]:
        """Every upload that one of these images was registered with, and that is not removed.

        Raises:
            StoreError: it cannot be read.
        """
        return [
            one
            for one in await self.every()
            if one.removed_at is None and not set(guids).isdisjoint(one.guids.values())
        ]

    async def removed_masters(self) -> set[str]:
        """The keys of print masters that were uploaded, and are kept nowhere any more.

        Raises:
            StoreError: it cannot be read.
        """
        rows = await self.every()
        there = {one.master for one in rows if one.removed_at is None}
        return {one.master for one in rows} - there

    async def begin(self, upload: Upload, most_bytes_per_hour: int) -> bool:
        """Record what is about to be sent, unless it is more than the hour allows.

        Args:
            upload: with `sent`, the bytes that are about to be sent, and `begun_at`, which is now.
            most_bytes_per_hour: how much may be sent in an hour.

        Raises:
            StoreError: it cannot be recorded, so nothing may be sent.
        """
        since = upload.begun_at - _HOUR_S
        # By which what was begun is known where the answer to its commit was lost.
        row = {"since": since, "begun_by": secrets.token_hex(8), **_row(upload)}

        def work(connection: Connection) -> bool:
            row["account"] = self._account
            if connection.execute(_BEGUN, row).fetchone() is not None:
                return True
            spent = connection.execute(_SENT, (self._account, since)).fetchone()[0]
            if upload.sent and spent + upload.sent > most_bytes_per_hour:
                return False
            connection.execute(_BEGIN, row)
            return True

        return await self._database.run(work)

    async def spent(self, now: float) -> int:
        """How many bytes were sent in the last hour.

        Raises:
            StoreError: it cannot be read.
        """

        def work(connection: Connection) -> int:
            return int(connection.execute(_SENT, (self._account, now - _HOUR_S)).fetchone()[0])

        return await self._database.run(work)

    async def uploaded(self, upload: Upload, now: float) -> None:
        """Record that all of it was sent and acknowledged.

        Raises:
            StoreError: it cannot be recorded.
        """
        await self._marked(_UPLOADED, [{**_row(upload), "now": now}])

    async def verified(self, upload: Upload, now: float) -> None:
        """Record that its public addresses gave it.

        Raises:
            StoreError: it cannot be recorded.
        """
        await self._marked(_VERIFIED, [{**_row(upload), "now": now}])

    async def asked(self, uploads: Iterable[Upload], change_id: str) -> list[Upload]:
        """Record which call is about to register them.

        Returns:
            Those that it must not, since they are being removed.

        Raises:
            StoreError: it cannot be recorded.
        """
        wanted = list(uploads)

        def work(connection: Connection) -> list[Upload]:
            return [
                one
                for one in wanted
                if not connection.execute(
                    _ASKED, {**_row(one), "change_id": change_id, "account": self._account}
                ).rowcount
            ]

        return await self._database.run(work)

    async def doubted(self, place: str, master: str, former: Collection[Upload]) -> bool:
        """Let no call register these bytes from here on, unless one asked for them since.

        Args:
            place: where they are.
            master: their key.
            former: every upload of them, as it was on record before.

        Returns:
            Whether they may be removed.

        Raises:
            StoreError: it cannot be recorded.
        """
        as_was = {(one.path, one.change_id, one.begun_at) for one in former}

        def work(connection: Connection) -> bool:
            key = (self._account, place, master)
            now = map(_upload, connection.execute(_OF_CONTENT, key))
            if {(one.path, one.change_id, one.begun_at) for one in now} != as_was:
                return False
            connection.execute(_DOUBTED, key)
            return True

        return await self._database.run(work)

    async def registered(self, guids: Sequence[tuple[Upload, str]], library: str) -> None:
        """Record which image each is the print master of.

        Raises:
            StoreError: it cannot be recorded.
        """

        def work(connection: Connection) -> None:
            for upload, guid in guids:
                key = (self._account, upload.place, json.dumps(upload.path), upload.master)
                row = connection.execute(_GUIDS_OF, key).fetchone()
                if row is not None:
                    now = {**json.loads(row["guids"]), library: guid}
                    connection.execute(_REGISTERED, (json.dumps(now), *key))

        await self._database.run(work)

    async def removed(self, place: str, masters: Collection[str], now: float) -> None:
        """Record that nothing is kept under these keys any more.

        Raises:
            StoreError: it cannot be recorded.
        """

        def work(connection: Connection) -> None:
            for master in masters:
                connection.execute(_REMOVED, (now, self._account, place, master))

        await self._database.run(work)

    async def allow(self, place: str, folders: Iterable[str], now: float) -> None:
        """Remember that a person let the files of these folders be public there.

        Raises:
            StoreError: it cannot be kept.
        """
        names = [_allowed(place, folder) for folder in folders]

        def work(connection: Connection) -> None:
            rows = [(self._account, name, str(now)) for name in names]
            connection.executemany(_KEEP_FACT, rows)

        await self._database.run(work)

    async def not_allowed(self, place: str, folders: Iterable[str]) -> set[str]:
        """Those of these folders that nobody was asked about yet, or whose answer was no yes.

        Raises:
            StoreError: it cannot be told.
        """
        names = {folder: _allowed(place, folder) for folder in folders}

        def work(connection: Connection) -> set[str]:
            return {
                folder
                for folder, name in names.items()
                if connection.execute(_FACT, (self._account, name)).fetchone() is None
            }

        return await self._database.run(work)

    async def _marked(self, statement: str, rows: list[dict[str, Any]]) -> None:
        def work(connection: Connection) -> None:
            account = {"account": self._account}
            connection.executemany(statement, [{**row, **account} for row in rows])

        await self._database.run(work)


def _allowed(place: str, folder: str) -> str:
    """The name of the fact; any folder has one, half a character in it or not."""
    return _ALLOWED + json.dumps([place, folder])


def _row(upload: Upload) -> dict[str, Any]:
    row = asdict(replace(upload, guids=dict(upload.guids)))
    return {name: json.dumps(one) if name in _JSON else one for name, one in row.items()}


def _upload(row: Row) -> Upload:
    return Upload(
        **{name: json.loads(row[name]) if name in _JSON else row[name] for name in _COLUMNS}
    )
