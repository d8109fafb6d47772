"""Requests carried out, with the faults that lie in what the library then holds or shows."""

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from fw_mcp.sandbox.endpoints import ENDPOINTS, Context, Endpoint, Outcome
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.sandbox.keys import SANDBOX_SESSION_ID
from fw_mcp.sandbox.requests import AddImages, ImageLibrary, LibraryName, ListImages, NewImage

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_SECOND = 1_000_000
_INVENTORY = ImageLibrary(LibraryName.INVENTORY, SANDBOX_SESSION_ID, 2)
_ITEMS = ("images", "guids")
_ADD_IMAGES = next(endpoint for endpoint in ENDPOINTS if endpoint.name == "add_images")
_THEIRS = NewImage(
    file_name="somebody-else.jpg",
    private_hires_uri="https://images.example.com/somebody-else.jpg",
    pix_w=3000,
    pix_h=2000,
    title="Someone else's",
)


def carry_out(
    endpoint: Endpoint, context: Context, wanted: "DataclassInstance", fault: Fault | None
) -> Outcome:
    """What the endpoint gives, after what the fault does to the work.

    Args:
        endpoint: that was called.
        context: of the call.
        wanted: the bound request.
        fault: of the call, if any.
    """
    if fault is None:
        return endpoint.carry_out(context, wanted)
    altered = fault.kind is FaultKind.ALTERED_NAMES
    outcome = endpoint.carry_out(
        replace(context, names_altered=altered), _first_of(wanted, fault.commit_first)
    )
    _aftermath(endpoint, context, wanted, fault, outcome)
    return outcome


def _aftermath(
    endpoint: Endpoint,
    context: Context,
    wanted: "DataclassInstance",
    fault: Fault,
    outcome: Outcome,
) -> None:
    library = getattr(wanted, "library", _INVENTORY)
    match fault.kind:
        case FaultKind.LISTED_LATE if endpoint is _ADD_IMAGES:
            until = context.now + int(fault.seconds * _SECOND)
            context.unlisted.add(_guids(outcome), lists=fault.lists, until=until)
        case FaultKind.SOMEBODY_ADDS:
            _somebody_adds(context, library)
        case FaultKind.SOMEBODY_DELETES:
            _somebody_deletes(context, library)
        case _:
            pass


def _somebody_adds(context: Context, library: ImageLibrary) -> None:
    _ADD_IMAGES.carry_out(context, AddImages((_THEIRS,), library))


def _somebody_deletes(context: Context, library: ImageLibrary) -> None:
    newest, _ = context.images.matching(ListImages(library, per_page=1), now=context.now)
    context.images.delete([row["guid"] for row in newest], library, now=context.now)


def _first_of(wanted: "DataclassInstance", number: int | None) -> "DataclassInstance":
    """The request for its first items alone."""
    names = [field.name for field in fields(wanted) if field.name in _ITEMS]
    cut: dict[str, Any] = {name: getattr(wanted, name)[:number] for name in names}
    return replace(wanted, **cut)


def _guids(outcome: Outcome) -> list[str]:
    images: Any = outcome.members["images"]
    return [image["guid"] for image in images]
