"""What can be printed, and how large."""

from evals.library import Library
from evals.task import Task, always, call, counted

_NUMBER = "the number"


def _printable(library: Library) -> str:
    return str(sum(i.prints(24, 36, 150) for i in library.inventory))


TASKS = (
    Task(
        name="print-count-24x36",
        words="How many pictures have the pixels for a 24x36 inch print at 150 ppi or better? "
        "Trimming does not matter.",
        result="the number",
        answer=_printable,
        steps=(
            always(
                call("search_images", only=["large_enough"], print_size="24x36 in", summary=True)
            ),
        ),
        says=counted,
    ),
    Task(
        name="print-count-too-small",
        words="How many pictures are too small for an 8x10 inch print at 300 ppi?",
        result=_NUMBER,
        answer=lambda library: str(sum(not i.prints(8, 10, 300) for i in library.inventory)),
        steps=(
            always(
                call(
                    "search_images",
                    only=["too_small"],
                    print_size="8x10 in",
                    min_ppi=300,
                    summary=True,
                )
            ),
        ),
        says=counted,
    ),
    Task(
        name="print-pixels",
        words="Somebody wants COAST_2053.jpg as large as it goes. How many pixels wide is it?",
        result="the number of pixels",
        answer=lambda _: "320",
        steps=(always(call("search_images", file_name_contains=["COAST_2053"])),),
        says=lambda results: str(results[0]["images"][0]["pix_w"]),
    ),
    Task(
        name="print-square",
        words="I have frames for square prints. How many square pictures have I got?",
        result=_NUMBER,
        answer=lambda library: str(sum(i.pix_w == i.pix_h for i in library.inventory)),
        steps=(always(call("search_images", only=["square"], summary=True)),),
        says=counted,
    ),
)
