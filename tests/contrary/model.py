"""A plain model of what was asked, and what must hold whatever the service does.

It knows arguments, answers of the person, and what the service holds; of the server it knows what
its results say.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.contrary.service import Service
from tests.support.truth import stored_in

Row = Mapping[str, Any]

_GONE = {"deleted", "already_gone", "not_found"}
_UNTOUCHED = {"failed", "not_attempted", "skipped"}
# Work that neither lists an image, nor takes it, nor rewrites its text.
_NO_IMAGES = {"products", "update_file_selection"}
_WAS = re.compile(r"it was ([0-9a-f-]{36})\.")
_LONGEST_DESCRIPTION = 300


@dataclass(frozen=True)
class Asked:
    """One call, and what it is about.

    Attributes:
        guids: the images that it may rewrite, delete or select.
        texts: guid → the title and the description that it shall have.
        masters: the print masters that it may add, in the order of the call.
        removes: whether it deletes.
        undoes: the call that it takes back.
        first: the images that were there when it was made for the first time.
        before: what the service held when it was made.
        selections: the selections that the service held then.
        alone: whether no other call was made at the same time.
    """

    tool: str
    arguments: dict[str, Any]
    guids: tuple[str, ...] = ()
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    masters: tuple[str, ...] = ()
    removes: bool = False
    undoes: "Asked | None" = None
    first: frozenset[str] | None = None
    before: Mapping[str, Row] = field(default_factory=dict)
    selections: Mapping[str, Sequence[str]] = field(default_factory=dict)
    alone: bool = True

    def meets(self, other: "Asked") -> bool:
        """Whether they are about the same images: what one says the other may have overtaken."""
        undo = self.undoes or other.undoes
        both_select = self.tool == other.tool == "set_selection"
        return bool(undo or both_select or self.about() & other.about())

    def about(self) -> set[str]:
        """The images and the files that it names."""
        here = {guid for guid in self.guids if guid in self.before}
        return {*self.guids, *self.masters, *(self.before[guid]["master"] for guid in here)}


class Model:
    """What was asked and agreed to so far.

    Attributes:
        wanted: print master → how many images of it there may be.
    """

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self.wanted: Counter[str] = Counter()
        self._service = service
        self._clock = clock
        self._agreed: set[tuple[str, str]] = set()
        self._may_go: list[Asked] = []

    def made_by(self, adding: Asked) -> tuple[str, ...]:
        """The images of what a call added, and that were not there before it."""
        masters = self._service.masters
        return tuple(
            guid
            for guid, master in masters.items()
            if master in adding.masters and guid not in (adding.first or ())
        )

    def agree(self, calls: Iterable[Asked]) -> None:
        """A person said yes to each."""
        for asked in calls:
            for guid in asked.guids:
                held = {one["sku"] for one in asked.before.get(guid, {}).get("products", ())}
                self._agreed |= {(guid, sku) for sku in held}
                if guid in self._service.images:
                    self._agreed |= {(guid, sku) for sku in self._service.skus(guid)}
                self._agreed |= {(guid, "")} if asked.removes else set()
            if asked.removes and asked.undoes:
                self._may_go.append(asked.undoes)

    def check_holdings(self) -> None:
        """Nothing destroyed without a yes, nothing twice, nothing sent too soon."""
        late = {(guid, "") for one in self._may_go for guid in self.made_by(one)}
        gone = self._service.destroyed - self._agreed - late
        assert not gone, gone
        assert self._service.too_soon == []
        held = Counter(one["master"] for one in self._service.images.values())
        more = {
            master: count for master, count in held.items() if count > max(1, self.wanted[master])
        }
        assert more == {}, "listed more often than asked for"

    def check_rows(self, asked: Asked, content: Row) -> None:
        """No row claims what the service does not hold, nor that it does not hold what it does."""
        if asked.tool == "search_images" or content["status"] in {"declined", "dry_run"}:
            return
        if asked.tool == "set_selection":
            self._check_selection(asked, content)
            return
        if content["status"] == "confirmation_required":
            return
        is_new = not content.get("replayed") and "continue_handle" not in asked.arguments
        for place, row in enumerate(content["images"]):
            # What needs a look comes first, and a continued call tells its own part alone.
            item = row.get("index", place)
            outcome, guid = row["outcome"], row.get("guid")
            if outcome in _GONE:
                assert guid not in self._service.images, row
            elif outcome in {"created", "adopted"}:
                self._check_there(asked, item, row)
                assert outcome == "adopted" or not is_new or guid not in asked.before, row
            elif outcome == "updated":
                self._check_updated(asked, row)
                if is_new and guid in asked.before:
                    self._check_products_told(asked.before[guid], row)
            elif outcome in _UNTOUCHED:
                self._check_untouched(asked, item, row)

    def _check_selection(self, asked: Asked, content: Row) -> None:
        held = self._service.selections.get(content["selection_guid"], [])
        if content["outcome"] == "updated":
            assert set(stored_in(content)) == set(held), (content, held)
            assert set(held) >= {guid for guid in asked.guids if guid in asked.before}, content
        elif content["outcome"] in _UNTOUCHED:
            assert set(held) != set(asked.guids) or held == asked.selections.get(
                content["selection_guid"]
            ), content

    def _check_there(self, asked: Asked, item: int, row: Row) -> None:
        guid = row["guid"]
        assert guid in self._service.images, row
        if asked.masters:
            assert self._service.images[guid]["master"] == asked.masters[item], row
        if asked.undoes is not None:
            was = _WAS.search(row.get("detail", ""))
            if was and was[1] in asked.undoes.before and asked.undoes.alone:
                self._check_given_back(guid, asked.undoes.before[was[1]], row)

    def _check_given_back(self, guid: str, before: Row, row: Row) -> None:
        """An image that was deleted is there again, as far as the service keeps it."""
        now = self._service.images[guid]
        assert now["master"] == before["private_hires_uri"], row
        # What a service lists in the inventory, too, is kept for good.
        kept = self._service.ways.ignores_library and not now["temporary"]
        assert kept or now["temporary"] == before["temporary"], row
        if (self._service.ways.odd or "")[:1] not in {("title",), ("description",)}:
            sent = before["title"], before["description"][:_LONGEST_DESCRIPTION]
            assert self._service.text_of(guid) == self._stored(sent), row

    def _stored(self, text: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(self._service.stored_text, text))

    def _check_updated(self, asked: Asked, row: Row) -> None:
        guid = row["guid"]
        if asked.undoes is not None and asked.undoes.tool == "set_selection":
            held = set(self._service.selections[guid])
            former = set(asked.undoes.selections.get(guid, ())) & set(asked.before)
            alone = asked.undoes.alone and not self._service.ways.merges
            assert held == former or not alone, (row, held, former)
            return
        assert guid in self._service.images, row
        text = self._service.text_of(guid)
        if guid in asked.texts:
            assert text == self._stored(asked.texts[guid]), (row, text)
        if asked.undoes is not None and asked.undoes.alone:
            before = asked.undoes.before[guid]
            assert text == self._stored((before["title"], before["description"])), (row, text)

    def _check_products_told(self, before: Row, row: Row) -> None:
        """The products that went, or are about to, are told."""
        service = self._service
        left = service.skus(row["guid"])
        for one in service.pending:
            if one.endpoint == "products" and one.body["guid"] == row["guid"]:
                left -= one.body["skus"]
        lost = {one["sku"] for one in before["products"]} - left
        told = {one["sku"] for one in row.get("products_removed", ())}
        odd = (service.ways.odd or "")[:1] in {("products",), ("sku",)}
        detail = row.get("detail", "")
        announced = "may remove them" in detail or "which of its products are left" in detail
        assert lost <= told or announced or odd, (lost, row)

    def _check_untouched(self, asked: Asked, item: int, row: Row) -> None:
        guid = row.get("guid")
        # What an earlier call may still do, that one told.
        coming = [
            one.body
            for one in self._service.pending
            if set(one.body.get("guids", asked.guids)) == set(asked.guids)
            and one.endpoint not in _NO_IMAGES
        ]
        if asked.masters:
            master = asked.masters[item]
            there = [one for one, held in asked.before.items() if held["master"] == master]
            assert len(self._service.of_file(master)) <= len(there), row
            assert master not in str(coming) or row["outcome"] == "not_attempted", row
        elif guid in asked.before and guid:
            assert guid in self._service.images, row
            is_left = not any(self._changes(guid, body) for body in coming)
            assert is_left or row["outcome"] == "not_attempted", row
            if row["outcome"] == "failed" and not asked.removes:
                before = asked.before[guid]
                text = before["title"], before["description"]
                assert self._service.text_of(guid) == text, row

    def _changes(self, guid: str, body: Row) -> bool:
        """Whether a request that is still carried out takes the image, or its text as it is."""
        sent = next((one for one in body.get("images", ()) if one.get("guid") == guid), None)
        if sent is None:
            return guid in body.get("guids", ())
        return self._stored((sent["title"], sent["description"])) != self._service.text_of(guid)
