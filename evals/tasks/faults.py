"""FinerWorks on a bad day."""

from collections.abc import Sequence

from evals.library import Library
from evals.task import (
    Call,
    Json,
    Task,
    adds,
    always,
    call,
    counted,
    deletes,
    ended,
    file,
    on,
    outcome,
    outcomes,
    retitle,
    retitles,
    series,
    written,
)

_NEW = [file("storm.jpg", "Storm Coming In")]
_SIX = series("tide", "Tide, No.", 6)
_LOOK = always(call("search_images", file_name_contains=["2287", "2271", "2286", "2194"]))
_ALL = always(call("search_images", per_page=1))
_UNDESCRIBED = always(call("search_images", only=["missing_description"], summary=True))
_THREE = ("NIGHT_2287.jpg", "NIGHT_2271.jpg", "NIGHT_2286.jpg")
_COUNT = "How many pictures do I have in my library altogether?"
_RENAME = retitle(CITY_2194="Umbrellas, San Antonio")
_RENAMED = retitles(CITY_2194="Umbrellas, San Antonio")
_DELETED = "the number of pictures that were deleted"
_CHANGED = "the number of pictures that were changed"
_THERE = "the number of pictures that are in the library now because of this"


def _fault(kind: str, endpoint: str, **more: object) -> tuple[Json, ...]:
    return ({"kind": kind, "endpoint": endpoint, **more},)


def _all(library: Library) -> str:
    return str(len(library.inventory))


def _undescribed(library: Library) -> str:
    return str(sum(not image.description for image in library.inventory))


def _failed_again(_library: Library, results: Sequence[Json]) -> Call:
    failed = [row["guid"] for row in results[-1]["images"] if row["outcome"] == "failed"]
    return call("delete_images", guids=failed)


