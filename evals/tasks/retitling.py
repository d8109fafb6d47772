"""New titles and descriptions, and the products that they would remove."""

from evals.library import Effects, Library
from evals.task import (
    DECLINES,
    SILENT,
    Task,
    always,
    call,
    careful,
    outcome,
    retitle,
    retitles,
    rewrite,
)

_NUMBER = "the number of pictures that were changed"


def _described(library: Library) -> Effects:
    image = library.named("CITY_2188.jpg")
    return Effects(texts={image.guid: (image.title, "Rain on Liberty Avenue.")})


def _cleared(library: Library) -> Effects:
    image = library.named("HIGH_2072.jpg")
    return Effects(texts={image.guid: (image.title, "")})


_FILES = ["2194", "2188", "2206", "2154", "2072", "2189", "2192", "2044"]
_LOOK = always(call("search_images", file_name_contains=_FILES))

TASKS = (
    Task(
        name="retitle-one",
        words="Please rename CITY_2194.jpg to Umbrellas, San Antonio.",
        result=_NUMBER,
        answer=lambda _: "1",
        steps=(_LOOK, retitle(CITY_2194="Umbrellas, San Antonio")),
        says=outcome("updated"),
        wanted=retitles(CITY_2194="Umbrellas, San Antonio"),
    ),
    Task(
        name="retitle-two",
        words="WATER_2206.jpg and SPRING_2154.jpg still shout 'final v2'. Make them "
        "Reeds in Wind and Fence Line.",
        result=_NUMBER,
        answer=lambda _: "2",
        steps=(_LOOK, retitle(WATER_2206="Reeds in Wind", SPRING_2154="Fence Line")),
        says=outcome("updated"),
        wanted=retitles(WATER_2206="Reeds in Wind", SPRING_2154="Fence Line"),
    ),
    Task(
        name="retitle-description",
        words="Make this the description of CITY_2188.jpg, word for word, and keep its title:\n"
        "Rain on Liberty Avenue.",
        result=_NUMBER,
        answer=lambda _: "1",
        steps=(_LOOK, rewrite(CITY_2188={"description": "Rain on Liberty Avenue."})),
        says=outcome("updated"),
        wanted=_described,
    ),
    Task(
        name="retitle-clear",
        words="HIGH_2072.jpg must lose its description, it tells too much. Keep the title.",
        result=_NUMBER,
        answer=lambda _: "1",
        steps=(_LOOK, rewrite(HIGH_2072={"clear": ["description"]})),
        says=outcome("updated"),
        wanted=_cleared,
    ),
    Task(
        name="retitle-with-products",
        words="Rename CITY_2189.jpg to Blue Hour, Chicago. I know that its products go.",
        result=_NUMBER,
        answer=lambda _: "1",
        person=careful("3 products"),
        steps=(_LOOK, retitle(CITY_2189="Blue Hour, Chicago")),
        says=outcome("updated"),
        wanted=retitles(CITY_2189="Blue Hour, Chicago"),
    ),
    Task(
        name="retitle-declined",
        words="Rename CITY_2192.jpg to Elevated Line, New Orleans.",
        result=_NUMBER,
        answer=lambda _: "0",
        person=DECLINES,
        asks=("Elevated Line, New Orleans",),
        steps=(_LOOK, retitle(CITY_2192="Elevated Line, New Orleans")),
        says=outcome("updated"),
    ),
    Task(
        name="retitle-silent",
        words="Rename COAST_2044.jpg to The Old Pier, Cannon Beach.",
        result=_NUMBER,
        answer=lambda _: "0",
        person=SILENT,
        asks=("The Old Pier, Cannon Beach",),
        steps=(_LOOK, retitle(COAST_2044="The Old Pier, Cannon Beach")),
        says=outcome("updated"),
    ),
)
