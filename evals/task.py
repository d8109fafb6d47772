"""A task: a seller's words, what is there before, what must be there after, and what may not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from evals.folders import pixels
from evals.library import Effects, Image, Library, digest

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One tool call."""

    tool: str
    arguments: Json


def call(tool: str, **arguments: object) -> Call:
    """One tool call, as it would be written."""
    return Call(tool, arguments)


Step = Callable[[Library, Sequence[Json]], Call]
"""A call of a script, from the library before and the results so far."""


class Answers(StrEnum):
    """How the person answers a question."""

    ACCEPT = "accept"
    DECLINE = "decline"
    SILENT = "silent"
    CAREFUL = "careful"


class Lane(StrEnum):
    """Where a question is asked.

    ``dialog``: the client shows it. ``chat``: the client cannot, so that the operator does.
    ``terminal``: the operator shows it, and the person approves with ``fw-mcp approve``.
    """

    DIALOG = "dialog"
    CHAT = "chat"
    TERMINAL = "terminal"


@dataclass(frozen=True)
class Person:
    """Who is asked.

    Attributes:
        answers: ``careful`` accepts only a question that has all of `reads` and none of `fears`;
            ``silent`` closes it.
        reads: what a careful person wants to read in a question.
        fears: what a careful person does not want to lose.
    """

    answers: Answers = Answers.ACCEPT
    reads: tuple[str, ...] = ()
    fears: tuple[str, ...] = ()


ACCEPTS = Person()
DECLINES = Person(Answers.DECLINE)
SILENT = Person(Answers.SILENT)
KEEPS_WHAT_IS_LIVE = Person(Answers.CAREFUL, fears=("live in",))


def careful(*reads: str) -> Person:
    """Somebody who accepts only a question that says all of this."""
    return Person(Answers.CAREFUL, reads)


def nothing(_library: Library) -> Effects:
    """Everything stays as it is."""
    return Effects()


@dataclass(frozen=True)
class Task:
    """One thing that a seller wants.

    Attributes:
        name: unique.
        words: what the seller says.
        result: what is to stand after ``RESULT:`` in the last line of the answer.
        answer: the right one, from the library before, as its own API gives it.
        steps: the least calls, as somebody would make them who knows the tools by heart.
        says: what the script answers, from the results of its calls.
        wanted: what must have become of the library, and nothing else may.
        person: who is asked.
        adds, adds_temporary: images that are registered before.
        selections: selections that are there before: file names by key.
        chosen: files that the selection must hold whose key is the answer.
        earlier: calls of an earlier chat, made and accepted before the seller speaks.
        earlier_faults: what goes wrong meanwhile.
        agreed_earlier: whether the person said yes to what is left of it, and is not asked again.
        faults: what goes wrong while the task is done.
        options: of the server.
        files: the seller's own, by path.
        folder: the one of their folders that the server may read.
        lane: where the person is asked.
        asks: what a question must have said, whatever the answer.
        shows: the tool that shows the answer, where it is not the first one of the script.
        also: tools that show it as well.
        refuses: words of a tool that shows it by refusing.
        evidence: a pattern of what must have been read before an answer that is easily guessed.
    """

    name: str
    words: str
    result: str
    answer: Callable[[Library], str]
    steps: tuple[Step, ...]
    says: Callable[[Sequence[Json]], str]
    wanted: Callable[[Library], Effects] = nothing
    person: Person = ACCEPTS
    adds: tuple[Json, ...] = ()
    adds_temporary: tuple[Json, ...] = ()
    selections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    earlier: tuple[Step, ...] = ()
    earlier_faults: tuple[Json, ...] = ()
    agreed_earlier: bool = False
    faults: tuple[Json, ...] = ()
    options: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    folder: str = ""
    lane: Lane = Lane.DIALOG
    asks: tuple[str, ...] = ()
    shows: str = ""
    also: tuple[str, ...] = ()
    refuses: str = ""
    evidence: str = ""

    @property
    def prompt(self) -> str:
        """The words, and the form of the answer."""
        return f"{self.words}\n\nEnd your answer with a line of its own: RESULT: {self.result}"


def always(step: Call) -> Step:
    """A call that needs nothing from before."""
    return lambda _library, _results: step


def on(tool: str, *file_names: str, member: str = "guids", **arguments: object) -> Step:
    """A call with the guids of these files, under this name."""
    return lambda library, _: call(tool, **{member: library.of(*file_names)}, **arguments)


def agreed(step: Step) -> Step:
    """The same call again with the plan that it gave."""

    def again(library: Library, results: Sequence[Json]) -> Call:
        made = step(library, results[:-1])
        return call(made.tool, **made.arguments, plan_id=results[-1]["plan_id"])

    return again


def going_on(tool: str) -> Step:
    """What the last call did not finish."""
    return lambda _, results: call(tool, continue_handle=results[-1]["continue_handle"])


