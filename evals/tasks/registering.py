"""Registering pictures by their URLs."""

from evals.task import Task, absent, adds, always, call, file, outcome, written

_NUMBER = "the number of pictures that are in the library now because of this"

_ONE = [file("pier_dawn.jpg", "Pier at Dawn")]
_SIX = [file(f"gulls_{n}.jpg", f"Gulls, No. {n}") for n in range(1, 7)]
_TWICE = [file("twice.jpg", "Seen Twice"), file("once.jpg", "Seen Once")]

TASKS = (
    Task(
        name="register-one",
        words=f"Add this picture to my library:\n{written(_ONE)}",
        result=_NUMBER,
        answer=lambda _: "1",
        steps=(always(call("add_images", images=_ONE)),),
        says=outcome("created"),
        wanted=adds(*_ONE),
    ),
    Task(
        name="register-six",
        words=f"Add these six to my library:\n{written(_SIX)}",
        result=_NUMBER,
        answer=lambda _: "6",
        steps=(always(call("add_images", images=_SIX)),),
        says=outcome("created"),
        wanted=adds(*_SIX),
    ),
    Task(
        name="register-known",
        words=f"Add these two, but not what I have already:\n{written(_TWICE)}",
        result=_NUMBER,
        answer=lambda _: "1",
        adds=(_TWICE[0],),
        steps=(
            always(call("search_images", file_name_contains=["twice.jpg", "once.jpg"])),
            absent(_TWICE),
        ),
        says=outcome("created"),
        wanted=adds(_TWICE[1]),
    ),
    Task(
        name="register-dry",
        words="Would these all go into my library? Only check, do not add anything yet:\n"
        f"{written(_SIX)}",
        result="the number that would be added",
        answer=lambda _: "6",
        steps=(always(call("add_images", images=_SIX, dry_run=True)),),
        says=outcome("would_add"),
        also=("search_images",),
        evidence=r'would_add|"count": 0\b',
    ),
)
