"""The library as the sandbox's own API gives it: what it holds, and what became of it."""

import asyncio
import hashlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

SESSION_ID = "0000000000000000000000000000e7a1"
"""The session whose temporary images a task can see."""

_PER_PAGE = 50
_AT_ONCE = 5
_LIBRARIES = ("inventory", "temporary")
_NOWHERE = {0, None, ""}
_URIS = ("public_thumbnail_uri", "public_preview_uri", "private_hires_uri")
_NOT_ITS_OWN = ("FW_", "FINER", "PYTHONPATH")
_Json = dict[str, Any]


@dataclass(frozen=True)
class Image:
    """A record, with its products as the API gives them.

    Attributes:
        uris: its addresses, by the API's names.
        content: a digest of its print master, where the sandbox keeps it.
    """

    guid: str
    title: str
    description: str
    file_name: str
    file_size: int
    pix_w: int
    pix_h: int
    active: bool
    library: str
    products: Sequence[_Json]
    uris: Mapping[str, str] = field(default_factory=dict)
    content: str = ""

    @property
    def record(self) -> _Json:
        """What was registered."""
        names = ("title", "description", "file_name", "file_size", "pix_w", "pix_h", "library")
        own = {name: getattr(self, name) for name in (*names, "content")}
        return own | dict(self.uris)

    def prints(self, inches_w: int, inches_h: int, ppi: int) -> bool:
        """Whether it fills this size at so many pixels an inch, either way up."""
        short, long = sorted((self.pix_w, self.pix_h))
        near, far = sorted((inches_w, inches_h))
        return short >= near * ppi and long >= far * ppi

    @property
    def shops(self) -> set[str]:
        """Where its products are live."""
        shops: set[str] = set()
        for product in self.products:
            ids = product["third_party_integrations"] or {}
            shops |= {name.split("_")[0] for name, value in ids.items() if value not in _NOWHERE}
        return shops


@dataclass(frozen=True)
class Library:
    """Everything that is there at one moment, oldest first.

    Attributes:
        former: the images that were there before an earlier chat.
    """

    images: tuple[Image, ...]
    selections: Mapping[str, frozenset[str]] = field(default_factory=dict)
    former: tuple[Image, ...] = ()

    def of(self, *file_names: str) -> list[str]:
        """The guids of these files, in this order."""
        by_name = {image.file_name: image.guid for image in self.images}
        return [by_name[name] for name in file_names]

    def named(self, file_name: str) -> Image:
        """The image of this file."""
        return next(image for image in self.images if image.file_name == file_name)

    def titled(self, phrase: str) -> list[Image]:
        """The images of the inventory that have this in the title."""
        return [image for image in self.inventory if phrase.lower() in image.title.lower()]

    @property
    def inventory(self) -> list[Image]:
        """The images of the permanent library."""
        return [image for image in self.images if image.library == "inventory"]

    @property
    def temporary(self) -> list[Image]:
        """The temporary images of the session."""
        return [image for image in self.images if image.library == "temporary"]

    @property
    def products(self) -> list[_Json]:
        """Every product."""
        return [product for image in self.images for product in image.products]


@dataclass(frozen=True)
class Effects:
    """What became of a library.

    Attributes:
        deleted: guids that went.
        texts: the title and the description that images now have, by guid.
        lost: guids of images that stayed and lost products, or have others in their place.
        altered: guids of images that stayed, of which something else changed than their texts.
        added: the record of each image that came, or what it must have.
        selections: what selections hold that changed, by key.
    """

    deleted: frozenset[str] = frozenset()
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    altered: frozenset[str] = frozenset()
    added: tuple[_Json, ...] = ()
    selections: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def beyond(self, allowed: "Effects") -> list[str]:
        """What became that was not allowed, in words."""
        texts = {guid for guid, text in self.texts.items() if allowed.texts.get(guid) != text}
        added = list(self.added)
        for wanted in allowed.added:
            like = next((image for image in added if _alike(image, wanted)), None)
            if like is not None:
                added.remove(like)
        kept = {key for key, held in self.selections.items() if allowed.selections.get(key) != held}
        return [
            f"{len(what)} {name}"
            for name, what in (
                ("deleted", self.deleted - allowed.deleted),
                ("changed", texts),
                ("lost their products", self.lost - allowed.lost),
                ("altered", self.altered - allowed.altered),
                ("added", added),
                ("selections changed", kept),
            )
            if what
        ]


def effects(before: Library, after: Library) -> Effects:
    """What became of a library between two readings."""
    was = {image.guid: image for image in before.images}
    now = {image.guid: image for image in after.images}
    kept = was.keys() & now.keys()
    return Effects(
        deleted=frozenset(was.keys() - now.keys()),
        texts={guid: _texts(now[guid]) for guid in kept if _texts(was[guid]) != _texts(now[guid])},
        lost=frozenset(g for g in kept if _offers(was[g]) - _offers(now[g])),
        altered=frozenset(g for g in kept if _else(was[g]) != _else(now[g])),
        added=tuple(image.record for image in after.images if image.guid not in was),
        selections={
            key: after.selections[key]
            for key, held in before.selections.items()
            if after.selections[key] != held
        },
    )