def going_on_with_the_last(tool: str) -> Step:
    """What the newest change did not finish, from a list of changes."""
    return lambda _, results: call(tool, continue_handle=results[0]["changes"][0]["change_id"])


def rewrite(**texts: Json) -> Step:
    """New texts, by file name without its ending."""
    return lambda library, _: call(
        "update_image_metadata",
        images=[{"guid": library.of(f"{name}.jpg")[0], **new} for name, new in texts.items()],
    )


def retitle(**titles: str) -> Step:
    """New titles, likewise."""
    return rewrite(**{name: {"title": title} for name, title in titles.items()})


def absent(images: Sequence[Json]) -> Step:
    """Registers those that the first result does not show."""

    def step(_library: Library, results: Sequence[Json]) -> Call:
        there = {image["file_name"] for image in results[0]["images"]}
        return call("add_images", images=[i for i in images if i["file_name"] not in there])

    return step


def file(name: str, title: str, pix_w: int = 6000, pix_h: int = 4000, **more: object) -> Json:
    """An image to register."""
    where = "https://files.studio.example"
    return {
        "title": title,
        "description": f"{title}, on paper.",
        "file_name": name,
        "file_size": pix_w * pix_h,
        "thumbnail_file_name": name,
        "preview_file_name": name,
        "hires_file_name": name,
        "public_thumbnail_uri": f"{where}/thumbnails/{name}",
        "public_preview_uri": f"{where}/previews/{name}",
        "private_hires_uri": f"{where}/masters/{name}",
        "pix_w": pix_w,
        "pix_h": pix_h,
        **more,
    }


def series(name: str, title: str, count: int) -> tuple[Json, ...]:
    """Images to register, numbered from 1 in name and title."""
    return tuple(file(f"{name}_{n:03}.jpg", f"{title} {n}") for n in range(1, count + 1))


def written(images: Sequence[Json]) -> str:
    """Images to register, as a seller writes them down."""
    return "\n".join(", ".join(f"{k} {value}" for k, value in one.items()) for one in images)


def scans(library: Library) -> list[Image]:
    """The images of the series ``scan``."""
    return [image for image in library.inventory if image.file_name.startswith("scan_")]


def deletes(*file_names: str) -> Callable[[Library], Effects]:
    """These files go."""
    return lambda library: Effects(deleted=frozenset(library.of(*file_names)))


def retitles(**titles: str) -> Callable[[Library], Effects]:
    """These titles change, and the products of those images go."""

    def wanted(library: Library) -> Effects:
        by_name = {image.file_name.rpartition(".")[0]: image for image in library.images}
        return Effects(
            texts={by_name[n].guid: (t, by_name[n].description) for n, t in titles.items()},
            lost=frozenset(by_name[n].guid for n in titles if by_name[n].products),
        )

    return wanted


def adds(*images: Json, library: str = "inventory") -> Callable[[Library], Effects]:
    """These come, as they were to be registered."""
    return lambda _: Effects(added=tuple(image | {"library": library} for image in images))


def uploads(files: Mapping[str, bytes], **titles: str) -> Callable[[Library], Effects]:
    """These files come, byte for byte, by path; with these titles, by name without ending."""
    places = {Path(place): content for place, content in files.items()}
    return adds(
        *(
            {
                "title": titles.get(place.stem, place.name),
                "file_name": place.name,
                "file_size": len(content),
                "content": digest(content),
                **pixels(content),
            }
            for place, content in places.items()
        )
    )


def brings_back(file_name: str) -> Callable[[Library], Effects]:
    """This file, which an earlier chat deleted, is there again as it was."""

    def wanted(library: Library) -> Effects:
        return Effects(added=tuple(i.record for i in library.former if i.file_name == file_name))

    return wanted


def selects(key: str, *file_names: str) -> Callable[[Library], Effects]:
    """This selection holds these files."""
    return lambda library: Effects(selections={key: frozenset(library.of(*file_names))})


def text(answer: object) -> Callable[[object], str]:
    """An answer that is known beforehand."""
    return lambda _: str(answer)


def outcome(name: str) -> Callable[[Sequence[Json]], str]:
    """How many ended so, as the last result says."""
    return lambda results: str(results[-1].get("outcomes", {}).get(name, 0))


def outcomes(name: str) -> Callable[[Sequence[Json]], str]:
    """How many ended so, in all calls."""
    return lambda results: str(sum(one.get("outcomes", {}).get(name, 0) for one in results))


def ended(results: Sequence[Json]) -> str:
    """How many the last result tells of, however they came there."""
    return str(sum(results[-1]["outcomes"].values()))


def counted(results: Sequence[Json]) -> str:
    """The count of the last result."""
    return str(results[-1]["count"])


def names(results: Sequence[Json]) -> str:
    """The file names of the last result."""
    return ", ".join(image["file_name"] for image in results[-1]["images"])


def listed(file_names: Sequence[str]) -> str:
    """File names as an answer."""
    return ", ".join(file_names) or "none"
