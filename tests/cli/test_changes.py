"""The journal for a person: what was changed, the whole of it as lines, and what is left open."""

import json
import stat
import tracemalloc
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from fw_mcp.api.models import DeleteImagesRequest
from fw_mcp.cli.changes import export_changes, list_changes, reconcile_changes, show_changes
from fw_mcp.errors import ConfigError, GuardError, StoreError
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.journal import End, Intent
from fw_mcp.store.sqlite import Database
from fw_mcp.text import timed
from tests.cli.conftest import InProcess
from tests.cli.journalled import BEGUN, small, three
from tests.support.kept import Kept, Write, change, deletion
from tests.support.process import fw_mcp, started
from tests.support.studio import Studio
from tests.support.truth import holdings, new_image

UNFINISHED = (
    "unfinished: it is still running, or its process ended before it was done; "
    "fw-mcp reconcile resolves it"
)


async def guids(studio: Studio) -> set[str]:
    """What the inventory holds."""
    return set(await holdings(studio))


# changes


def test_nothing_is_listed_of_a_new_store(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """And that is said."""
    assert list_changes(kept.assembly(), 1) == 0
    assert capsys.readouterr().out == "No changes recorded yet.\n"


def test_changes_are_told_newest_first_with_all_that_a_person_asks(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """When, what, by whom, accepted how, undone by what; a cut-off one is called unfinished."""
    kept.write(
        Write(
            change(1, plan_id="p", accepted="elicitation", caller='stdio:a"b\x1b'),
            "delete_images",
            [Intent("a", {}), Intent("b", {}), Intent("c", {})],
            [End("a", "deleted"), End("b", "deleted"), End("c", "unknown")],
            ended=True,
        ),
        Write(
            change(2, "undo_change", plan_id="q", accepted="two_step", undoes=f"{1:016x}"),
            "add_images",
            [Intent(None, {}), Intent(None, {})],
            begun_at=BEGUN + 5,
        ),
    )
    list_changes(kept.assembly(), 1)
    assert capsys.readouterr().out.splitlines() == [
        f"{timed(BEGUN + 5)}  0000000000000002  undo_change: 2 unfinished",
        '    by "stdio:tests"; asked in the chat; undoes 0000000000000001',
        f"    {UNFINISHED}",
        f"{timed(BEGUN)}  0000000000000001  delete_images: 2 deleted, 1 unknown",
        "    by \"stdio:a'b\\x1b\"; asked in the client's dialog; undone by 0000000000000002",
        "Page 1 of 1; total changes: 2.",
    ]


@pytest.mark.parametrize(
    ("plan_id", "accepted", "words"),
    [
        (None, None, "nothing was asked"),
        ("p", "elicitation", "asked in the client's dialog"),
        ("p", "multi_round_trip", "asked in the client's dialog"),
        ("p", "two_step", "asked in the chat"),
        ("p", "approval", "asked in a terminal"),
        ("p", None, "not recorded"),
    ],
)
def test_how_a_change_was_accepted_is_said_in_words(
    kept: Kept,
    capsys: pytest.CaptureFixture[str],
    plan_id: str | None,
    accepted: str | None,
    words: str,
) -> None:
    """Each lane has its own; an older store did not record it."""
    kept.write(small(1, plan_id=plan_id, accepted=accepted))
    list_changes(kept.assembly(), 1)
    assert f'    by "stdio:tests"; {words}\n' in capsys.readouterr().out


def test_an_item_that_was_written_again_counts_as_it_ended_last(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call that was gone on with keeps what its last run made of it."""
    intents = [Intent("a", {}), Intent("b", {})]
    ends = [End("a", "deleted"), End("b", "failed")]
    again = [End("a", "deleted"), End("b", "deleted")]
    for told in (ends, again):
        kept.write(Write(change(1), "delete_images", intents, told))
    list_changes(kept.assembly(), 1)
    assert "delete_images: 2 deleted\n" in capsys.readouterr().out


def test_a_page_is_twenty_five_and_names_the_next(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until there is none."""
    kept.fill(range(1, 28))
    told = []
    for page in (1, 2, 3):
        list_changes(kept.assembly(), page)
        told.append(capsys.readouterr().out)
    assert [one.count("delete_images") for one in told] == [25, 2, 0]
    assert told[0].endswith("Page 1 of 2; total changes: 27. fw-mcp changes --page 2 shows more.\n")
    assert told[1].endswith("Page 2 of 2; total changes: 27.\n")
    assert told[2] == "There is no page 3; total pages: 2.\n"
    assert f"{27:016x}" in told[0].splitlines()[0]


def test_a_page_reads_no_records(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """What of them cannot be read does not matter to a list."""
    kept.fill(range(1, 27))
    kept.edit("UPDATE items SET sent = 'no json'")
    for page in (1, 2):
        list_changes(kept.assembly(), page)
        assert f"Page {page} of 2" in capsys.readouterr().out


# changes --export


def exported(
    kept: Kept, capsys: pytest.CaptureFixture[str], *, show_hires: bool = False
) -> list[Any]:
    """What is exported to stdout."""
    assert export_changes(kept.assembly(show_hires=show_hires), None) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_change_is_exported_as_a_line_with_its_items(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oldest first: what was sent, what stood there, what came of it, nothing left out."""
    sent, before = {"guid": "a", "library": "inventory"}, {"guid": "a", "title": "\u202eSun"}
    kept.write(
        Write(
            change(1, plan_id="p", accepted="approval"),
            "delete_images",
            [Intent("a", sent, before)],
            [End("a", "deleted", "As asked.")],
            ended=True,
        ),
        Write(
            change(2, "set_selection"),
            "update_file_selection",
            [Intent("s", {"guid": "s"}, {"guids": []})],
        ),
    )
    at = "2027-01-15T08:00:00.000+00:00"
    who = {"caller": "stdio:tests", "client": None, "undoes": None, "begun_at": at}
    assert exported(kept, capsys) == [
        {
            **who,
            "change_id": "0000000000000001",
            "tool": "delete_images",
            "plan_id": "p",
            "accepted": "approval",
            "ended_at": at,
            "finished": True,
            "items": [
                {
                    "item": 0,
                    "kind": "delete_images",
                    "guid": "a",
                    "begun_at": at,
                    "finished_at": at,
                    "outcome": "deleted",
                    "detail": "As asked.",
                    "sent": sent,
                    "before": before,
                    "after": None,
                }
            ],
        },
        {
            **who,
            "change_id": "0000000000000002",
            "tool": "set_selection",
            "plan_id": None,
            "accepted": None,
            "ended_at": None,
            "finished": False,
            "items": [
                {
                    "item": 0,
                    "kind": "update_file_selection",
                    "guid": "s",
                    "begun_at": at,
                    "finished_at": None,
                    "outcome": None,
                    "detail": "",
                    "sent": {"guid": "s"},
                    "before": {"guids": []},
                    "after": None,
                }
            ],
        },
    ]


@pytest.mark.parametrize("show_hires", [False, True])
def test_the_print_masters_address_is_exported_only_where_the_operator_shows_it(
    kept: Kept, capsys: pytest.CaptureFixture[str], show_hires: bool
) -> None:
    """Wherever it stands: in what was sent, what stood there, what was read back."""
    record = {"guid": "a", "private_hires_uri": "https://files.example/master.tif"}
    end = End("a", "created", after={**record, "more": [record]})
    kept.write(Write(change(1, "add_images"), "add_images", [Intent("a", record, record)], [end]))
    text = json.dumps(exported(kept, capsys, show_hires=show_hires))
    assert text.count("private_hires_uri") == text.count("master.tif") == (4 if show_hires else 0)


def test_an_export_shows_no_terminal_code(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON's own escapes, which a program reads as what was stored."""
    kept.write(small(1, caller="stdio:\x1b]0;\u202e\U000e0041"))
    export_changes(kept.assembly(), None)
    out = capsys.readouterr().out
    assert out.isascii()
    assert out[:-1].isprintable()


def test_an_export_makes_a_new_file_for_its_owner_only(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says how much is in it on stderr."""
    kept.fill(range(1, 24))
    file = tmp_path / "changes.jsonl"
    assert export_changes(kept.assembly(), file) == 0
    ids = [json.loads(line)["change_id"] for line in file.read_text().splitlines()]
    assert ids == [f"{number:016x}" for number in range(1, 24)]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert capsys.readouterr() == ("", f"Changes written to {file}: 23.\n")


@pytest.mark.parametrize(
    ("name", "why"), [("old.jsonl", "exists already"), ("no/where.jsonl", "cannot be made")]
)
def test_an_export_overwrites_nothing(kept: Kept, tmp_path: Path, name: str, why: str) -> None:
    """Nor does it leave a file where it could not make one."""
    (tmp_path / "old.jsonl").write_text("mine")
    with pytest.raises(ConfigError, match=why):
        export_changes(kept.assembly(), tmp_path / name)
    assert (tmp_path / "old.jsonl").read_text() == "mine"


def test_a_broken_export_leaves_no_half_file(kept: Kept, tmp_path: Path) -> None:
    """It would look like a whole one."""
    kept.write(small(1), small(2))
    kept.edit("UPDATE items SET sent = 'no json' WHERE change_id = ?", f"{2:016x}")
    with pytest.raises(StoreError, match="Cannot use the store"):
        export_changes(kept.assembly(), tmp_path / "half.jsonl")
    assert not (tmp_path / "half.jsonl").exists()


def test_an_export_holds_a_few_changes_in_memory_at_a_time(kept: Kept, tmp_path: Path) -> None:
    """However long the journal is: 15 MB here."""
    kept.fill(range(150))
    kept.edit("UPDATE items SET before = ?", json.dumps({"title": "x" * 100_000}))
    file = tmp_path / "changes.jsonl"
    tracemalloc.start()
    export_changes(kept.assembly(), file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert file.stat().st_size > 15_000_000
    assert peak < 6_000_000


def test_a_reader_that_has_enough_is_no_error(kept: Kept) -> None:
    """`fw-mcp changes --export | head -1`."""
    kept.write(small(1))
    kept.edit("UPDATE items SET before = ?", json.dumps({"title": "x" * 1_000_000}))
    command = ["changes", "--export", *kept.options]
    with started(command) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert (process.stderr.read(), process.wait(timeout=30)) == (b"", 0)


# reconcile


def reconciled(
    kept: Kept, capsys: pytest.CaptureFixture[str], later_s: float = 3600
) -> tuple[int, list[str]]:
    """The exit code and what was said."""
    code = reconcile_changes(kept.assembly(later_s), {"adopt": None})
    assert kept.studio.wire.writes == []
    return code, capsys.readouterr().out.splitlines()


def open_items(kept: Kept) -> int:
    """How many items have no known outcome."""
    ((count,),) = kept.edit(
        "SELECT count(*) FROM items WHERE outcome IS NULL OR outcome = 'unknown'"
    )
    return int(count)


def test_nothing_open_is_said(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and the service is not even asked."""
    kept.write(small(1))
    assert reconciled(kept, capsys) == (0, ["Unfinished writes resolved: 0; none are left."])
    assert kept.studio.wire.sent == []


def test_a_cut_off_write_is_settled_item_by_item_without_writing(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was carried out is told apart from what was not; a second time nothing is open."""
    one, two, _ = kept.ask(three)
    kept.write(deletion(1, one, two))

    async def deleted(studio: Studio) -> None:
        request = DeleteImagesRequest(library=studio.api.library("inventory"), guids=[one.guid])
        await studio.api.delete_images(request)

    kept.ask(deleted)
    before = kept.ask(guids)
    assert reconciled(kept, capsys) == (
        0,
        [
            f"{timed(BEGUN)}  0000000000000001  delete_images",
            f"    deleted: {one.guid} | Resolved later by reading FinerWorks.",
            f"    failed: {two.guid} | FinerWorks still lists it: it was not deleted.",
            "Unfinished writes resolved: 1; none are left.",
        ],
    )
    assert kept.ask(guids) == before
    assert reconciled(kept, capsys) == (0, ["Unfinished writes resolved: 0; none are left."])


def test_only_what_is_unknown_of_a_finished_write_is_told(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was known before is not news."""
    one, two, _ = kept.ask(three)
    ends = [End(one.guid, "failed", "as before"), End(two.guid, "unknown")]
    kept.write(deletion(1, one, two, ends=ends, ended=True))
    code, said = reconciled(kept, capsys)
    assert (code, len(said), open_items(kept)) == (0, 3, 0)
    assert said[1].startswith(f"    failed: {two.guid} | ")


def test_an_image_that_was_never_added_is_told_by_its_file_name(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no guid."""
    names = ("thumbnail_file_name", "preview_file_name", "hires_file_name")
    image = {**dict.fromkeys(names, "a.jpg"), **new_image(1), "library": "inventory"}
    baseline = '{"newest_id": 0, "guids": []}'
    kept.write(
        Write(change(1, "add_images", baseline=baseline), "add_images", [Intent(None, image)])
    )
    code, said = reconciled(kept, capsys)
    assert code == 0
    assert said[1] == (
        '    failed: "NEW_001.jpg" | FinerWorks does not list it: '
        "it was not added, or has been removed since."
    )


def test_what_another_process_is_writing_is_left_alone(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """As long as that holds it, and no longer: nobody waits for a process that has ended."""
    write = deletion(1, kept.ask(three)[0])
    kept.write(write)

    async def meanwhile() -> tuple[int, list[str]]:
        async with kept.at(write):
            return await to_thread.run_sync(partial(reconciled, kept, capsys, later_s=1))

    code, said = anyio.run(meanwhile)
    assert (code, open_items(kept)) == (7, 1)
    assert said[1] == "    skipped: it is still running; run this again in a minute"
    assert reconciled(kept, capsys, later_s=100)[0] == 0
    assert open_items(kept) == 0


def test_what_was_written_on_another_account_is_its_own_affair(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """This account does not list it, which would pass for an end."""
    one, two, _ = kept.ask(three)
    kept.write(replace(deletion(1, one), account="another"), deletion(2, two))
    code, said = reconciled(kept, capsys)
    assert (code, open_items(kept)) == (0, 1)
    assert said[1].startswith(f"    failed: {two.guid}")
    assert said[-1] == "Unfinished writes resolved: 1; none are left."


@pytest.mark.parametrize("export", [None, "-"])
def test_that_other_accounts_have_changes_is_said_beside_the_list(
    kept: Kept, capsys: pytest.CaptureFixture[str], export: str | None
) -> None:
    """Promise: nothing is invisible for the want of its keys."""
    one, two, three_ = kept.ask(three)
    show_changes(kept.assembly(), {"export": export, "page": "1"})
    assert capsys.readouterr().err == ""
    kept.write(deletion(1, one), *(replace(deletion(2, two), account=name) for name in "ab"))
    show_changes(kept.assembly(), {"export": export, "page": "1"})
    printed = capsys.readouterr()
    assert printed.err == (
        "Other accounts on this store: 2. They have 2 unfinished changes: run this with their "
        "keys, or, if those are former keys of yours, run fw-mcp reconcile --adopt ACCOUNT with "
        "your new ones.\n"
    )
    assert three_.guid not in printed.out
    assert two.guid not in printed.out


def test_a_change_that_cannot_be_read_stays_open_and_the_others_are_settled(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 5, with the reason; the next run settles it."""
    one, two, _ = kept.ask(three)
    kept.write(deletion(1, one), deletion(2, two))
    kept.studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))
    code, said = reconciled(kept, capsys)
    assert (code, open_items(kept)) == (5, 1)
    assert said[1].startswith("    unresolved: FinerWorks rejected list_images")
    assert said[3].startswith(f"    failed: {two.guid}")
    assert said[-1] == "Unfinished writes resolved: 1; unresolved: 1."
    assert reconciled(kept, capsys)[0] == 0


def test_a_service_out_of_reach_ends_the_attempt(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4: the other entries would wait for it in vain."""
    one, two, _ = kept.ask(three)
    kept.write(deletion(1, one), deletion(2, two))
    kept.studio.faults.add(Fault(FaultKind.SILENT, endpoint="list_images", times=99))
    code, said = reconciled(kept, capsys)
    assert (code, open_items(kept)) == (4, 2)
    assert [line for line in said if "0000000000000002" in line] == []
    assert said[-1] == "Unfinished writes resolved: 0; unresolved: 2."


def test_an_outcome_that_cannot_be_recorded_is_still_open(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 7: what the service said is told, and not called settled."""
    (one, _, _) = kept.ask(three)
    kept.write(deletion(1, one))
    kept.edit("CREATE TRIGGER full BEFORE UPDATE ON items BEGIN SELECT raise(ABORT, 'x'); END")
    code, said = reconciled(kept, capsys)
    assert (code, said[-1]) == (7, "Unfinished writes resolved: 0; unresolved: 1.")


def test_without_keys_reconcile_says_which(kept: Kept, in_process: InProcess) -> None:
    """Exit code 3, as elsewhere."""
    kept.write(deletion(1, kept.ask(three)[0]))
    done = in_process(["reconcile", "--store", str(kept.path)])
    assert done.returncode == 3
    assert "These keys are not set" in done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["changes"], "No changes recorded yet.\n"),
        (["changes", "--export"], ""),
        (["reconcile"], "Unfinished writes resolved: 0; none are left.\n"),
    ],
)
def test_the_journal_of_a_new_store_is_empty(
    command: list[str], said: str, in_process: InProcess, tmp_path: Path
) -> None:
    """`fw-mcp changes`, `changes --export` and `reconcile` have nothing to tell, and say so."""
    done = in_process([*command, "--sandbox", "--store", str(tmp_path / "store")])
    assert (done.returncode, done.stdout) == (0, said)


def test_an_export_that_would_overwrite_a_file_is_a_wrong_usage(
    in_process: InProcess, tmp_path: Path
) -> None:
    """Exit code 2, and what was there stays."""
    (tmp_path / "mine").write_text("kept")
    done = in_process(["changes", "--export", "mine", "--sandbox"])
    assert (done.returncode, (tmp_path / "mine").read_text()) == (2, "kept")
    assert "exists already. Nothing was written." in done.stderr


# what a former key wrote


class Person:
    """Somebody at a terminal, who answers one question."""

    def __init__(self, *, agrees: bool) -> None:
        self.asked: list[str] = []
        self._agrees = agrees

    def __call__(self, question: str) -> bool:
        """Read it and answer it."""
        self.asked.append(question)
        return self._agrees


def left_by_former_keys(kept: Kept) -> tuple[str, str]:
    """A deletion that was cut off and one that ended; of an older version's account, and ours."""
    one, two, _ = kept.ask(three)
    kept.write(
        small(1),
        deletion(2, one, account="former"),
        replace(small(3), account="former"),
        deletion(4, two, account="process-1"),
    )
    return f"{2:016x}", f"{3:016x}"


def test_what_a_former_key_wrote_is_taken_over_by_a_person_and_settled(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise: a key that is no more leaves nothing behind that nobody can settle or undo."""
    open_, ended = left_by_former_keys(kept)
    person = Person(agrees=True)
    assert reconcile_changes(kept.assembly(), {"adopt": "former"}, person) == 0
    (question,) = person.asked
    assert f"They would become changes of {kept.account}, the account whose keys" in question
    said = capsys.readouterr()
    assert "2 changes of former, 1 of them unfinished; the newest:" in said.out
    assert f"Taken over: 2 changes of former are {kept.account}'s now." in said.out
    assert "Unfinished writes resolved: 1; none are left." in said.out
    assert said.err == ""
    rows = kept.edit("SELECT change_id FROM changes WHERE account = ?", kept.account)
    assert {row[0] for row in rows} == {f"{1:016x}", open_, ended}
    assert kept.edit("SELECT count(*) FROM items WHERE account = 'former'") == [(0,)]


def test_without_a_yes_nothing_is_taken_over(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody is at a terminal, too; and whose changes are left is told."""
    left_by_former_keys(kept)
    before = kept.edit("SELECT * FROM changes ORDER BY account, place")
    assert reconcile_changes(kept.assembly(), {"adopt": "former"}, Person(agrees=False)) == 1
    done = fw_mcp(["reconcile", "--adopt", "former", *kept.options])
    assert done.returncode == 1
    for said in (capsys.readouterr().out, done.stdout):
        assert said.endswith("Nothing was taken over.\n")
    assert kept.edit("SELECT * FROM changes ORDER BY account, place") == before


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nobody", "Others on it: former."),
        ("process-1", "Others on it: former."),
        ("{own}", "Others on it: former."),
    ],
)
def test_only_another_account_that_left_something_is_taken_over(
    kept: Kept, named: str, said: str
) -> None:
    """Those that can be are named."""
    left_by_former_keys(kept)
    named = named.format(own=kept.account)
    with pytest.raises(GuardError, match=said):
        reconcile_changes(kept.assembly(), {"adopt": named}, Person(agrees=True))


def test_an_account_that_the_service_named_is_another_and_stays(kept: Kept) -> None:
    """Someone else's keys are for it, for certain; nobody is asked."""
    left_by_former_keys(kept)
    others = Database(kept.path, account=KeyPair("keys of another"))
    anyio.run(others.learn, "former")
    others.close()
    person = Person(agrees=True)
    with pytest.raises(GuardError, match="FinerWorks itself named it"):
        reconcile_changes(kept.assembly(), {"adopt": "former"}, person)
    assert person.asked == []


def test_what_is_under_way_under_a_former_name_is_not_taken_over(kept: Kept) -> None:
    """Its end would be recorded where it is no more."""
    open_, _ = left_by_former_keys(kept)
    person = Person(agrees=True)

    async def meanwhile() -> None:
        former = Database(kept.path, account="former")
        async with former.exclusive(f"change:{open_}"):
            await to_thread.run_sync(
                partial(reconcile_changes, kept.assembly(), {"adopt": "former"}, person)
            )

    with pytest.raises(GuardError, match="Another call is working on the same change"):
        anyio.run(meanwhile)
    assert person.asked == []


def test_reconcile_tells_what_other_accounts_left_open(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """How much, and both ways to it; a sandbox in memory is nobody."""
    left_by_former_keys(kept)
    assert reconcile_changes(kept.assembly(), {"adopt": None}) == 0
    assert capsys.readouterr().err == (
        "Other accounts on this store: 1. They have 1 unfinished change: run this with their keys, "
        "or, if those are former keys of yours, run fw-mcp reconcile --adopt ACCOUNT with your new "
        "ones.\n"
    )
