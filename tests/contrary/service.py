"""A second stand-in of the FinerWorks API: plain dicts, and switches for how a service may differ.

It shares no code with the client or the sandbox, and is the judge of its own: it knows what it
holds, what may still be carried out, and which requests came too soon.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit, urlunsplit

import httpx

Record = dict[str, Any]

NO_ANSWER = frozenset({"timeout", "dropped", 408, 502, 503, 504})
"""Ends after which the work may still be done for a minute."""
MAY_STILL_COMMIT_S = 60.0
WAITS_S = 30.0

TEXTS: Mapping[str, Callable[[str], str]] = {
    "as_sent": lambda text: text,
    "entities": lambda text: text.replace("&", "&amp;"),
    "trimmed": str.strip,
    "cut": lambda text: text[:100],
    "composed": lambda text: unicodedata.normalize("NFC", text),
    "line_feeds": lambda text: text.replace("\r\n", "\n"),
    "capitals": str.upper,
    "no_emoji": lambda text: re.sub("[\U00010000-\U0010ffff]", "?", text),
}
URLS: Mapping[str, Callable[[str], str]] = {
    "as_sent": lambda url: url,
    "escaped": lambda url: url.replace("~", "%7E"),
    "host_case": lambda url: urlunsplit(
        urlsplit(url)._replace(netloc=urlsplit(url).netloc.lower())
    ),
}
NAMES: Mapping[str, Callable[[str], str]] = {
    "as_sent": lambda name: name,
    "lower": str.lower,
    "underscored": lambda name: name.replace(" ", "_"),
    "numbered": lambda name: f"1000_{name}",
}


@dataclass(frozen=True)
class Ways:
    """How a service differs from CONTRACT.md; as it stands, not at all.

    Attributes:
        text: what is done to titles and descriptions, by the names of `TEXTS`.
        url: what is done to addresses, by the names of `URLS`.
        name: what is done to file names, by the names of `NAMES`.
        bits: `file_size` comes back eight times as large.
        turned: width and height come back the other way round.
        upper_guids: guids come back in upper case.
        terse: an add answers `id` and `guid` alone.
        lag_s: endpoint → how old what it lists is, in seconds.
        hidden_s: how long an image is missing from lists after its update, in seconds.
        most_a_page: rows on a page, whatever is asked.
        count: how the total is told.
        twice: a page lists its first row again at its end.
        null_products: none are told as null.
        odd: a field and the value that every second record has in it; `sku` is one of products.
        products_go: when products go after an update; `more` takes one of another image, too.
        ignores_library: lists hold everything; only `inventory` shows products.
        knows_files: a file that is held is answered with the image that is there.
        merges: a selection keeps what it held.
    """

    text: str = "as_sent"
    url: str = "as_sent"
    name: str = "as_sent"
    bits: bool = False
    turned: bool = False
    upper_guids: bool = False
    terse: bool = False
    lag_s: Mapping[str, float] = field(default_factory=dict)
    hidden_s: float = 0.0
    most_a_page: int = 50
    count: Literal["exact", "low", "high", "zero", "negative", "text"] = "exact"
    twice: bool = False
    null_products: bool = False
    odd: tuple[str, object] | None = None
    products_go: Literal["at_once", "later", "never", "more"] = "at_once"
    ignores_library: bool = False
    knows_files: bool = False
    merges: bool = False


@dataclass(frozen=True)
class Ending:
    """How a write ends.

    Attributes:
        how: an HTTP status, or what comes instead of a whole answer.
        commits: whether the work is done.
        late_s: seconds after which it is done; 0 before the answer.
    """

    how: int | Literal["yes", "timeout", "dropped", "rejected", "html", "model_state"] = "yes"
    commits: bool = True
    late_s: float = 0.0


class Time(Protocol):
    """The time, which a request that waits lets pass."""

    def __call__(self) -> float:
        """Seconds."""

    def forward(self, seconds: float) -> None:
        """Let time pass."""


@dataclass(frozen=True)
class Pending:
    """Work that is still to be done."""

    at: float
    endpoint: str
    body: Mapping[str, Any]
    work: Callable[[], object]


class Service(httpx.AsyncBaseTransport):
    """The service.

    Args:
        clock: its time.
        ways: how it differs.

    Attributes:
        images: what it holds, by guid in lower case, as stored.
        selections: key → guids.
        endings: how the next writes end, first to last; after them each is a yes.
        pending: what is still to be done.
        destroyed: guid and product of all that went; an image that went has the product "".
        masters: guid → print master of all that ever were there.
        too_soon: print masters that were sent again while an earlier request might still add them.
    """

    def __init__(self, clock: Time, ways: Ways | None = None) -> None:
        self.ways = ways or Ways()
        self.images: dict[str, Record] = {}
        self.selections: dict[str, list[str]] = {}
        self.endings: list[Ending] = []
        self.pending: list[Pending] = []
        self.destroyed: set[tuple[str, str]] = set()
        self.too_soon: list[str] = []
        self.masters: dict[str, str] = {}
        self._clock = clock
        self._doubted: dict[str, float] = {}
        self._numbers = 0
        self._past: list[tuple[float, dict[str, Record], dict[str, list[str]]]] = []
        self._hidden: dict[str, float] = {}
        self._working_at: float | None = None
        self._remember(float("-inf"))

    def lay(self, title: str, *, products: Sequence[str] = (), temporary: bool = False) -> str:
        """Put an image there, as if it had been there for long."""
        self._numbers += 1
        name = f"old {self._numbers}.jpg"
        record = _record(self._numbers, name, title)
        record["temporary"] = temporary
        record["products"] = [_product(sku) for sku in products]
        self.images[record["guid"]] = record
        self.masters[record["guid"]] = record["master"]
        self._past.clear()
        self._remember(float("-inf"))
        return str(record["guid"])

    def hang(self, guid: str, sku: str) -> None:
        """Somebody makes a product of an image."""
        self.catch_up()
        self.images[guid]["products"].append(_product(sku))
        self._remember(self._clock())

    def hide(self, guid: str) -> None:
        """Leave an image out of lists for as long as after an update."""
        self._hidden[guid] = self._now() + self.ways.hidden_s

    def catch_up(self) -> None:
        """Do what is due by now."""
        for one in sorted(self.pending, key=lambda one: one.at):
            if one.at <= self._clock():
                self.pending.remove(one)
                self._working_at = one.at
                one.work()
                self._working_at = None
                self._remember(one.at)

    def _now(self) -> float:
        """When the work that is being done was due."""
        return self._clock() if self._working_at is None else self._working_at

    def text_of(self, guid: str) -> tuple[str, str]:
        """Title and description, as stored."""
        return self.images[guid]["title"], self.images[guid]["description"]

    def skus(self, guid: str) -> set[str]:
        """The products of an image."""
        return {one["sku"] for one in self.images[guid]["products"]}

    def of_file(self, master: str) -> list[str]:
        """The guids of the images of a print master, as it was sent."""
        return [guid for guid, one in self.images.items() if one["master"] == master]

    def stored_text(self, text: str) -> str:
        """What is kept of a text."""
        return TEXTS[self.ways.text](text)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.catch_up()
        endpoint = request.url.path.rpartition("/")[2]
        body = json.loads(request.content) if request.content else dict(request.url.params)
        if endpoint in self._writes:
            return self._written(endpoint, body)
        return _answer(200, self._reads[endpoint](self, body))

    def _written(self, endpoint: str, body: Mapping[str, Any]) -> httpx.Response:
        ending = self.endings.pop(0) if self.endings else Ending()
        self._note(endpoint, body, ending)
        work = partial(self._writes[endpoint], self, body)
        done: Mapping[str, Any] = {}
        if ending.commits and ending.late_s:
            self.pending.append(Pending(self._clock() + ending.late_s, endpoint, body, work))
        elif ending.commits:
            done = work()
            self._remember(self._clock())
        return self._ended(endpoint, ending, done)

    def _ended(self, endpoint: str, ending: Ending, done: Mapping[str, Any]) -> httpx.Response:
        match ending.how:
            case "yes":
                return _answer(201 if endpoint == "add_images" else 200, done)
            case "timeout":
                self._clock.forward(WAITS_S)
                raise httpx.ReadTimeout("no answer")
            case "dropped":
                raise httpx.ReadError("dropped")
            case "rejected":
                return httpx.Response(200, json={"status": {"success": False, "message": "No."}})
            case "html":
                return httpx.Response(200, html="<html>Please wait</html>")
            case "model_state":
                fault = {"Message": "The request is invalid.", "ModelState": {"images": ["Bad."]}}
                return httpx.Response(400, json=fault)
            case status:
                headers = {"Retry-After": "2"} if status == httpx.codes.TOO_MANY_REQUESTS else {}
                return httpx.Response(status, html="<html>Sorry</html>", headers=headers)

    def _note(self, endpoint: str, body: Mapping[str, Any], ending: Ending) -> None:
        if endpoint != "add_images":
            return
        now = self._clock()
        for image in body["images"]:
            master = image["private_hires_uri"]
            if now < self._doubted.get(master, now):
                self.too_soon.append(master)
            if ending.how in NO_ANSWER:
                self._doubted[master] = now + MAY_STILL_COMMIT_S

    def _remember(self, at: float) -> None:
        self._past.append((at, deepcopy(self.images), deepcopy(self.selections)))

    def _seen(self, endpoint: str) -> tuple[dict[str, Record], dict[str, list[str]]]:
        moment = self._clock() - self.ways.lag_s.get(endpoint, 0.0)
        return next((one[1], one[2]) for one in reversed(self._past) if one[0] <= moment)

    def _list(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        ways = self.ways
        name = body["library"]["name"]
        wanted = [guid.lower() for guid in body.get("guid_filter") or ()]
        text = (body.get("search_filter") or "").lower()
        now = self._clock()
        rows = [
            one
            for guid, one in self._seen("list_images")[0].items()
            if (not wanted or guid in wanted)
            and (ways.ignores_library or one["temporary"] == (name == "temporary"))
            and text in f"{one['title']} {one['description']}".lower()
            and self._hidden.get(guid, now) <= now
        ]
        rows.sort(key=lambda one: int(one["id"]), reverse=body.get("sort_direction") != "ASC")
        shows = bool(body.get("list_products")) and name == "inventory"
        return self._page(body, [self._told(one, products=shows) for one in rows], "images")

    def _list_products(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        ways = self.ways
        wanted = [guid.lower() for guid in body.get("guid_filter") or ()]
        rows = [
            {**one, "id": number, "image_guid": guid.upper() if ways.upper_guids else guid}
            for guid, image in self._seen("list_virtual_inventory")[0].items()
            if not wanted or guid in wanted
            for number, one in enumerate(image["products"], image["id"] * 1_000)
        ]
        if ways.odd is not None:
            name, value = ways.odd
            rows = [{**one, name: value} if place % 2 else one for place, one in enumerate(rows)]
        return self._page(body, rows, "products")

    def _page(
        self, body: Mapping[str, Any], rows: Sequence[Record], what: str
    ) -> Mapping[str, Any]:
        """A page of rows, as long and as counted as this service does it."""
        ways = self.ways
        size = min(int(body.get("per_page") or 10), ways.most_a_page)
        start = (int(body.get("page_number") or 1) - 1) * size
        page = list(rows[start : start + size])
        if ways.twice:
            page += page[:1]
        counts = {
            "exact": len(rows),
            "low": len(rows) // 2,
            "high": len(rows) + 3,
            "zero": 0,
            "negative": -1,
            "text": f"{len(rows)} rows",
        }
        return {what: page, "count": counts[ways.count], "per_page": len(page)}

    def _told(self, record: Record, *, products: bool) -> Record:
        ways = self.ways
        told = {
            name: value for name, value in record.items() if name not in {"master", "temporary"}
        }
        told["products"] = deepcopy(record["products"]) if products else None
        if products and ways.null_products and not record["products"]:
            told["products"] = None
        if ways.upper_guids:
            told["guid"] = str(told["guid"]).upper()
        if ways.bits:
            told["file_size"] = record["file_size"] * 8
        if ways.turned:
            told["pix_w"], told["pix_h"] = record["pix_h"], record["pix_w"]
        if ways.odd is not None and record["id"] % 2:
            name, value = ways.odd
            if name != "sku":
                told[name] = value
            for product in told["products"] if name == "sku" and told["products"] else ():
                product["sku"] = value
        return told

    def _add(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        told = []
        for image in body["images"]:
            master = image["private_hires_uri"]
            if master in self._doubted:
                # It is done, and shows.
                self._doubted[master] = self._now() + self.ways.lag_s.get("list_images", 0.0)
            held = self.of_file(image["private_hires_uri"]) if self.ways.knows_files else []
            if held:
                record = self.images[held[0]]
            else:
                record = self._registered(image)
                record["temporary"] = body["library"]["name"] == "temporary"
            whole = self._told(record, products=False)
            brief = {"id": whole["id"], "guid": whole["guid"]}
            told.append(brief if self.ways.terse else whole)
        return {"images": told}

    def _registered(self, image: Mapping[str, Any]) -> Record:
        self._numbers += 1
        record = _record(self._numbers, image["file_name"], "")
        record |= {name: value for name, value in image.items() if name in record}
        record["master"] = image["private_hires_uri"]
        record["title"] = self.stored_text(image["title"] or image["file_name"])
        record["description"] = self.stored_text(image["description"] or "")
        record["file_name"] = NAMES[self.ways.name](image["file_name"])
        for name in ("public_thumbnail_uri", "public_preview_uri", "private_hires_uri"):
            record[name] = URLS[self.ways.url](image[name])
        self.images[record["guid"]] = record
        self.masters[record["guid"]] = record["master"]
        return record

    def _update(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        for image in body["images"]:
            guid = image["guid"].lower()
            if guid not in self.images:
                continue
            record = self.images[guid]
            record["title"] = self.stored_text(image["title"] or "")
            record["description"] = self.stored_text(image["description"] or "")
            self.hide(guid)
            if self.ways.products_go == "later":
                skus = self.skus(guid)
                strip, body = partial(self._strip, guid, skus), {"guid": guid, "skus": skus}
                self.pending.append(Pending(self._now() + 2.0, "products", body, strip))
            elif self.ways.products_go != "never":
                self._strip(guid, self.skus(guid))
            if self.ways.products_go == "more":
                self._take_another(guid)
        return {}

    def _take_another(self, guid: str) -> None:
        others = (one for other, one in self.images.items() if other != guid and one["products"])
        if (other := next(others, None)) is not None:
            other["products"] = other["products"][1:]

    def _strip(self, guid: str, skus: set[str]) -> None:
        if guid in self.images:
            self.destroyed |= {(guid, sku) for sku in skus}
            kept = [one for one in self.images[guid]["products"] if one["sku"] not in skus]
            self.images[guid]["products"] = kept

    def _delete(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        for guid in (one.lower() for one in body["guids"]):
            in_it = self.images.get(guid, {}).get("temporary") == (
                body["library"]["name"] == "temporary"
            )
            if guid in self.images and (in_it or self.ways.ignores_library):
                self.destroyed |= {(guid, sku) for sku in {"", *self.skus(guid)}}
                del self.images[guid]
        return {}

    def _select(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        held = self.selections.get(body["guid"], []) if self.ways.merges else []
        self.selections[body["guid"]] = list(dict.fromkeys([*held, *body["guids"]]))
        return {"guids": self.selections[body["guid"]]}

    def _selected(self, query: Mapping[str, Any]) -> Mapping[str, Any]:
        stored = self._seen("list_file_selection")[1].get(query["guid"], [])
        return {"guids": [one.upper() if self.ways.upper_guids else one for one in stored]}

    def _credentials(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"user_account": {"account_username": "seller", **dict.fromkeys(body)}}

    _writes: Mapping[str, Callable[["Service", Mapping[str, Any]], Mapping[str, Any]]] = {
        "add_images": _add,
        "update_images": _update,
        "delete_images": _delete,
        "update_file_selection": _select,
    }
    _reads: Mapping[str, Callable[["Service", Mapping[str, Any]], Mapping[str, Any]]] = {
        "list_images": _list,
        "list_virtual_inventory": _list_products,
        "list_file_selection": _selected,
        "test_my_credentials": _credentials,
    }


def _answer(status_code: int, members: Mapping[str, Any]) -> httpx.Response:
    status = {"success": True, "status_code": status_code, "message": "OK"}
    return httpx.Response(status_code, json={"status": status, **members})


def _record(number: int, name: str, title: str) -> Record:
    return {
        "id": number,
        "guid": f"00000000-0000-4000-8000-{number + 0xABC000000000:012x}",
        "title": title,
        "description": "",
        "file_name": name,
        "file_size": 1_000 + number,
        "thumbnail_file_name": name,
        "preview_file_name": name,
        "hires_file_name": name,
        "public_thumbnail_uri": f"https://files.example/t/~old{number}.jpg",
        "public_preview_uri": f"https://files.example/p/~old{number}.jpg",
        "private_hires_uri": f"https://files.example/m/~old{number}.jpg",
        "pix_w": 3_000 + number,
        "pix_h": 2_000,
        "date_added": "2026-01-05T10:00:00.1234567-06:00",
        "active": True,
        "products": [],
        "temporary": False,
        "master": f"https://files.example/m/~old{number}.jpg",
    }


def _product(sku: str) -> Record:
    return {"sku": sku, "name": f"Print {sku}", "product_guid": None}
