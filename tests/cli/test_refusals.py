"""A refusal that a person reads at a terminal names a command or an option, never a tool."""

import re

import pytest

from fw_mcp.cli.commands import COMMANDS
from fw_mcp.cli.refusals import for_a_person, row_for_a_person
from fw_mcp.config import Settings, option, variable
from fw_mcp.errors import FwError, GuardError, Reason
from fw_mcp.guard.effects import EFFECTS
from fw_mcp.guard.guard import _REFUSALS, _SMALLER

TO_A_MODEL = re.compile(rf"{'|'.join(EFFECTS)}|plan_id|finerworks://|Tell the person")
GUARDED = [
    *(
        (next_step.format(tool="delete_images"), reason)
        for _, next_step, reason in _REFUSALS.values()
    ),
    *((step, Reason.TOO_MANY_ITEMS) for step in _SMALLER.values()),
    ("Tell the person; only the operator can start it without --read-only.", Reason.READ_ONLY),
    ("Tell the person; only the operator can add it to --writes.", Reason.WRITE_DISABLED),
    ("list_changes lists them.", Reason.CANNOT_UNDO),
    ("Call update_image_metadata again in a minute.", Reason.STILL_RUNNING),
    ("Check with search_images before trying again.", Reason.TIMED_OUT),
    ("Call again with fewer images.", Reason.TIMED_OUT),
]


def refusal(next_step: str, reason: Reason) -> FwError:
    """A refusal with this next step."""
    return GuardError(
        "It did not go.", state="Nothing was sent.", next_step=next_step, reason=reason
    )


@pytest.mark.parametrize(("next_step", "reason"), GUARDED)
def test_what_is_said_to_a_model_is_not_said_to_a_person(next_step: str, reason: Reason) -> None:
    """What happened and the state stay; what to do next is what can be done in a terminal."""
    told = for_a_person(refusal(next_step, reason))
    assert told.startswith("It did not go. Nothing was sent. ")
    assert not TO_A_MODEL.search(told)
    for word in re.findall(r"--[a-z-]+", told):
        assert word in {option(name) for name in Settings.model_fields}
    for word in re.findall(r"\(([A-Z_]+)\)", told):
        assert word in {variable(name) for name in Settings.model_fields}
    for word in re.findall(r"fw-mcp ([a-z]+)", told):
        assert word in COMMANDS


@pytest.mark.parametrize(
    "next_step",
    [
        "fw-mcp plans lists pending plans; use the server's own --store.",
        "Correct it, or start over with fw-mcp export.",
        "Wait 30 s, then try again.",
    ],
)
def test_what_a_person_can_do_is_left_as_it_is(next_step: str) -> None:
    """The commands' own words."""
    error = refusal(next_step, Reason.PLAN_UNKNOWN)
    assert (
        for_a_person(error)
        == f"It did not go. Nothing was sent. {next_step} (reason: plan_unknown)"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("No answer came; search_images shows it.", "No answer came; fw-mcp export shows it."),
        (
            "search_images sorted by id shows the newest; check before adding it again.",
            "fw-mcp export shows the newest; check before adding it again.",
        ),
        ("the guid is in more than one row", "the guid is in more than one row"),
    ],
)
def test_a_row_names_the_command_that_looks(said: str, told: str) -> None:
    """What became of an image that nobody knows of yet."""
    assert row_for_a_person(said) == told
