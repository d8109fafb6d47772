"""A call that writes, as a value: who makes it, what it would do, and who is asked first."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

from fw_mcp.api.models import ImageDetails, Product
from fw_mcp.guard.effects import EVERY_SCOPE, Scope
from fw_mcp.guard.guard import Plan
from fw_mcp.guard.question import FieldChange, HungProduct, Target, digest, totals_of
from fw_mcp.images.account import Progress
from fw_mcp.images.products import short
from fw_mcp.text import counted
from fw_mcp.writes.chunks import Run
from fw_mcp.writes.outcomes import HOW_ASKED, Ended, Ends, Items, any_written, nothing_left

ONLY_ACCOUNT = "default"
MADE_BEFORE = "Identical to an earlier call; nothing was sent again."
REPLAYED = f"{MADE_BEFORE} This result was read back then, at most ten minutes ago."

_DOES = MappingProxyType(
    {
        "delete_images": "delete",
        "update_image_metadata": "update, removing products:",
        "undo_change": "undo:",
        "add_images": "upload",
    }
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        name: the token's; without one the transport and what the host calls itself. Plans and
            records are kept under it.
        progress: told after each chunk.
        client: what the host calls itself, where the name does not say it.
        account: the name of the account that the caller may use.
        scopes: what the caller may do there.
    """

    name: str
    progress: Progress
    client: str | None = None
    account: str = ONLY_ACCOUNT
    scopes: AbstractSet[Scope] = EVERY_SCOPE


async def all_still_so(settled: Items[Ended]) -> Items[Ended]:
    """What was done before is taken as it is on record."""
    return settled


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a call would do to the images as they were read just before.

    Attributes:
        read_at: when they were read, on the account's clock.
        would: how each item would stand afterwards, or why nothing would be sent for it.
        write: does it, in one run, and says how each item ended.
        summary: what it would do, in a sentence.
        targets: the images that would be deleted or lose products; or what becomes public.
        question: what is asked before any target goes.
        weight: how many images the operator's limits count; None for each target.
        seen: guid → a short name for the state of each image.
        still_so: of what a former run did, what still is so; the rest is done again.
        afterwards: what is left to do for a person once it is done, in a sentence.
    """

    read_at: float
    would: Ends
    write: Callable[[Run], Awaitable[Ends]]
    summary: str = ""
    targets: Sequence[Target] = ()
    question: str = ""
    weight: int | None = None
    seen: Mapping[str, str] = field(default_factory=dict)
    still_so: Callable[[Items[Ended]], Awaitable[Items[Ended]]] = all_still_so
    afterwards: str = ""


@dataclass(frozen=True)
class Operation:
    """A call that writes.

    Attributes:
        tool: the tool's name.
        arguments: plain JSON from which the call can be made again.
        identity: plain JSON, the same for calls that ask for the same, in whatever order.
        keys: what is asked for each item; equal ones stand for each other, wherever they stand.
        untouched: each item, with nothing sent for it.
        read: reads the images fresh.
        made_of: the same kind of call from other arguments.
        resumes: whether the same call sent again goes on where the first was cut off; otherwise it
            begins anew, which is safe where writing twice is the same as writing once.
        takes_over: whether it goes on with what a call that was cut off had chosen for itself.
        also: other tools whose effect it has.
        undoes: the change that it takes back.
        is_complete: whether nothing is left to do.
        is_final: whether the same call, sent again within minutes, is to get these ends.
    """

    tool: str
    arguments: Mapping[str, Any]
    identity: object
    keys: Sequence[str]
    untouched: Ends
    read: Callable[[], Awaitable[Prepared]]
    made_of: "Callable[[Mapping[str, Any]], Operation]"
    resumes: bool = False
    takes_over: bool = False
    also: tuple[str, ...] = ()
    undoes: str | None = None
    is_complete: Callable[[Ends], bool] = nothing_left
    is_final: Callable[[Ends], bool] = any_written

    @cached_property
    def digest(self) -> str:
        """A short name for what is asked for."""
        return digest(self.identity)


@dataclass(frozen=True, slots=True)
class Yes:
    """The plan is accepted.

    Attributes:
        how: the lane that the answer came on.
    """

    how: str


@dataclass(frozen=True, slots=True)
class No:
    """The plan is not accepted.

    Attributes:
        message: why, and what to do next.
        ends_plan: whether the plan is over with it.
        how: the lane that the answer came on; "" where none of them was used.
        said: the answer, in words.
    """

    message: str
    ends_plan: bool = True
    how: str = ""
    said: str = "answered no"


@dataclass(frozen=True, slots=True)
class Later:
    """The plan waits for its answer."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The host asks, and calls again with the answer; `request` goes to it untouched."""

    request: object


