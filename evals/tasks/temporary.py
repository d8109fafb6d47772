"""Temporary images, which FinerWorks deletes after two weeks."""

from evals.task import (
    Task,
    adds,
    always,
    call,
    counted,
    deletes,
    file,
    on,
    outcome,
    retitle,
    retitles,
    written,
)

_PROOFS = tuple(file(f"proof_{n}.jpg", f"Proof {n}") for n in range(1, 4))
_LOOK = always(call("search_images", library="temporary"))

TASKS = (
    Task(
        name="temporary-count",
        words="How many temporary pictures are there?",
        result="the number",
        answer=lambda library: str(len(library.temporary)),
        adds_temporary=_PROOFS,
        steps=(_LOOK,),
        says=counted,
        evidence="proof_|library temporary",
    ),
    Task(
        name="temporary-delete",
        words="The temporary picture proof_2.jpg is not needed any more. Delete it.",
        result="the number of pictures that were deleted",
        answer=lambda _: "1",
        adds_temporary=_PROOFS,
        steps=(_LOOK, on("delete_images", "proof_2.jpg", library="temporary")),
        says=outcome("deleted"),
        wanted=deletes("proof_2.jpg"),
    ),
    Task(
        name="temporary-retitle",
        words="Call the temporary picture proof_1.jpg Harbor Proof.",
        result="the number of pictures that were changed",
        answer=lambda _: "1",
        adds_temporary=_PROOFS,
        steps=(_LOOK, retitle(proof_1="Harbor Proof")),
        says=outcome("updated"),
        wanted=retitles(proof_1="Harbor Proof"),
    ),
    Task(
        name="temporary-add",
        words="Put this into my library for two weeks only, as a temporary picture:\n"
        + written(_PROOFS[:1]),
        result="the number of pictures that were added",
        answer=lambda _: "1",
        steps=(always(call("add_images", images=[_PROOFS[0]], library="temporary")),),
        says=outcome("created"),
        wanted=adds(_PROOFS[0], library="temporary"),
    ),
)
