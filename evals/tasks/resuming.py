"""Continuing what was begun: in an earlier chat, or by a call that was cut off."""

from collections.abc import Sequence

from evals.library import Effects, Library
from evals.task import (
    Json,
    Step,
    Task,
    absent,
    adds,
    always,
    call,
    deletes,
    ended,
    going_on,
    going_on_with_the_last,
    on,
    outcome,
    retitle,
    retitles,
    series,
    written,
)

_BATCH = series("batch", "Batch, No.", 4)
_PIER = series("pier", "Pier, No.", 3)
_LONG = series("walk", "Walk, No.", 13)
_SCANS = series("scan", "scan", 70)
_NAMES = [image["file_name"] for image in _SCANS]
_HISTORY = always(call("list_changes"))


def _lost(endpoint: str, reads: int, times: int = 2) -> tuple[Json, ...]:
    """The answer of a write is lost, and so is the look at it, after so many reads."""
    return (
        {"kind": "dropped", "endpoint": endpoint, "committed": True},
        {"kind": "rejected", "endpoint": "list_images", "after": reads, "times": times},
    )


def _stopped(endpoint: str) -> tuple[Json, ...]:
    """After its first request a write is held up so often that it stops."""
    held_up = {"kind": "rate_limited", "retry_after": 1, "after": 1, "times": 2}
    return (held_up | {"endpoint": endpoint},)


def _adding(images: Sequence[Json]) -> Step:
    return always(call("add_images", images=list(images)))


def _not_there(library: Library) -> Effects:
    there = {image.file_name for image in library.images}
    return adds(*(image for image in _LONG if image["file_name"] not in there))(library)


def _rest_of_sixty(library: Library) -> Effects:
    there = {image.file_name for image in library.images}
    return deletes(*there.intersection(_NAMES[:60]))(library)


TASKS = (
    Task(
        name="resume-add",
        words="Half of these went in earlier, then we were interrupted. See that all four are in "
        f"my library, each once:\n{written(_BATCH)}",
        result="the number of pictures that were added now",
        answer=lambda _: "2",
        earlier=(_adding(_BATCH[:2]),),
        steps=(
            always(call("search_images", file_name_contains=["batch_"])),
            absent(_BATCH),
        ),
        says=outcome("created"),
        wanted=adds(*_BATCH[2:]),
        also=("list_changes",),
    ),
    Task(
        name="resume-retitle",
        words="I wanted CITY_2194.jpg called Umbrellas and CITY_2188.jpg called Rain, but one of "
        "them failed earlier. Please finish that.",
        result="the number of pictures that were changed now",
        answer=lambda _: "1",
        earlier=(retitle(CITY_2194="Umbrellas"),),
        steps=(
            always(call("search_images", file_name_contains=["CITY_2194", "CITY_2188"])),
            retitle(CITY_2188="Rain"),
        ),
        says=outcome("updated"),
        wanted=retitles(CITY_2188="Rain"),
    ),
    Task(
        name="resume-what-is-open",
        words="Is anything of what we did earlier still unfinished?",
        result="yes or no",
        answer=lambda _: "no",
        earlier=(retitle(CITY_2194="Umbrellas"),),
        steps=(_HISTORY,),
        says=lambda results: "yes" if any(r.get("open") for r in results[0]["changes"]) else "no",
        evidence="open",
    ),
    Task(
        name="continue-add",
        words=f"Add these three to my library, each once:\n{written(_PIER)}",
        result="the number of the three that are in the library now",
        answer=lambda _: "3",
        faults=_lost("add_images", reads=2, times=3),
        steps=(_adding(_PIER), going_on("add_images")),
        says=ended,
        wanted=adds(*_PIER),
    ),
    Task(
        name="continue-add-unlisted",
        words=f"Add these three to my library, each once:\n{written(_PIER)}",
        result="the number of the three that are in the library now",
        answer=lambda _: "3",
        faults=({"kind": "listed_late", "endpoint": "add_images", "lists": 5},),
        steps=(_adding(_PIER), going_on("add_images")),
        says=ended,
        wanted=adds(*_PIER),
    ),
    Task(
        name="continue-add-earlier",
        words="We were adding these three when the connection broke, and you could not tell "
        f"whether they came. See that each is in my library once:\n{written(_PIER)}",
        result="the number of the three that are in the library now",
        answer=lambda _: "3",
        earlier=(_adding(_PIER),),
        earlier_faults=_lost("add_images", reads=2, times=3),
        steps=(_HISTORY, going_on_with_the_last("add_images")),
        says=ended,
        also=("search_images", "add_images"),
        evidence=r'"adopted": 1|pier_003\.jpg',
    ),
    Task(
        name="continue-add-rest",
        words="We were adding these thirteen, and it stopped on the way. Go on with it, and add "
        f"none of them twice:\n{written(_LONG)}",
        result="the number of the thirteen that are in the library now",
        answer=lambda _: "13",
        earlier=(_adding(_LONG),),
        earlier_faults=_stopped("add_images"),
        steps=(_HISTORY, going_on_with_the_last("add_images")),
        says=ended,
        wanted=_not_there,
        shows="add_images",
        also=("search_images",),
    ),
    Task(
        name="continue-retitle",
        words="Call CITY_2194.jpg Umbrellas and CITY_2188.jpg Rain.",
        result="the number of pictures that have their new title",
        answer=lambda _: "2",
        # Six to search, one before it is written.
        faults=_lost("update_images", reads=7),
        steps=(
            always(call("search_images", file_name_contains=["CITY_2194", "CITY_2188"])),
            retitle(CITY_2194="Umbrellas", CITY_2188="Rain"),
            going_on("update_image_metadata"),
        ),
        says=outcome("updated"),
        wanted=retitles(CITY_2194="Umbrellas", CITY_2188="Rain"),
    ),
    Task(
        name="continue-delete-earlier",
        words="I had asked you to delete the five oldest of my scan_ files, scan_001.jpg to "
        "scan_005.jpg, and the connection broke. Finish that, and take no others.",
        result="the number of the five that are gone",
        answer=lambda _: "5",
        adds=_SCANS[:15],
        earlier=(on("delete_images", *_NAMES[:5]),),
        earlier_faults=_lost("delete_images", reads=2),
        agreed_earlier=True,
        steps=(_HISTORY, going_on_with_the_last("delete_images")),
        says=outcome("deleted"),
        also=("search_images", "delete_images"),
        evidence=r'"deleted": 5|scan_006\.jpg|"count": 0\b',
    ),
    Task(
        name="continue-delete-rest",
        words="I had asked you to delete the sixty oldest of my scan_ files, scan_001.jpg to "
        "scan_060.jpg, and it stopped on the way. Finish that, and take no others.",
        result="the number of the sixty that are gone",
        answer=lambda _: "60",
        adds=_SCANS,
        options=("--max-items", "100"),
        earlier=(on("delete_images", *_NAMES[:60]),),
        earlier_faults=_stopped("delete_images"),
        agreed_earlier=True,
        steps=(_HISTORY, going_on_with_the_last("delete_images")),
        says=outcome("deleted"),
        wanted=_rest_of_sixty,
        shows="delete_images",
        also=("search_images",),
    ),
)