Answer = Yes | No | Later | Pending


class Ask(Protocol):
    """Asks a person, on whatever way there is to one."""

    @property
    def plan_id(self) -> str | None:
        """The plan that this call answers."""

    @property
    def key(self) -> str:
        """The same for calls that give the same answer."""

    @property
    def lane(self) -> str:
        """The name of the way."""

    async def __call__(self, plan: Plan) -> Answer:
        """Ask whether this plan may be carried out."""

    def way_on(self, plan: Plan) -> str:
        """What is to be done so that a plan that waits gets its answer."""


@dataclass(frozen=True, slots=True)
class Done:
    """The call was carried out.

    Attributes:
        ends: how each item ended, by its place in the call.
        complete: whether nothing is left to do.
        change_id: its name in the journal; None when nothing was sent.
        replayed: in words, how much of it an earlier call did; "" for none.
        asked: who was asked what, and the answer; "" where nobody was.
        earlier: the items that an earlier part of the same call told so already.
        found: in words, what became of items that were unknown before; "" where there were none.
        afterwards: what is left to do for a person, in a sentence.
    """

    ends: Ends
    complete: bool
    change_id: str | None = None
    replayed: str = ""
    asked: str = ""
    earlier: frozenset[int] = frozenset()
    found: str = ""
    afterwards: str = ""

    def replay(self, words: str = REPLAYED) -> "Done":
        """The same, given again."""
        return self if self.replayed else replace(self, replayed=words)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing was sent; the plan waits for its answer.

    Attributes:
        would: how each item would stand afterwards.
        message: what is to be done so that it gets one.
        asked: who has still to be asked what.
    """

    would: Ends
    plan: Plan
    message: str
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Declined:
    """Nothing was sent: the answer was not a yes.

    Attributes:
        would: how each item would have stood afterwards.
        message: why, and what to do next.
        asked: who was asked what, and the answer.
    """

    would: Ends
    message: str
    asked: str = ""


Written = Done | Waiting | Declined | Pending


def asked_about(plan: Plan, how: str, said: str) -> str:
    """Who was asked what, and how it was answered, in a line.

    Args:
        plan: what was asked about.
        how: the lane of the answer.
        said: the answer, in words.
    """
    totals = totals_of(plan.question) or counted(plan.weight, "image")
    return f"{HOW_ASKED.get(how, how)}: {_DOES.get(plan.tool, plan.tool)} {totals}; {said}"


def target_of(image: ImageDetails, changes: tuple[FieldChange, ...] = ()) -> Target:
    """The image as a target of the guard."""
    return Target(
        guid=image.guid,
        title=image.title or "",
        description=image.description or "",
        file_name=image.file_name or "",
        products=hung_products([image]),
        changes=changes,
    )


def hung_products(images: Iterable[ImageDetails]) -> tuple[HungProduct, ...]:
    """The products made from images, as questions name them."""
    return tuple(_hung(product, image.title or "") for image in images for product in image.hung)


def _hung(product: Product, title: str) -> HungProduct:
    known = short(product, title)
    return HungProduct(
        sku=product.sku or "",
        name=product.name or "",
        shops=product.shops,
        kind=known.kind,
        size=known.size,
        called=known.name,
        asking_price=known.asking_price,
        currency=known.currency,
    )
