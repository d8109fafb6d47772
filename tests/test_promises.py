"""Each sentence of the README's section on what goes wrong, and the tests that prove it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEADING = "## What happens when things go wrong"

WRITING = "tests/library/test_writing.py"
SURPLUS = "tests/server/test_tools_add_surplus.py"
FAULTS = "tests/server/test_tools_add_faults.py"
REPLAY = "tests/server/test_replay.py"
CONTINUE = "tests/server/test_continue.py"
UNDO = "tests/server/test_undo.py"
TRAFFIC = "tests/api/test_traffic.py"
RECORDS = "tests/test_records.py"
TEXTS = "tests/server/test_hostile_texts.py"
KILLS = "tests/test_kills.py"
KILLED = f"{KILLS}::test_a_killed_write_is_found_settled_and_ended_by_the_same_call"
SENT_AGAIN = (
    f"{FAULTS}::test_what_was_lost_is_sent_again_only_after_it_was_looked_for_in_growing_waits"
)
STORE = "tests/server/test_confirmation_store.py::test_reading_goes_on_and_no_write_is_sent"

PROMISES = {
    "The server looks at what FinerWorks holds before it reports anything.": (
        f"{FAULTS}::test_a_spoiled_chunk_is_settled_by_looking_and_the_others_go_on",
    ),
    "An image that arrived counts as done; "
    "one that does not appear within seconds is sent again.": (
        f"{FAULTS}::test_an_adopted_image_is_told_as_such",
        f"{FAULTS}::test_what_was_lost_is_sent_again_only_after_it_was_looked_for_in_growing_waits",
        f"{FAULTS}::test_an_image_that_is_listed_late_is_waited_for_and_not_sent_again",
    ),
    "If more images appear than you asked for, the job stops and names them.": (
        f"{SURPLUS}::test_more_images_than_were_asked_for_end_the_job_and_are_named",
    ),
    "What cannot be known is called `unknown`, and the next call settles it.": (
        f"{FAULTS}::test_a_lost_chunk_that_is_not_listed_says_how_to_find_out",
        f"{CONTINUE}::test_a_handle_settles_what_is_unknown_before_it_sends_anything",
    ),
    "Within ten minutes it gets the first result again, marked `replayed`, and nothing is sent.": (
        f"{REPLAY}::test_the_same_call_sent_again_is_given_its_result",
        f"{REPLAY}::test_the_same_call_sent_meanwhile_shares_the_end_of_the_first",
    ),
    "`allow_duplicate` is for registering the same files again on purpose.": (
        f"{REPLAY}::test_a_file_is_registered_again_where_that_is_said",
    ),
    "It stops between two chunks, says what is `not_attempted`, and gives a `continue_handle`.": (
        f"{CONTINUE}::test_a_job_that_runs_out_of_time_is_finished_by_its_handle",
    ),
    "Going on asks no second time and never does more than you agreed to.": (
        f"{CONTINUE}::test_a_handle_goes_on_with_what_was_accepted_and_never_more",
        f"{CONTINUE}::test_an_image_that_got_a_product_meanwhile_does_not_lose_it",
    ),
    "An image that somebody changed meanwhile is left alone.": (
        f"{CONTINUE}::test_what_changed_meanwhile_is_held_back",
    ),
    "When it asks for fewer calls, every call of the account waits.": (
        f"{TRAFFIC}::test_a_429_pauses_every_endpoint_for_as_long_as_asked",
        f"{TRAFFIC}::test_twenty_calls_at_once_wait_when_one_is_told_to",
    ),
    "After five calls without any answer the server stops trying for 30 seconds and says so.": (
        f"{TRAFFIC}::test_five_requests_without_an_answer_stop_all_calls",
        f"{TRAFFIC}::test_after_thirty_seconds_one_call_goes_ahead",
    ),
    "Three failed chunks in a row end a job.": (
        f"{FAULTS}::test_three_failures_in_a_row_end_the_call",
    ),
    "Before anything is sent, the journal on disk holds what stood there, products included.": (
        f"{WRITING}::test_what_is_about_to_be_written_is_on_record_before_it_is_sent",
        f"{WRITING}::test_a_deletion_keeps_the_full_former_record_with_its_products",
        KILLED,
    ),
    "`fw-mcp doctor` names the writes that were cut off, and `fw-mcp reconcile` finds out by "
    "reading how they ended.": (
        f"{KILLS}::test_reconcile_and_doctor_tell_a_killed_write",
        f"{RECORDS}::test_a_cut_off_write_is_settled_item_by_item_without_writing",
    ),
    "Reading goes on.": (STORE,),
    "Writing is refused until the journal can be kept.": (STORE,),
    "`undo_change` writes a former text back, deletes what was added, or restores a selection.": (
        f"{UNDO}::test_an_update_gets_its_former_text_back",
        f"{UNDO}::test_undoing_an_add_deletes_what_was_added_after_a_yes",
        f"{UNDO}::test_a_selection_holds_again_what_it_held",
    ),
    "A deleted image is registered again under a new guid; its products cannot come back.": (
        f"{UNDO}::test_a_deleted_image_is_registered_again_under_a_new_guid",
    ),
    "Undoing asks like any other call, and leaves alone what was changed since.": (
        f"{UNDO}::test_undoing_an_update_asks_where_products_would_go",
        f"{UNDO}::test_what_was_changed_since_is_left_alone_and_the_rest_undone",
    ),
    "`fw-mcp changes` lists what was done, and `fw-mcp export-changes` writes it all to a file.": (
        f"{RECORDS}::test_changes_are_told_newest_first_with_all_that_a_person_asks",
        f"{RECORDS}::test_each_change_is_exported_as_a_line_with_its_entries",
    ),
    "Invisible characters are shown as escapes and marked `escaped`.": (
        f"{TEXTS}::test_a_listing_shows_every_text_on_its_own_line",
        f"{TEXTS}::test_full_records_show_every_text_with_escapes",
    ),
    "What is stored stays as it is.": (f"{TEXTS}::test_what_a_result_showed_is_no_new_text",),
}


def sentences() -> list[str]:
    """What the section says, without the words in bold that begin each point."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition(HEADING)[2]
    section = " ".join(text.partition("\n## ")[0].split())
    points = re.split(r"(?:^|\s)- \*\*[^*]+\*\*\s", section)[1:]
    return [one for point in points for one in re.split(r"(?<=\.) (?=[A-Z`])", point.strip())]


def names_in(file: str) -> set[str]:
    """The tests that a file holds."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_every_sentence_has_its_proof_and_every_proof_its_sentence() -> None:
    """A seller decides by this page whether to leave write access on."""
    assert sentences() == list(PROMISES)


def test_every_proof_is_a_test_that_runs() -> None:
    """Checked by name, so that none goes away unnoticed."""
    named = [proof.split("::") for proofs in PROMISES.values() for proof in proofs]
    missing = [f"{file}::{test}" for file, test in named if test not in names_in(file)]
    assert missing == []
