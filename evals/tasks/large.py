"""Large jobs, which are one call each, or as few as the operator's limits allow."""

from collections.abc import Sequence

from evals.library import Effects, Library
from evals.task import (
    Call,
    Json,
    Step,
    Task,
    adds,
    always,
    call,
    deletes,
    on,
    outcome,
    outcomes,
    scans,
    series,
    written,
)

_NEW = series("archive", "Archive, No.", 60)
_OLD = series("scan", "scan", 300)
_NAMES = [image["file_name"] for image in _OLD]
_CHANGED = "the number of pictures that were changed"
_DELETED = "the number of pictures that were deleted"
_PER_PAGE = 50


def _found(count: int) -> tuple[Step, ...]:
    """Pages with so many scans."""
    words = {"file_name_contains": ["scan_"], "per_page": _PER_PAGE, "list_products": False}
    pages = range(1, (count + _PER_PAGE - 1) // _PER_PAGE + 1)
    return tuple(always(call("search_images", **words, page_number=number)) for number in pages)


def _title(title: str) -> str:
    return f"Negative {int(title.removeprefix('scan '))}"


def _rename(library: Library, _results: Sequence[Json]) -> Call:
    new = [{"guid": image.guid, "title": _title(image.title)} for image in scans(library)]
    return call("update_image_metadata", images=new)


def _renamed(library: Library) -> Effects:
    return Effects(texts={i.guid: (_title(i.title), i.description) for i in scans(library)})


def _delete(first: int, end: int) -> Step:
    return on("delete_images", *_NAMES[first:end])


TASKS = (
    Task(
        name="large-add",
        words=f"Add these sixty to my library:\n{written(_NEW)}",
        result="the number of pictures that were added",
        answer=lambda _: "60",
        steps=(always(call("add_images", images=list(_NEW))),),
        says=outcome("created"),
        wanted=adds(*_NEW),
    ),
    Task(
        name="large-retitle",
        words="All my scan_ files are called 'scan' and a number. Call them Negative and the same "
        "number instead: scan 7 becomes Negative 7.",
        result=_CHANGED,
        answer=lambda _: "60",
        adds=_OLD[:60],
        steps=(*_found(60), _rename),
        says=outcome("updated"),
        wanted=_renamed,
    ),
    Task(
        name="large-retitle-hundreds",
        words="Three hundred files of mine begin with scan_, and each is called 'scan' and a "
        "number. Call every one of them Negative and its number: scan 7 becomes Negative 7.",
        result=_CHANGED,
        answer=lambda _: "300",
        adds=_OLD,
        steps=(*_found(300), _rename),
        says=outcome("updated"),
        wanted=_renamed,
    ),
    Task(
        name="large-delete",
        words="The first forty of my scan_ files (scan_001.jpg to scan_040.jpg) can go.",
        result=_DELETED,
        answer=lambda _: "40",
        adds=_OLD[:50],
        steps=(*_found(50), _delete(0, 40)),
        says=outcome("deleted"),
        wanted=deletes(*_NAMES[:40]),
    ),
    Task(
        name="large-delete-hundred",
        words="Delete scan_001.jpg to scan_120.jpg, all hundred and twenty. The others stay.",
        result=_DELETED,
        answer=lambda _: "120",
        adds=_OLD[:130],
        steps=(*_found(130), _delete(0, 50), _delete(50, 100), _delete(100, 120)),
        says=outcomes("deleted"),
        wanted=deletes(*_NAMES[:120]),
    ),
    Task(
        name="large-delete-ceiling",
        words="Delete scan_001.jpg to scan_025.jpg. I know that you may take ten at a time only.",
        result=_DELETED,
        answer=lambda _: "25",
        adds=_OLD[:30],
        options=("--max-items", "10"),
        steps=(*_found(30), _delete(0, 10), _delete(10, 20), _delete(20, 25)),
        says=outcomes("deleted"),
        wanted=deletes(*_NAMES[:25]),
    ),
    Task(
        name="large-delete-hour",
        words="Try to delete scan_001.jpg to scan_025.jpg, all of them at once. If that is "
        "refused, leave them, and say so.",
        result=_DELETED,
        answer=lambda _: "0",
        adds=_OLD[:30],
        options=("--deletions-per-hour", "20"),
        steps=(*_found(30), _delete(0, 25)),
        says=outcomes("deleted"),
        shows="delete_images",
        refuses="per hour",
    ),
)
