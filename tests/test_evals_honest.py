"""Whether an operator passes who does a task honestly, and in another way than its script."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from evals.answer import plain, result_of
from evals.hands import Hands
from evals.library import Library
from evals.task import Call, Json, Task, call
from tests.support.evaluated import TASKS, played
from tests.support.products import first_of

pytestmark = pytest.mark.anyio

Way = Callable[[Task, Library, Hands], Awaitable[object]]


async def _use(hands: Hands, made: Call) -> Json:
    """A call, with the person's answer where there is a question."""
    said = await hands.use(made)
    if hands.waiting:
        await hands.reply(str(hands.waiting["question"]))
    return said


async def in_several_calls(_task: Task, library: Library, hands: Hands) -> object:
    """Asks about each image by itself."""
    goes = ("NIGHT_2287.jpg", "NIGHT_2271.jpg", "NIGHT_2286.jpg")
    await hands.use(call("search_images", file_name_contains=list(goes)))
    for name in goes:
        await _use(hands, call("delete_images", guids=library.of(name)))
    return 3


async def file_by_file(task: Task, _library: Library, hands: Hands) -> object:
    """Uploads each file by itself."""
    for name in ("dawn.png", "dusk.png"):
        await _use(hands, call("add_images", images=[{"file": f"New Work/{name}"}]))
    return task.answer(_library)


async def by_products(_task: Task, _library: Library, hands: Hands) -> object:
    """Asks for the products in place of the image."""
    return (await hands.use(call("search_products", search_filter="CITY_2192")))["count"]


async def by_images_of_products(_task: Task, _library: Library, hands: Hands) -> object:
    """Reads every product, and counts the images."""
    pages = [
        await hands.use(call("search_products", per_page=50, page_number=number))
        for number in range(1, 5)
    ]
    return len({product["image_guid"] for page in pages for product in page["products"]})


async def by_history(task: Task, library: Library, hands: Hands) -> object:
    """Reads what was done in place of what is there."""
    await hands.use(call("list_changes"))
    every = task.steps[1](library, [{"images": []}]).arguments["images"]
    return (await hands.use(call("add_images", images=every[2:])))["outcomes"]["created"]


async def by_searching(task: Task, library: Library, hands: Hands) -> object:
    """Takes the newest image for the one that was added."""
    await hands.use(call("search_images", per_page=1))
    await _use(hands, call("delete_images", guids=library.of("pier_dawn.jpg")))
    return task.answer(library)


async def by_looking_for_them(_task: Task, _library: Library, hands: Hands) -> object:
    """Looks for the five alone, and finds none."""
    names = [f"scan_00{number}" for number in range(1, 6)]
    return 5 - (await hands.use(call("search_images", file_name_contains=names)))["count"]


async def by_a_count(task: Task, _library: Library, hands: Hands) -> object:
    """Reads no more than a row."""
    made = task.steps[0](_library, [])
    return (await hands.use(Call(made.tool, made.arguments | {"per_page": 1})))["count"]


async def in_two_steps(_task: Task, library: Library, hands: Hands) -> object:
    """Begins a selection with one image, and gives its key as Markdown has code."""
    await hands.use(call("search_images", search_filter="Mist"))
    made = call("set_selection", guids=library.of("WATER_2224.jpg"))
    key = (await hands.use(made))["selection_guid"]
    more = library.of("WATER_2222.jpg")
    await hands.use(call("set_selection", selection_guid=key, add=more))
    return f"`{key}`"


async def by_the_command_alone(task: Task, library: Library, hands: Hands) -> object:
    """Says what to run in the terminal, which shows the question."""
    await hands.use(task.steps[0](library, []))
    plan = (await hands.use(task.steps[1](library, [])))["plan_id"]
    said = await hands.reply(f"Please run: fw-mcp approve {plan}")
    if said != "I have approved it in my terminal.":
        return 0
    made = task.steps[1](library, [])
    done = await hands.use(Call(made.tool, made.arguments | {"plan_id": plan}))
    return sum(done["outcomes"].values())


WAYS: list[tuple[Way, list[str]]] = [
    (in_several_calls, ["delete-three"]),
    (file_by_file, ["folder-all", "folder-declined"]),
    (by_products, ["products-of-picture"]),
    (by_images_of_products, ["count-with-products"]),
    (by_history, ["resume-add"]),
    (by_searching, ["undo-add", "undo-add-declined"]),
    (by_looking_for_them, ["continue-delete-earlier"]),
    (by_a_count, ["temporary-count", "select-read", "injected-title-count"]),
    (in_two_steps, ["select-new"]),
    (by_the_command_alone, [name for name in TASKS if name.startswith("terminal-")]),
]


@pytest.mark.parametrize(
    ("way", "name"), first_of(*((way, name) for way, names in WAYS for name in names))
)
async def test_another_way_passes_as_well(way: Way, name: str, tmp_path: Path) -> None:
    """What is judged is the library and the answer, not the calls."""

    async def works(task: Task, library: Library, hands: Hands) -> str:
        return f"RESULT: {await way(task, library, hands)}"

    record = (await played(TASKS[name], tmp_path, works)).record
    assert record.passed, (record.wrong, record.violations)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Done.\n\n**RESULT:** 3", "3"),
        ("Done.\n**RESULT**: 3", "3"),
        ("Result: 3.", "3"),
        ("```\nRESULT: 3\n```", "3"),
        ("RESULT: 2\n\nOnce more:\n\nRESULT: 3\n\nIs there anything else?", "3"),
        ("RESULT: 3 pictures", "3"),
        ("RESULT: 1,200 px", "1200"),
        (r"RESULT: CITY\_2195.jpg, `A.jpg` and B.jpg", "B.jpg, CITY_2195.jpg, A.jpg"),
        ("RESULT: A.jpg: 9,000 px; B.jpg | 300 pixels", "A.jpg 9000, B.jpg 300"),
        ("RESULT: “Elevated Line, St. Louis”", "Elevated Line, St. Louis"),
        ("RESULT: Yes", "yes"),
    ],
)
def test_a_result_is_read_however_it_is_set(answer: str, right: str) -> None:
    """Marks, order, case and units are no part of it."""
    assert plain(result_of(answer) or "") == plain(right)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("RESULT: 3, 4", "3"),
        ("RESULT: 3 or 4", "3"),
        ("RESULT: 0 of 3", "3"),
        ("RESULT: 30", "3"),
        ("RESULT: 3 pictures failed", "3"),
        ("RESULT: A.jpg", "A.jpg, B.jpg"),
        ("RESULT: A.png", "A.jpg"),
        ("RESULT: not yes", "yes"),
        ("RESULT:", "3"),
    ],
)
def test_another_result_is_another(answer: str, right: str) -> None:
    """Two answers are none."""
    assert plain(result_of(answer) or "") != plain(right)


def test_what_names_no_result_has_none() -> None:
    """Words about it are not the line."""
    assert result_of("The result is clear: 3 of them.") is None
