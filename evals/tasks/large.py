"""Large jobs, which are one call each."""

from collections.abc import Sequence

from evals.library import Effects, Image, Library
from evals.task import Call, Json, Task, adds, always, call, file, outcome

_NEW = [file(f"archive_{n:03}.jpg", f"Archive, No. {n}") for n in range(1, 61)]
_OLD = tuple(file(f"scan_{n:03}.jpg", f"scan {n}") for n in range(1, 61))


def _scans(library: Library) -> list[Image]:
    return [image for image in library.inventory if image.file_name.startswith("scan_")]


def _title(image: Image) -> str:
    return f"Negative {int(image.title.removeprefix('scan '))}"


def _rename(library: Library, _results: Sequence[Json]) -> Call:
    new = [{"guid": image.guid, "title": _title(image)} for image in _scans(library)]
    return call("update_image_metadata", images=new)


_FIND = call("search_images", file_name_contains=["scan_"], per_page=50, list_products=False)
_NEXT = call(
    "search_images", file_name_contains=["scan_"], per_page=50, list_products=False, page_number=2
)

TASKS = (
    Task(
        name="large-add",
        words="Add these sixty to my library:\n"
        + "\n".join(", ".join(f"{k} {v}" for k, v in image.items()) for image in _NEW),
        result="the number of pictures that were added",
        answer=lambda _: "60",
        steps=(always(call("add_images", images=_NEW)),),
        says=outcome("created"),
        wanted=adds(*_NEW),
    ),
    Task(
        name="large-retitle",
        words="All my scan_ files are called 'scan' and a number. Call them Negative and the same "
        "number instead: scan 7 becomes Negative 7.",
        result="the number of pictures that were changed",
        answer=lambda _: "60",
        adds=_OLD,
        steps=(always(_FIND), always(_NEXT), _rename),
        says=outcome("updated"),
        wanted=lambda library: Effects(
            texts={i.guid: (_title(i), i.description) for i in _scans(library)}
        ),
    ),
    Task(
        name="large-delete",
        words="The first forty of my scan_ files (scan_001.jpg to scan_040.jpg) can go.",
        result="the number of pictures that were deleted",
        answer=lambda _: "40",
        adds=_OLD[:50],
        steps=(
            always(_FIND),
            lambda library, _: call(
                "delete_images", guids=[image.guid for image in _scans(library)[:40]]
            ),
        ),
        says=outcome("deleted"),
        wanted=lambda library: Effects(
            deleted=frozenset(image.guid for image in _scans(library)[:40])
        ),
    ),
)
