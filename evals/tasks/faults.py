"""A service that has a bad day."""

from evals.library import Library
from evals.task import (
    Task,
    adds,
    always,
    call,
    counted,
    deletes,
    file,
    on,
    outcome,
    retitle,
    retitles,
)

_NEW = [file("storm.jpg", "Storm Coming In")]
_LOOK = always(call("search_images", file_name_contains=["2287", "2194"]))


def _all(library: Library) -> str:
    return str(len(library.inventory))


TASKS = (
    Task(
        name="fault-reading",
        words="How many pictures do I have in my library altogether?",
        result="the number",
        answer=_all,
        faults=({"kind": "bad_gateway", "endpoint": "list_images"},),
        steps=(always(call("search_images", per_page=1)),),
        says=counted,
    ),
    Task(
        name="fault-add-answer-lost",
        words="Add this picture, and only once:\n"
        + ", ".join(f"{name} {value}" for name, value in _NEW[0].items()),
        result="the number of pictures that are in the library now because of this",
        answer=lambda _: "1",
        faults=({"kind": "server_error", "endpoint": "add_images", "committed": True},),
        steps=(always(call("add_images", images=_NEW)),),
        says=lambda results: str(sum(results[0]["outcomes"].values())),
        wanted=adds(*_NEW),
    ),
    Task(
        name="fault-delete",
        words="Delete NIGHT_2287.jpg.",
        result="the number of pictures that were deleted",
        answer=lambda _: "1",
        faults=({"kind": "server_error", "endpoint": "delete_images"},),
        steps=(_LOOK, on("delete_images", "NIGHT_2287.jpg")),
        says=outcome("deleted"),
        wanted=deletes("NIGHT_2287.jpg"),
    ),
    Task(
        name="fault-retitle-rejected",
        words="Rename CITY_2194.jpg to Umbrellas, San Antonio. If it cannot be done now, leave it.",
        result="the number of pictures that were changed",
        answer=lambda _: "0",
        faults=({"kind": "rejected", "endpoint": "update_images", "times": 9},),
        steps=(_LOOK, retitle(CITY_2194="Umbrellas, San Antonio")),
        says=outcome("updated"),
    ),
    Task(
        name="fault-limited",
        words="Rename CITY_2194.jpg to Umbrellas, San Antonio.",
        result="the number of pictures that were changed",
        answer=lambda _: "1",
        faults=({"kind": "rate_limited", "endpoint": "update_images", "retry_after": 1},),
        steps=(_LOOK, retitle(CITY_2194="Umbrellas, San Antonio")),
        says=outcome("updated"),
        wanted=retitles(CITY_2194="Umbrellas, San Antonio"),
    ),
)
