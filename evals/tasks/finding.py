"""Finding pictures by words, file names, dates of adding, and what is wrong with them."""

from evals.library import Image, Library
from evals.task import Task, always, call, listed, names

_FILES = "the file names, separated by commas"


def _files(images: list[Image]) -> str:
    return listed([image.file_name for image in images])


def _newest(library: Library) -> str:
    return _files(library.inventory[-3:])


TASKS = (
    Task(
        name="find-by-title",
        words="Which of my pictures show the Neon Diner in Memphis?",
        result=_FILES,
        answer=lambda library: _files(library.titled("Neon Diner, Memphis")),
        steps=(always(call("search_images", search_filter="Neon Diner, Memphis")),),
        says=lambda results: listed(
            [i["file_name"] for i in results[0]["images"] if "title" in i and "Diner" in i["title"]]
        ),
    ),
    Task(
        name="find-newest",
        words="What are the three pictures I added last?",
        result=_FILES,
        answer=_newest,
        steps=(always(call("search_images", per_page=3)),),
        says=names,
    ),
    Task(
        name="find-by-file",
        words="What did I call CITY_2195.jpg? I need its title for a label.",
        result="the title",
        answer=lambda _: "Elevated Line, St. Louis",
        steps=(always(call("search_images", file_name_contains=["CITY_2195"])),),
        says=lambda results: str(results[0]["images"][0]["title"]),
    ),
    Task(
        name="find-largest",
        words="Which is the largest file in my library, in bytes?",
        result="the file name",
        answer=lambda library: max(library.inventory, key=lambda i: i.file_size).file_name,
        steps=(always(call("search_images", sort_field="file_size", per_page=1)),),
        says=names,
    ),
    Task(
        name="find-nothing",
        words="Do I have anything with a lighthouse in it, going by my titles and descriptions?",
        result="the file names, or none",
        answer=lambda _: "none",
        steps=(always(call("search_images", search_filter="lighthouse")),),
        says=lambda results: names(results) or "none",
        evidence='"count": 0',
    ),
)
