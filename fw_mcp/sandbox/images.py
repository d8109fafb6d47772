"""The tables of the sandbox: images, their products, selections. SQL lives here alone."""

import json
import os
import sqlite3
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.sandbox.requests import (
    ImageLibrary,
    ImageText,
    LibraryName,
    ListImages,
    ListVirtualInventory,
    SortField,
)

Product = dict[str, Any]
Row = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  guid TEXT NOT NULL UNIQUE,
  title TEXT, description TEXT, file_name TEXT NOT NULL, file_size INTEGER NOT NULL,
  thumbnail_file_name TEXT, preview_file_name TEXT, hires_file_name TEXT,
  public_thumbnail_uri TEXT, public_preview_uri TEXT,
  personal_gallery_title TEXT, members_gallery_category TEXT, private_hires_uri TEXT NOT NULL,
  pix_w INTEGER NOT NULL, pix_h INTEGER NOT NULL,
  date_added INTEGER NOT NULL, date_expires INTEGER, active INTEGER NOT NULL,
  library TEXT NOT NULL, session_id TEXT
);
CREATE TABLE IF NOT EXISTS products (
  image_guid TEXT NOT NULL REFERENCES images (guid) ON DELETE CASCADE,
  product TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS products_of_image ON products (image_guid);
CREATE TABLE IF NOT EXISTS selections (guid TEXT PRIMARY KEY, guids TEXT NOT NULL);
"""

_HERE = """
  library = :library AND (library = 'inventory' OR session_id = :session_id)
  AND (date_expires IS NULL OR date_expires > :now)"""

_MATCHING = f"""
  FROM images WHERE {_HERE}
  AND (:active IS NULL OR active = :active)
  AND (:search = '' OR has_part(title, :search) OR has_part(description, :search))
  AND (:guids = '[]' OR guid IN (SELECT value FROM json_each(:guids)))
  AND (:added_from IS NULL OR date_added >= :added_from)
  AND (:added_to IS NULL OR date_added <= :added_to)
  AND (:unlisted = '[]' OR guid NOT IN (SELECT value FROM json_each(:unlisted)))"""  # noqa: S608  text of ours only

_SORTED_BY = {
    SortField.ID: "id",
    SortField.TITLE: "title COLLATE NOCASE",
    SortField.FILE_NAME: "file_name COLLATE NOCASE",
    SortField.FILE_SIZE: "file_size",
    SortField.DATE_ADDED: "date_added",
}

# A product is as old as its image: nothing here makes one later.
_ON_SALE = """
  FROM products JOIN images ON images.guid = products.image_guid WHERE library = 'inventory'
  AND (:search = '' OR has_part(json_extract(product, '$.name'), :search)
       OR has_part(json_extract(product, '$.description_short'), :search))
  AND (:skus = '[]' OR json_extract(product, '$.sku') IN (SELECT value FROM json_each(:skus)))
  AND (:codes = '[]'
       OR json_extract(product, '$.product_code') IN (SELECT value FROM json_each(:codes)))
  AND (:guids = '[]' OR image_guid IN (SELECT value FROM json_each(:guids)))
  AND (:created_from IS NULL OR date_added >= :created_from)
  AND (:created_to IS NULL OR date_added <= :created_to)"""
_MOST_FILTERED_BY = 50


@dataclass(frozen=True)
class StoredImage:
    """A row of ``images`` but for its id; dates in microseconds, own URIs without the host."""

    guid: str
    title: str | None
    description: str | None
    file_name: str
    file_size: int
    thumbnail_file_name: str | None
    preview_file_name: str | None
    hires_file_name: str | None
    public_thumbnail_uri: str | None
    public_preview_uri: str | None
    personal_gallery_title: str | None
    members_gallery_category: str | None
    private_hires_uri: str
    pix_w: int
    pix_h: int
    date_added: int
    date_expires: int | None
    active: bool
    library: LibraryName
    session_id: str | None


_COLUMNS = ", ".join(field.name for field in fields(StoredImage))
_PLACES = ", ".join("?" for _ in fields(StoredImage))
_INSERT = f"INSERT INTO images ({_COLUMNS}) VALUES ({_PLACES})"  # noqa: S608  our own field names
_values = attrgetter(*(field.name for field in fields(StoredImage)))


def has_part(text: str | None, part: str) -> bool:
    """Whether a text holds another, in any case and any script; SQLite's LIKE knows only ASCII."""
    return text is not None and part.casefold() in text.casefold()


class Images:
    """What the endpoints ask of the tables.

    Args:
        connection: open, with the tables made.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        connection.create_function("has_part", 2, has_part, deterministic=True)
        self._connection = connection

    def never_held_any(self) -> bool:
        """Whether no image was ever stored; a library somebody emptied has held some."""
        return self._connection.execute("SELECT 1 FROM sqlite_sequence").fetchone() is None

    def matching(
        self, wanted: ListImages, *, now: int, unlisted: Sequence[str] = ()
    ) -> tuple[list[Row], int]:
        """One page of the images asked for but the unlisted, and how many there are in all."""
        bound = _bound(wanted) | {"now": now, "unlisted": json.dumps(unlisted)}
        count = self._connection.execute(f"SELECT count(*) {_MATCHING}", bound).fetchone()[0]
        way = wanted.sort_direction
        order = f"ORDER BY {_SORTED_BY[wanted.sort_field]} {way}, id {way}"
        page = f"SELECT * {_MATCHING} {order} LIMIT :limit OFFSET :offset"
        return [dict(row) for row in self._connection.execute(page, bound)], count

    def with_guid(self, guid: str) -> Row | None:
        """One image of either library."""
        found = self._connection.execute("SELECT * FROM images WHERE guid = ?", (guid,))
        row = found.fetchone()
        return row and dict(row)

    def newest(self, count: int, skipped: int) -> list[Row]:
        """Images of the inventory, those that were added last first."""
        rows = self._connection.execute(
            "SELECT * FROM images WHERE library = 'inventory' ORDER BY id DESC LIMIT ? OFFSET ?",
            (count, skipped),
        )
        return [dict(row) for row in rows]

    def counts(self, *, now: int) -> dict[str, int]:
        """What there is, and how much of it."""
        asked = {
            "inventory images": "images WHERE library = 'inventory'",
            "temporary images": "images WHERE library = 'temporary' AND date_expires > :now",
            "products": "products",
            "selections": "selections",
        }
        count = "SELECT count(*) FROM "
        held = (self._connection.execute(count + what, {"now": now}) for what in asked.values())
        return {name: rows.fetchone()[0] for name, rows in zip(asked, held, strict=True)}

    def products_of(self, guids: Iterable[str]) -> dict[str, list[Product]]:
        """The products of each of these images."""
        products: dict[str, list[Product]] = {guid: [] for guid in guids}
        rows = self._connection.execute(
            "SELECT image_guid, product FROM products"
            " WHERE image_guid IN (SELECT value FROM json_each(?)) ORDER BY rowid",
            (json.dumps(list(products)),),
        )
        for image_guid, product in rows:
            products[image_guid].append(json.loads(product))
        return products

    def on_sale(self, wanted: ListVirtualInventory) -> tuple[list[Row], int]:
        """One page of the products asked for, each with its id and date, and how many in all."""
        bound = _bound_products(wanted)
        count = self._connection.execute(f"SELECT count(*) {_ON_SALE}", bound).fetchone()[0]
        way, field = wanted.sort_direction, _SORTED_BY[wanted.sort_field]
        sorted_by = "products.rowid" if wanted.sort_field is SortField.ID else field
        order = f"ORDER BY {sorted_by} {way}, products.rowid {way} LIMIT :limit OFFSET :offset"
        page = f"SELECT products.rowid, product, date_added {_ON_SALE} {order}"
        rows = self._connection.execute(page, bound)
        return [
            json.loads(product) | {"id": number, "updated": added}
            for number, product, added in rows
        ], count

    def add(self, images: Sequence[StoredImage]) -> list[Row]:
        """Store images, and give them back with their ids, in the order given."""
        with self._connection as transaction:
            ids = [transaction.execute(_INSERT, _values(image)).lastrowid for image in images]
        return [{"id": id_} | asdict(image) for id_, image in zip(ids, images, strict=True)]

    def stock(self, images: Iterable[StoredImage], products: Iterable[Product]) -> None:
        """Store images and products in bulk, without looking back."""
        rows = ((product["image_guid"], json.dumps(product)) for product in products)
        with self._connection as transaction:
            transaction.executemany(_INSERT, map(_values, images))
            transaction.executemany("INSERT INTO products VALUES (?, ?)", rows)

    @property
    def in_memory(self) -> bool:
        """Whether the tables are in no file."""
        (_, _, file), *_ = self._connection.execute("PRAGMA database_list")
        return not file

    def restore(self, database: bytes, later: int) -> None:
        """Take the tables of a serialized database in place of these, which are in memory.

        Args:
            database: with the same tables.
            later: how many microseconds its dates are to be moved.
        """
        self._connection.deserialize(database)
        with self._connection as transaction:
            transaction.execute(
                "UPDATE images SET date_added = date_added + ?, date_expires = date_expires + ?",
                (later, later),
            )

    def retitle(self, texts: Sequence[ImageText], *, keep_products: bool, now: int) -> set[str]:
        """Replace titles and descriptions that are not None; the guids that were found."""
        with self._connection as transaction:
            found = {text.guid for text in texts if _retitle(transaction, text, now)}
            if not keep_products:
                gone = [(guid,) for guid in found]
                transaction.executemany("DELETE FROM products WHERE image_guid = ?", gone)
        return found

    def delete(self, guids: Iterable[str], library: ImageLibrary, *, now: int) -> set[str]:
        """Delete images of one library with their products; the guids that were found."""
        scope = {"library": library.name, "session_id": library.session_id, "now": now}
        delete = f"DELETE FROM images WHERE {_HERE} AND guid = :guid"  # noqa: S608  no input in it
        with self._connection as transaction:
            return {g for g in guids if transaction.execute(delete, scope | {"guid": g}).rowcount}

    def selection(self, guid: str) -> list[str]:
        """The guids of a selection; none of an unknown one."""
        row = self._connection.execute("SELECT guids FROM selections WHERE guid = ?", (guid,))
        return cast("list[str]", json.loads((row.fetchone() or ["[]"])[0]))

    def select(self, guid: str, guids: Sequence[str]) -> None:
        """Store a selection in place of what it was."""
        with self._connection as transaction:
            transaction.execute(
                "INSERT OR REPLACE INTO selections VALUES (?, ?)", (guid, json.dumps(guids))
            )


def _bound(wanted: ListImages) -> dict[str, object]:
    return {
        "library": wanted.library.name,
        "session_id": wanted.library.session_id,
        "active": wanted.active,
        "search": wanted.search_filter.strip(),
        "guids": json.dumps(wanted.guid_filter),
        "added_from": wanted.upload_date_from and wanted.upload_date_from.first,
        "added_to": wanted.upload_date_to and wanted.upload_date_to.last,
        "limit": wanted.per_page,
        "offset": (wanted.page_number - 1) * wanted.per_page,
    }


def _bound_products(wanted: ListVirtualInventory) -> dict[str, object]:
    return {
        "search": wanted.search_filter.strip(),
        "skus": _few(wanted.sku_filter),
        "codes": _few(wanted.product_code_filter),
        "guids": json.dumps(wanted.guid_filter),
        "created_from": wanted.created_date_from and wanted.created_date_from.first,
        "created_to": wanted.created_date_to and wanted.created_date_to.last,
        "limit": wanted.per_page,
        "offset": (wanted.page_number - 1) * wanted.per_page,
    }


def _few(texts: Sequence[str]) -> str:
    """A filter as bound; one of too many texts is silently no filter, as the reference has it."""
    return json.dumps(texts if len(texts) <= _MOST_FILTERED_BY else ())


def _retitle(transaction: sqlite3.Connection, text: ImageText, now: int) -> bool:
    changed = transaction.execute(
        "UPDATE images SET title = coalesce(:title, title),"
        " description = coalesce(:description, description)"
        " WHERE guid = :guid AND (date_expires IS NULL OR date_expires > :now)",
        asdict(text) | {"now": now},
    )
    return changed.rowcount > 0


_APPLICATION_ID = 0x46575342
_MAGIC = b"SQLite format 3\0"
_APPLICATION_ID_BYTES = slice(68, 72)


def check_file(path: Path) -> None:
    """Refuse a file that the sandbox cannot use, before anything is opened.

    Raises:
        ConfigError: its folder is missing, or it holds something that is not a sandbox.
    """
    try:
        fault = _fault_of(path)
    except OSError:
        fault = "cannot be read"
    if fault:
        raise _unusable(path, fault)


def _fault_of(path: Path) -> str:
    if not path.parent.is_dir() or path.is_dir():
        return "is not in an existing folder"
    if path.exists() and not path.is_file():
        return "is not a regular file"
    # SQLite makes files of its own beside it.
    if not all(os.access(one, os.W_OK) for one in (path.parent, path) if one.exists()):
        return "cannot be written"
    if not path.exists():
        return ""
    with path.open("rb") as file:
        head = file.read(_APPLICATION_ID_BYTES.stop)
    ours = head.startswith(_MAGIC) and head[_APPLICATION_ID_BYTES] == _APPLICATION_ID.to_bytes(4)
    return "holds something else" if head and not ours else ""


def open_images(path: Path | None, *, furnish: Callable[[Images], None]) -> Images:
    """Open the tables, making them first when they are not there.

    The connection closes when the result is no longer used: an application in process has no
    lifespan that could close it. Each write is on disk when it returns.

    Args:
        path: the file, or None for memory.
        furnish: fills tables that never held an image.
    """
    connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
    images = Images(connection)
    weakref.finalize(images, connection.close)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.executescript(f"BEGIN; {SCHEMA} PRAGMA application_id = {_APPLICATION_ID}; COMMIT")
    if images.never_held_any():
        furnish(images)
    return images


def _unusable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"The sandbox file {json.dumps(str(path), ensure_ascii=False)} {why}.",
        state="Nothing was opened or changed.",
        next_step="Name a new file in a folder that can be written to, or one that a sandbox made.",
        reason=Reason.INVALID_SETTING,
    )
