"""A spreadsheet: what is pasted from one, what is wanted for one, and what cannot be read."""

from collections.abc import Sequence

from evals.library import Effects, Library
from evals.task import DECLINES, Json, Task, always, call, outcome, retitle, retitles, rewrite

_CHANGED = "the number of pictures that were changed"
_LOOK = always(call("search_images", file_name_contains=["2194", "2188", "2206", "2189"]))
_SHEET = b"guid,title,description,exported\n1,Umbrellas,,\n"


def _table(*rows: str) -> str:
    return "\n".join(rows)


def _title_and_description(library: Library) -> Effects:
    titled, described = (library.named(f"CITY_{number}.jpg") for number in (2194, 2188))
    return Effects(
        texts={
            titled.guid: ("Umbrellas", titled.description),
            described.guid: (described.title, "Rain on Liberty Avenue."),
        }
    )


def _widths(library: Library) -> str:
    return ", ".join(f"{i.file_name} {i.pix_w}" for i in reversed(library.inventory[-3:]))


def _cells(results: Sequence[Json]) -> str:
    return ", ".join(f"{i['file_name']} {i['pix_w']}" for i in results[0]["images"])


TASKS = (
    Task(
        name="sheet-pasted",
        words="From my spreadsheet; an empty cell means: as it is.\n"
        + _table(
            "file_name;title;description",
            "CITY_2194.jpg;Umbrellas;",
            "CITY_2188.jpg;;Rain on Liberty Avenue.",
            "WATER_2206.jpg;;",
        ),
        result=_CHANGED,
        answer=lambda _: "2",
        steps=(
            _LOOK,
            rewrite(
                CITY_2194={"title": "Umbrellas"},
                CITY_2188={"description": "Rain on Liberty Avenue."},
            ),
        ),
        says=outcome("updated"),
        wanted=_title_and_description,
    ),
    Task(
        name="sheet-changed-since",
        words="New titles from my spreadsheet. Where the picture has another title by now than the "
        "one I exported, leave it alone.\n"
        + _table(
            "file_name,exported,title",
            'CITY_2194.jpg,"Wet Crosswalk, San Antonio",Umbrellas',
            'CITY_2188.jpg,"A Title Long Gone",Rain',
        ),
        result=_CHANGED,
        answer=lambda _: "1",
        steps=(_LOOK, retitle(CITY_2194="Umbrellas")),
        says=outcome("updated"),
        wanted=retitles(CITY_2194="Umbrellas"),
    ),
    Task(
        name="sheet-literal",
        words="One row of my spreadsheet, and the title is meant as it stands there:\n"
        + _table("file_name;title", 'CITY_2194.jpg;=SUM("Light")'),
        result=_CHANGED,
        answer=lambda _: "1",
        steps=(_LOOK, retitle(CITY_2194='=SUM("Light")')),
        says=outcome("updated"),
        wanted=retitles(CITY_2194='=SUM("Light")'),
    ),
    Task(
        name="sheet-products-stay",
        words="New titles from my spreadsheet, but only where no product would be lost:\n"
        + _table(
            "file_name;title",
            "CITY_2189.jpg;Blue Hour",
            "CITY_2194.jpg;Umbrellas",
        ),
        result=_CHANGED,
        answer=lambda _: "1",
        person=DECLINES,
        steps=(_LOOK, retitle(CITY_2194="Umbrellas")),
        says=outcome("updated"),
        wanted=retitles(CITY_2194="Umbrellas"),
    ),
    Task(
        name="sheet-cells",
        words="I need two cells a row for my spreadsheet: file name and width in pixels of the "
        "three pictures I added last.",
        result="file name and width of each, such as A.jpg 300, B.jpg 200",
        answer=_widths,
        steps=(always(call("search_images", per_page=3)),),
        says=_cells,
    ),
    Task(
        name="sheet-not-readable",
        words="Take the new titles from library.csv in my folder New Work. If you cannot read it, "
        "change nothing and tell me what CITY_2188.jpg is called now.",
        result="the number of pictures that were changed, or the present title",
        answer=lambda library: library.named("CITY_2188.jpg").title,
        files={"New Work/library.csv": _SHEET},
        folder="New Work",
        steps=(_LOOK,),
        says=lambda results: next(
            i["title"] for i in results[0]["images"] if i["file_name"] == "CITY_2188.jpg"
        ),
    ),
)
