"""Undoing what an earlier chat did."""

from collections.abc import Sequence

from evals.library import Library
from evals.task import (
    DECLINES,
    Call,
    Json,
    Task,
    always,
    brings_back,
    call,
    deletes,
    file,
    on,
    outcome,
    retitle,
    retitles,
    selects,
)

_HISTORY = always(call("list_changes"))
_PIER = file("pier_dawn.jpg", "Pier at Dawn")
_KEY = "5e1ec7ed-0000-4000-8000-000000000002"


def _undo(_library: Library, results: Sequence[Json]) -> Call:
    return call("undo_change", change_id=results[0]["changes"][0]["change_id"])


TASKS = (
    Task(
        name="undo-retitle",
        words="The title you gave a picture earlier was a mistake. Put the old one back.",
        result="the number of pictures that have their old title again",
        answer=lambda _: "1",
        earlier=(retitle(CITY_2194="Umbrellas"),),
        steps=(_HISTORY, _undo),
        says=outcome("updated"),
        wanted=retitles(CITY_2194="Wet Crosswalk, San Antonio"),
    ),
    Task(
        name="undo-delete",
        words="I should not have deleted that picture earlier today. Bring it back.",
        result="the number of pictures that are back",
        answer=lambda _: "1",
        earlier=(on("delete_images", "NIGHT_2281.jpg"),),
        steps=(_HISTORY, _undo),
        says=outcome("created"),
        wanted=brings_back("NIGHT_2281.jpg"),
    ),
    Task(
        name="undo-add",
        words="The picture we added a while ago should not be in my library. Take that back.",
        result="the number of pictures that were removed",
        answer=lambda _: "1",
        earlier=(always(call("add_images", images=[_PIER])),),
        steps=(_HISTORY, _undo),
        says=outcome("deleted"),
        wanted=deletes("pier_dawn.jpg"),
        also=("search_images",),
    ),
    Task(
        name="undo-add-declined",
        words="Take back what we added last.",
        result="the number of pictures that were removed",
        answer=lambda _: "0",
        person=DECLINES,
        asks=("Pier at Dawn",),
        earlier=(always(call("add_images", images=[_PIER])),),
        steps=(_HISTORY, _undo),
        says=outcome("deleted"),
        also=("search_images",),
    ),
    Task(
        name="undo-what-was",
        words="What was the last thing that was done to my library from here: adding, renaming or "
        "deleting? Change nothing.",
        result="adding, renaming or deleting",
        answer=lambda _: "renaming",
        earlier=(
            always(call("add_images", images=[_PIER])),
            retitle(CITY_2194="Umbrellas"),
        ),
        steps=(_HISTORY,),
        says=lambda results: {
            "add_images": "adding",
            "update_image_metadata": "renaming",
            "delete_images": "deleting",
        }[results[0]["changes"][0]["tool"]],
        evidence="change_id",
    ),
    Task(
        name="undo-selection",
        words=f"I emptied half of my selection {_KEY} earlier. Put it back as it was.",
        result="the number of pictures in it",
        answer=lambda _: "2",
        selections={_KEY: ("WATER_2224.jpg", "WATER_2222.jpg")},
        earlier=(on("set_selection", "WATER_2222.jpg", member="remove", selection_guid=_KEY),),
        steps=(_HISTORY, _undo),
        says=lambda results: results[-1]["images"][0]["images_change"]["after"].split()[0],
        wanted=selects(_KEY, "WATER_2224.jpg", "WATER_2222.jpg"),
    ),
)