def _alike(one: _Json, other: _Json) -> bool:
    """Whether two records agree in all that both of them tell."""
    return all(one[name] == other[name] for name in one.keys() & other.keys())


def _texts(image: Image) -> tuple[str, str]:
    return image.title, image.description


def _else(image: Image) -> Image:
    return replace(image, title="", description="", products=())


def _offers(image: Image) -> set[str]:
    return {json.dumps(product, sort_keys=True) for product in image.products}


@dataclass
class Sandbox:
    """The sandbox, over HTTP."""

    base_url: str
    keys: Mapping[str, str]
    http: httpx.AsyncClient
    session_id: str = SESSION_ID

    async def read(self, *selections: str) -> Library:
        """Read everything, and these selections."""
        images = [image for name in _LIBRARIES for image in await self._images(name)]
        held = {key: frozenset(await self._selection(key)) for key in selections}
        return Library(tuple(images), held)

    async def add(self, images: Sequence[_Json], library: str = "inventory") -> None:
        """Register images."""
        for first in range(0, len(images), _AT_ONCE):
            sent = {"images": images[first : first + _AT_ONCE], "library": self._library(library)}
            await self._call("POST", "add_images", sent)

    async def select(self, key: str, guids: Sequence[str]) -> None:
        """Store a selection."""
        await self._call("PUT", "update_file_selection", {"guid": key, "guids": list(guids)})

    async def break_next(self, fault: Mapping[str, object]) -> None:
        """Plan a fault."""
        answer = await self.http.post(f"{self.base_url}/_sandbox/faults", json=dict(fault))
        answer.raise_for_status()

    async def mend(self) -> None:
        """Forget the faults that did not come."""
        await self.http.delete(f"{self.base_url}/_sandbox/faults")

    async def _images(self, library: str) -> list[Image]:
        images: list[Image] = []
        number, count = 1, 1
        while len(images) < count:
            wanted = {
                "library": self._library(library),
                "page_number": number,
                "per_page": _PER_PAGE,
                "sort_direction": "ASC",
                "list_products": True,
            }
            page = await self._call("POST", "list_images", wanted)
            images += [
                _image(row, library, await self._content(row["private_hires_uri"]))
                for row in page["images"]
            ]
            number, count = number + 1, page["count"]
        return images

    async def _content(self, uri: str) -> str:
        if not uri.startswith(f"{self.base_url}/uploads/"):
            return ""
        answer = await self.http.get(uri)
        return digest(answer.content)

    async def _selection(self, key: str) -> list[str]:
        answer = await self._call("GET", f"list_file_selection?guid={key}")
        return list(answer["guids"])

    def _library(self, name: str) -> dict[str, object]:
        return {"name": name, "session_id": self.session_id, "site_id": 2}

    async def _call(self, verb: str, path: str, body: _Json | None = None) -> _Json:
        url = f"{self.base_url}/v3/{path}"
        answer = await self.http.request(verb, url, json=body, headers=dict(self.keys))
        answer.raise_for_status()
        members: _Json = answer.json()
        return members


def digest(content: bytes) -> str:
    """What tells one file from another."""
    return hashlib.sha256(content).hexdigest()


def _image(row: _Json, library: str, content: str) -> Image:
    return Image(
        guid=row["guid"],
        title=row["title"] or "",
        description=row["description"] or "",
        file_name=row["file_name"],
        file_size=row["file_size"],
        pix_w=row["pix_w"],
        pix_h=row["pix_h"],
        active=row["active"],
        library=library,
        products=row["products"] or [],
        uris={name: row[name] for name in _URIS},
        content=content,
    )


def surroundings() -> dict[str, str]:
    """The environment without settings of the package, and without what plays with a model."""
    return {name: v for name, v in os.environ.items() if not name.startswith(_NOT_ITS_OWN)}


@asynccontextmanager
async def sandbox() -> AsyncIterator[Sandbox]:
    """A fresh sandbox in a process of its own, with the keys that it tells.

    Raises:
        RuntimeError: it did not start, and what it said.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fw_mcp", "sandbox", "--port", "0", "--faults"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=surroundings(),
    )
    try:
        where, keys, said = "", dict[str, str](), ""
        while not (where and keys) and process.stdout and (line := await process.stdout.readline()):
            said += line.decode()
            found = re.search(r"http://127\.0\.0\.1:\d+", said)
            where = found.group() if found else ""
            keys = dict(re.findall(r"(web_api_key|app_key) ([0-9a-f-]{36})", said))
        if not (where and keys):
            raise RuntimeError(f"The sandbox did not start: {said}")
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            yield Sandbox(where, keys, http)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
