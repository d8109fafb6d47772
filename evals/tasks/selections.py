"""Selections: what is put together for printing."""

from evals.task import Task, always, call, on, selects

_KEY = "5e1ec7ed-0000-4000-8000-000000000001"
_LOOK = always(call("search_images", search_filter="Mist"))

TASKS = (
    Task(
        name="select-new",
        words="Put WATER_2224.jpg and WATER_2222.jpg together for printing and give me the key.",
        result="the key of the selection",
        answer=lambda _: "",
        chosen=("WATER_2224.jpg", "WATER_2222.jpg"),
        steps=(_LOOK, on("set_selection", "WATER_2224.jpg", "WATER_2222.jpg")),
        says=lambda results: str(results[-1]["selection_guid"]),
    ),
    Task(
        name="select-read",
        words=f"How many pictures are in my selection {_KEY}?",
        result="the number",
        answer=lambda _: "2",
        selections={_KEY: ("WATER_2224.jpg", "WATER_2222.jpg")},
        steps=(always(call("search_images", selection_guid=_KEY)),),
        says=lambda results: str(results[0]["count"]),
        evidence=r'"count": 2\b',
    ),
    Task(
        name="select-add",
        words=f"Add WATER_2211.jpg to my selection {_KEY}. How many does it hold then?",
        result="the number",
        answer=lambda _: "3",
        selections={_KEY: ("WATER_2224.jpg", "WATER_2222.jpg")},
        steps=(
            _LOOK,
            on("set_selection", "WATER_2211.jpg", member="add", selection_guid=_KEY),
        ),
        says=lambda results: str(results[-1]["count"]),
        wanted=selects(_KEY, "WATER_2224.jpg", "WATER_2222.jpg", "WATER_2211.jpg"),
    ),
    Task(
        name="select-remove",
        words=f"Take WATER_2222.jpg out of my selection {_KEY}. How many are left in it?",
        result="the number",
        answer=lambda _: "1",
        selections={_KEY: ("WATER_2224.jpg", "WATER_2222.jpg")},
        steps=(
            _LOOK,
            on("set_selection", "WATER_2222.jpg", member="remove", selection_guid=_KEY),
        ),
        says=lambda results: str(results[-1]["count"]),
        wanted=selects(_KEY, "WATER_2224.jpg"),
    ),
)