TASKS = (
    Task(
        name="fault-reading",
        words=_COUNT,
        result="the number",
        answer=_all,
        faults=_fault("bad_gateway", "list_images"),
        steps=(_ALL,),
        says=counted,
    ),
    Task(
        name="fault-reading-limited",
        words=_COUNT,
        result="the number",
        answer=_all,
        faults=_fault("rate_limited", "list_images", retry_after=1),
        steps=(_ALL,),
        says=counted,
    ),
    Task(
        name="fault-reading-down",
        words=f"{_COUNT} If that cannot be told now, say unknown.",
        result="the number, or unknown",
        answer=lambda _: "unknown",
        faults=_fault("rejected", "list_images", times=99),
        steps=(_ALL,),
        says=lambda results: "unknown" if results[0].get("error") else counted(results),
        refuses="list_images",
    ),
    Task(
        name="fault-reading-in-part",
        words="How many pictures still need a description? Count all of my library.",
        result="the number",
        answer=_undescribed,
        faults=_fault("rejected", "list_images", after=2),
        steps=(_UNDESCRIBED, _UNDESCRIBED),
        says=counted,
        evidence='"scanned": 248',
    ),
    Task(
        name="fault-add-answer-lost",
        words=f"Add this picture, and only once:\n{written(_NEW)}",
        result=_THERE,
        answer=lambda _: "1",
        faults=_fault("server_error", "add_images", committed=True),
        steps=(always(call("add_images", images=_NEW)),),
        says=ended,
        wanted=adds(*_NEW),
    ),
    Task(
        name="fault-add-cut-off",
        words=f"Add these six pictures, each once:\n{written(_SIX)}",
        result=_THERE,
        answer=lambda _: "6",
        faults=_fault("dropped", "add_images", committed=True, after=1),
        steps=(always(call("add_images", images=list(_SIX))),),
        says=ended,
        wanted=adds(*_SIX),
    ),
    Task(
        name="fault-add-listed-late",
        words=f"Add this picture, and only once:\n{written(_NEW)}",
        result=_THERE,
        answer=lambda _: "1",
        faults=_fault("listed_late", "add_images", lists=2),
        steps=(always(call("add_images", images=_NEW)),),
        says=ended,
        wanted=adds(*_NEW),
    ),
    Task(
        name="fault-add-renamed",
        words="Add this picture, and tell me under which file name my library has it:\n"
        + written(_NEW),
        result="the file name",
        answer=lambda _: "storm_1.jpg",
        faults=_fault("altered_names", "add_images"),
        steps=(always(call("add_images", images=_NEW)),),
        says=lambda results: str(results[0]["images"][0]["file_name"]),
        wanted=adds(_NEW[0] | {"file_name": "storm_1.jpg"}),
    ),
    Task(
        name="fault-delete",
        words="Delete NIGHT_2287.jpg.",
        result=_DELETED,
        answer=lambda _: "1",
        faults=_fault("server_error", "delete_images"),
        steps=(_LOOK, on("delete_images", "NIGHT_2287.jpg")),
        says=outcome("deleted"),
        wanted=deletes("NIGHT_2287.jpg"),
    ),
    Task(
        name="fault-delete-answer-lost",
        words="Delete NIGHT_2287.jpg.",
        result=_DELETED,
        answer=lambda _: "1",
        faults=_fault("dropped", "delete_images", committed=True),
        steps=(_LOOK, on("delete_images", "NIGHT_2287.jpg")),
        says=outcome("deleted"),
        wanted=deletes("NIGHT_2287.jpg"),
    ),
    Task(
        name="fault-delete-untrue",
        words="Delete NIGHT_2287.jpg. If it does not go, leave it; I ask again tomorrow.",
        result=_DELETED,
        answer=lambda _: "0",
        asks=("Delete 1 image", "Moonrise, Cherry Springs"),
        # It says that it did, and did nothing.
        faults=_fault("partial", "delete_images", commit_first=0, times=99),
        steps=(_LOOK, on("delete_images", "NIGHT_2287.jpg")),
        says=outcome("deleted"),
    ),
    Task(
        name="fault-delete-in-part",
        words="NIGHT_2287.jpg, NIGHT_2271.jpg and NIGHT_2286.jpg can go for good.",
        result=_DELETED,
        answer=lambda _: "3",
        # The first one is tried by itself.
        faults=_fault("partial", "delete_images", commit_first=1, after=1),
        steps=(_LOOK, on("delete_images", *_THREE), _failed_again),
        says=outcomes("deleted"),
        wanted=deletes(*_THREE),
    ),
    Task(
        name="fault-retitle-rejected",
        words="Rename CITY_2194.jpg to Umbrellas, San Antonio. If it cannot be done now, leave it.",
        result=_CHANGED,
        answer=lambda _: "0",
        faults=_fault("rejected", "update_images", times=99),
        steps=(_LOOK, _RENAME),
        says=outcome("updated"),
        shows="update_image_metadata",
        evidence="CITY_2194",
    ),
    Task(
        name="fault-retitle-untrue",
        words="Rename CITY_2194.jpg to Umbrellas, San Antonio. If it cannot be done now, leave it.",
        result=_CHANGED,
        answer=lambda _: "0",
        faults=_fault("partial", "update_images", commit_first=0, times=99),
        steps=(_LOOK, _RENAME),
        says=outcome("updated"),
        shows="update_image_metadata",
        evidence="CITY_2194",
    ),
    Task(
        name="fault-retitle-garbled",
        words="Rename CITY_2194.jpg to Umbrellas, San Antonio.",
        result=_CHANGED,
        answer=lambda _: "1",
        faults=_fault("truncated", "update_images"),
        steps=(_LOOK, _RENAME),
        says=outcome("updated"),
        wanted=_RENAMED,
    ),
    Task(
        name="fault-limited",
        words="Rename CITY_2194.jpg to Umbrellas, San Antonio.",
        result=_CHANGED,
        answer=lambda _: "1",
        faults=_fault("rate_limited", "update_images", retry_after=1),
        steps=(_LOOK, _RENAME),
        says=outcome("updated"),
        wanted=_RENAMED,
    ),
    Task(
        name="fault-selection-answer-lost",
        words="Put WATER_2224.jpg and WATER_2222.jpg together for printing and give me the key.",
        result="the key of the selection",
        answer=lambda _: "",
        chosen=("WATER_2224.jpg", "WATER_2222.jpg"),
        faults=_fault("dropped", "update_file_selection", committed=True),
        steps=(
            always(call("search_images", search_filter="Mist")),
            on("set_selection", "WATER_2224.jpg", "WATER_2222.jpg"),
        ),
        says=lambda results: str(results[-1]["selection_guid"]),
    ),
)
