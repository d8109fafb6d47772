"""Going on with what an earlier chat began."""

from evals.task import Task, absent, adds, always, call, file, outcome, retitle, retitles

_BATCH = [file(f"batch_{n}.jpg", f"Batch, No. {n}") for n in range(1, 5)]
_ROWS = "\n".join(", ".join(f"{k} {v}" for k, v in image.items()) for image in _BATCH)

TASKS = (
    Task(
        name="resume-add",
        words="Half of these went in earlier, then we were interrupted. See that all four are in "
        f"my library, each once:\n{_ROWS}",
        result="the number of pictures that were added now",
        answer=lambda _: "2",
        earlier=(always(call("add_images", images=_BATCH[:2])),),
        steps=(
            always(call("search_images", file_name_contains=["batch_"])),
            absent(_BATCH),
        ),
        says=outcome("created"),
        wanted=adds(*_BATCH[2:]),
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
        steps=(always(call("list_changes")),),
        says=lambda results: "yes" if any(r.get("open") for r in results[0]["changes"]) else "no",
    ),
)
