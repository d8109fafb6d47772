"""Looking at pictures and their files."""

from collections.abc import Sequence

from evals.task import Json, Task, always, call

_FIND = always(call("search_images", search_filter="Rowboat, Caddo Lake"))


def _shown(results: Sequence[Json]) -> str:
    return "no" if results[-1]["error"] else "yes"


TASKS = (
    Task(
        name="look-at-one",
        words="Show me the Rowboat at Caddo Lake, please. Could you open the picture?",
        result="yes or no",
        answer=lambda _: "yes",
        steps=(
            _FIND,
            lambda _, results: call("view_images", guids=[results[0]["images"][0]["guid"]]),
        ),
        says=_shown,
        shows="view_images",
        evidence=r'Rowboat, Caddo Lake\\" \|',
    ),
    Task(
        name="look-at-sheet",
        words="Put my twelve newest pictures on one sheet for me to look at. Did it work?",
        result="yes or no",
        answer=lambda _: "yes",
        steps=(
            always(call("search_images", per_page=12)),
            lambda _, results: call(
                "view_images",
                guids=[image["guid"] for image in results[0]["images"]],
                contact_sheet=True,
            ),
        ),
        says=_shown,
        shows="view_images",
        evidence=r"12\. ",
    ),
    Task(
        name="look-shape",
        words="Is CITY_2193.jpg upright or lying? I forgot how I took it.",
        result="portrait, landscape or square",
        answer=lambda _: "portrait",
        steps=(always(call("search_images", file_name_contains=["CITY_2193"])),),
        says=lambda results: (
            "portrait"
            if results[0]["images"][0]["pix_h"] > results[0]["images"][0]["pix_w"]
            else "landscape"
        ),
        evidence="CITY_2193",
    ),
    Task(
        name="look-description",
        words="Read me the description of NIGHT_2275.jpg, whole.",
        result="the description",
        answer=lambda library: library.named("NIGHT_2275.jpg").description,
        steps=(
            always(
                call(
                    "search_images", file_name_contains=["NIGHT_2275.jpg"], details=["description"]
                )
            ),
        ),
        says=lambda results: str(results[0]["records"][0]["description"]),
    ),
)
