"""The journal for a person: what was changed, the whole of it as lines, and what is left open."""

import json
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
import stamina

from fw_mcp.api.models import DeleteImagesRequest, ImageDetails
from fw_mcp.cli.changes import export_changes, list_changes, reconcile
from fw_mcp.cli.main import main
from fw_mcp.cli.serve import look_after_journal, look_after_journal_daily
from fw_mcp.errors import ConfigError, StoreError
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.kept import Kept, Write, change, deletion, ended
from tests.process import environment, fw_mcp
from tests.studio import Clock, Studio, make_studio
from tests.truth import holdings, new_image, unsold

BEGUN = 1_800_000_000.0
DAY_S = 86_400
UNFINISHED = (
    "unfinished: it is still under way, or its process ended during it; fw-mcp reconcile settles it"
)
LIST_TOOLS = (
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
    '"capabilities":{},"clientInfo":{"name":"test","version":"0"}}}\n'
    '{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
    '{"jsonrpc":"2.0","id":2,"method":"tools/list"}\n'
)


@pytest.fixture(scope="module")
def sandbox() -> Studio:
    """One for all: next to nothing here writes to it."""
    return make_studio()


@pytest.fixture
def kept(tmp_path: Path, sandbox: Studio) -> Iterator[Kept]:
    """A store that does not exist yet, beside a sandbox."""
    yield Kept(tmp_path / "store", sandbox)
    sandbox.faults.clear()


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    """Reads are tried again at once."""
    with stamina.set_testing(testing=True, attempts=2, cap=True):
        yield


def local(moment: float) -> str:
    """A moment as the commands tell it."""
    return datetime.fromtimestamp(moment, UTC).astimezone().isoformat(timespec="seconds")


async def three(studio: Studio) -> list[ImageDetails]:
    """Three images without products."""
    return await unsold(studio, 3)


async def guids(studio: Studio) -> set[str]:
    """What the inventory holds."""
    return set(await holdings(studio))


def small(number: int, **facts: Any) -> Write:  # noqa: ANN401  of a change
    """A change of one image that ended well."""
    return Write(
        change(number, **facts),
        "delete_images",
        [{"item": 0, "guid": f"{number}"}],
        outcome=[ended(0, f"{number}", "deleted")],
        begun_at=BEGUN + number,
        ended=True,
    )


# changes


def test_nothing_is_listed_of_a_new_store(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """And that is said."""
    assert list_changes(kept.assembly(), {"page": 1}) == 0
    assert capsys.readouterr().out == "Nothing was changed yet.\n"


def test_changes_are_told_newest_first_with_all_that_a_person_asks(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """When, what, by whom, accepted how, undone by what; a cut-off one is called unfinished."""
    kept.write(
        Write(
            change(1, plan_id="p", accepted="elicitation", caller='stdio:a"b\x1b'),
            "delete_images",
            [{"item": 0, "guid": "a"}, {"item": 1, "guid": "b"}, {"item": 2, "guid": "c"}],
            outcome=[ended(0, "a", "deleted"), ended(1, "b", "deleted"), ended(2, "c", "unknown")],
            ended=True,
        ),
        Write(
            change(2, "undo_change", plan_id="q", accepted="two_step", undoes=f"{1:016x}"),
            "add_images",
            [{"item": 0, "guid": None}, {"item": 1, "guid": None}],
            begun_at=BEGUN + 5,
        ),
    )
    list_changes(kept.assembly(), {"page": 1})
    assert capsys.readouterr().out.splitlines() == [
        f"{local(BEGUN + 5)}  0000000000000002  undo_change: 2 unfinished",
        '    by "stdio:tests"; second call; undoes 0000000000000001',
        f"    {UNFINISHED}",
        f"{local(BEGUN)}  0000000000000001  delete_images: 2 deleted, 1 unknown",
        "    by \"stdio:a'b\\x1b\"; asked in the client's dialogue; undone by 0000000000000002",
        "Page 1 of 1; changes in all: 2.",
    ]


@pytest.mark.parametrize(
    ("plan_id", "accepted", "words"),
    [
        (None, None, "nothing was asked"),
        ("p", "elicitation", "asked in the client's dialogue"),
        ("p", "multi_round_trip", "asked in the client's dialogue"),
        ("p", "two_step", "second call"),
        ("p", "approval", "terminal"),
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
    list_changes(kept.assembly(), {"page": 1})
    assert f'    by "stdio:tests"; {words}\n' in capsys.readouterr().out


def test_an_item_that_was_written_again_counts_as_it_ended_last(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call that was gone on with has an entry a run."""
    intent = [{"item": 0, "guid": "a"}, {"item": 1, "guid": "b"}]
    first = Write(change(1), "delete_images", intent, outcome=[ended(0, "a", "deleted"),
                  ended(1, "b", "failed")])  # fmt: skip
    again = Write(change(1), "delete_images", intent[1:], outcome=[ended(1, "b", "deleted")])
    kept.write(first, again)
    list_changes(kept.assembly(), {"page": 1})
    assert "delete_images: 2 deleted\n" in capsys.readouterr().out


def test_a_page_is_twenty_five_and_names_the_next(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until there is none."""
    kept.fill(range(1, 28))
    told = []
    for page in (1, 2, 3):
        list_changes(kept.assembly(), {"page": page})
        told.append(capsys.readouterr().out)
    assert [one.count("delete_images") for one in told] == [25, 2, 0]
    assert told[0].endswith("Page 1 of 2; changes in all: 27. fw-mcp changes --page 2 goes on.\n")
    assert told[1].endswith("Page 2 of 2; changes in all: 27.\n")
    assert told[2] == "There is no page 3; pages in all: 2.\n"
    assert f"{27:016x}" in told[0].splitlines()[0]


def test_a_page_reads_its_own_entries_only(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read on another page does not matter to this one."""
    kept.fill(range(1, 27))
    kept.edit("UPDATE journal SET outcome = 'no json' WHERE entry_id = 1")
    list_changes(kept.assembly(), {"page": 1})
    assert "Page 1 of 2" in capsys.readouterr().out
    with pytest.raises(StoreError):
        list_changes(kept.assembly(), {"page": 2})


@pytest.mark.parametrize("page", ["0", "-1", "two", "1000001", "9" * 5000])
def test_a_page_that_is_no_number_of_one_is_a_wrong_usage(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    with pytest.raises(SystemExit) as ended_:
        main(["changes", "--sandbox", f"--page={page}"])
    assert ended_.value.code == 2
    assert "--page" in capsys.readouterr().err


# export-changes


def exported(
    kept: Kept, capsys: pytest.CaptureFixture[str], *, show_hires: bool = False
) -> list[Any]:
    """What is exported to stdout."""
    assert export_changes(kept.assembly(show_hires=show_hires), {"file": None}) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_change_is_exported_as_a_line_with_its_entries(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oldest first: what was sent, what stood there, what came of it, nothing left out."""
    done = ended(0, "a", "deleted", after=None, stored=None)
    former = [{"guid": "a", "title": "\u202eSun"}]
    kept.write(
        Write(
            change(1, plan_id="p", accepted="approval"),
            "delete_images",
            [{"item": 0, "guid": "a", "library": "inventory"}],
            former,
            [done],
            ended=True,
        ),
        Write(change(2, "set_selection"), "update_file_selection", [{"item": 0, "guid": "s"}]),
    )
    at = "2027-01-15T08:00:00.000+00:00"
    who = {"caller": "stdio:tests", "undoes": None, "begun_at": at}
    assert exported(kept, capsys) == [
        {
            **who,
            "change_id": "0000000000000001",
            "tool": "delete_images",
            "plan_id": "p",
            "accepted": "approval",
            "ended_at": at,
            "finished": True,
            "entries": [
                {
                    "entry_id": 1,
                    "kind": "delete_images",
                    "begun_at": at,
                    "finished_at": at,
                    "intent": [{"item": 0, "guid": "a", "library": "inventory"}],
                    "former": former,
                    "outcome": [done],
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
            "entries": [
                {
                    "entry_id": 2,
                    "kind": "update_file_selection",
                    "begun_at": at,
                    "finished_at": None,
                    "intent": [{"item": 0, "guid": "s"}],
                    "former": [],
                    "outcome": None,
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
    outcome = [ended(0, "a", "created", after={**record, "more": [record]})]
    kept.write(Write(change(1, "add_images"), "add_images", [{"item": 0, **record}], [record],
                     outcome))  # fmt: skip
    text = json.dumps(exported(kept, capsys, show_hires=show_hires))
    assert text.count("private_hires_uri") == text.count("master.tif") == (4 if show_hires else 0)


def test_an_export_shows_no_terminal_code(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON's own escapes, which a program reads as what was stored."""
    kept.write(small(1, caller="stdio:\x1b]0;\u202e\U000e0041"))
    export_changes(kept.assembly(), {"file": None})
    out = capsys.readouterr().out
    assert out.isascii()
    assert out[:-1].isprintable()


def test_an_export_makes_a_new_file_for_its_owner_only(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says how much is in it on stderr."""
    kept.fill(range(1, 24))
    file = tmp_path / "changes.jsonl"
    assert export_changes(kept.assembly(), {"file": str(file)}) == 0
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
        export_changes(kept.assembly(), {"file": str(tmp_path / name)})
    assert (tmp_path / "old.jsonl").read_text() == "mine"


def test_a_broken_export_leaves_no_half_file(kept: Kept, tmp_path: Path) -> None:
    """It would look like a whole one."""
    kept.write(small(1), small(2))
    kept.edit("UPDATE journal SET outcome = 'no json' WHERE entry_id = 2")
    with pytest.raises(ValueError, match="Expecting value"):
        export_changes(kept.assembly(), {"file": str(tmp_path / "half.jsonl")})
    assert not (tmp_path / "half.jsonl").exists()


def test_an_export_holds_a_few_changes_in_memory_at_a_time(kept: Kept, tmp_path: Path) -> None:
    """However long the journal is: 15 MB here."""
    kept.fill(range(150))
    kept.edit("UPDATE journal SET former = ?", json.dumps([{"title": "x" * 100_000}]))
    file = tmp_path / "changes.jsonl"
    tracemalloc.start()
    export_changes(kept.assembly(), {"file": str(file)})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert file.stat().st_size > 15_000_000
    assert peak < 6_000_000


def test_a_reader_that_has_enough_is_no_error(kept: Kept) -> None:
    """`fw-mcp export-changes | head -1`."""
    kept.write(small(1))
    kept.edit("UPDATE journal SET former = ?", json.dumps([{"title": "x" * 1_000_000}]))
    with subprocess.Popen(
        [sys.executable, "-m", "fw_mcp", "export-changes", "--sandbox", f"--store={kept.path}"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
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
    code = reconcile(kept.assembly(later_s), {})
    assert kept.studio.wire.writes == []
    return code, capsys.readouterr().out.splitlines()


def open_entries(kept: Kept) -> int:
    """How many entries have no known outcome."""
    ((count,),) = kept.edit("SELECT count(*) FROM journal WHERE finished_at IS NULL OR unknown > 0")
    return int(count)


def test_nothing_open_is_said(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and the service is not even asked."""
    kept.write(small(1))
    assert reconciled(kept, capsys) == (0, ["Open writes settled: 0; nothing is left open."])
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
            f"#1  {local(BEGUN)}  0000000000000001  delete_images",
            f"    deleted: {one.guid} | Settled later, by reading the service.",
            f"    failed: {two.guid} | FinerWorks still lists it: it was not deleted.",
            "Open writes settled: 1; nothing is left open.",
        ],
    )
    assert kept.ask(guids) == before
    assert reconciled(kept, capsys) == (0, ["Open writes settled: 0; nothing is left open."])


def test_only_what_is_unknown_of_a_finished_write_is_told(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was known before is not news."""
    one, two, _ = kept.ask(three)
    outcome = [ended(0, one.guid, "failed", "as before"), ended(1, two.guid, "unknown")]
    kept.write(deletion(1, one, two, outcome=outcome, ended=True))
    code, said = reconciled(kept, capsys)
    assert (code, len(said), open_entries(kept)) == (0, 3, 0)
    assert said[1].startswith(f"    failed: {two.guid} | ")


def test_an_image_that_was_never_added_is_told_by_its_file_name(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no guid."""
    names = ("thumbnail_file_name", "preview_file_name", "hires_file_name")
    image = {**dict.fromkeys(names, "a.jpg"), **new_image(1), "library": "inventory"}
    kept.write(Write(change(1, "add_images"), "add_images", [{"item": 0, **image}]))
    code, said = reconciled(kept, capsys)
    assert code == 0
    assert said[1] == (
        '    failed: "NEW_001.jpg" | FinerWorks does not list it: '
        "it was not added, or is gone since."
    )


@pytest.mark.parametrize(("later_s", "code", "left"), [(60, 7, 1), (3600, 0, 0)])
def test_what_another_process_may_still_write_is_left_alone(
    kept: Kept, capsys: pytest.CaptureFixture[str], later_s: float, code: int, left: int
) -> None:
    """For ninety seconds, which no write of a call lasts."""
    kept.write(deletion(1, kept.ask(three)[0]).by_this_process())
    exit_code, said = reconciled(kept, capsys, later_s)
    assert (exit_code, open_entries(kept)) == (code, left)
    assert ("another process may still be writing it" in said[1]) is bool(left)


def test_a_process_that_ended_a_moment_ago_is_not_waited_for(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not there any more."""
    kept.write(deletion(1, kept.ask(three)[0]))
    assert reconciled(kept, capsys, later_s=1)[0] == 0


def test_an_unknown_outcome_of_a_moment_ago_is_not_waited_for(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """The write has ended, though its process still runs."""
    one, *_ = kept.ask(three)
    lost = deletion(1, one, outcome=[ended(0, one.guid, "unknown")])
    kept.write(lost.by_this_process())
    assert reconciled(kept, capsys, later_s=1)[0] == 0
    assert open_entries(kept) == 0


def test_what_was_written_with_another_account_s_keys_is_left_open(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """This account does not list it, which would pass for an end; exit code 7."""
    one, two, _ = kept.ask(three)
    kept.write(replace(deletion(1, one), account="another"), deletion(2, two))
    code, said = reconciled(kept, capsys)
    assert (code, open_entries(kept)) == (7, 1)
    assert said[1] == (
        "    left open: it was made with another account's keys; run this again with those"
    )
    assert said[3].startswith(f"    failed: {two.guid}")
    assert said[-1] == "Open writes settled: 1; left open: 1."


def test_what_was_written_with_these_keys_is_settled(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """By whichever process has them."""
    kept.write(replace(deletion(1, kept.ask(three)[0]), account="mine"))
    assembly = kept.assembly()
    assembly.journal.account = "mine"
    assert reconcile(assembly, {}) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("nothing is left open.")


def test_an_entry_that_cannot_be_read_stays_open_and_the_others_are_settled(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 5, with the reason; the next run settles it."""
    one, two, _ = kept.ask(three)
    kept.write(deletion(1, one), deletion(2, two))
    kept.studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))
    code, said = reconciled(kept, capsys)
    assert (code, open_entries(kept)) == (5, 1)
    assert said[1].startswith("    left open: FinerWorks did not carry out list_images")
    assert said[3].startswith(f"    failed: {two.guid}")
    assert said[-1] == "Open writes settled: 1; left open: 1."
    assert reconciled(kept, capsys)[0] == 0


def test_a_service_out_of_reach_ends_the_attempt(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4: the other entries would wait for it in vain."""
    one, two, _ = kept.ask(three)
    kept.write(deletion(1, one), deletion(2, two))
    kept.studio.faults.add(Fault(FaultKind.SILENT, endpoint="list_images", times=99))
    code, said = reconciled(kept, capsys)
    assert (code, open_entries(kept)) == (4, 2)
    assert [line for line in said if line.startswith("#2")] == []
    assert said[-1] == "Open writes settled: 0; left open: 2."


def test_an_outcome_that_cannot_be_recorded_is_still_open(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 7: what the service said is told, and not called settled."""
    (one, _, _) = kept.ask(three)
    kept.write(deletion(1, one))
    kept.edit("CREATE TRIGGER full BEFORE UPDATE ON journal BEGIN SELECT raise(ABORT, 'x'); END")
    code, said = reconciled(kept, capsys)
    assert (code, said[-1]) == (7, "Open writes settled: 0; left open: 1.")


def test_without_keys_reconcile_says_which(kept: Kept) -> None:
    """Exit code 3, as elsewhere."""
    kept.write(deletion(1, kept.ask(three)[0]))
    done = fw_mcp(["reconcile", "--store", str(kept.path)])
    assert done.returncode == 3
    assert "These keys are not set" in done.stderr


# at the start of serving


def test_serving_warns_of_what_is_left_open(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    """How many, which tools, and what to do; a write under way elsewhere is none."""
    one, two, three_ = kept.ask(three)
    late = deletion(3, three_, begun_at=BEGUN + 3600).by_this_process()
    select = Write(change(4, "set_selection"), "update_file_selection", [{"item": 0, "guid": "s"}])
    kept.write(deletion(1, one), deletion(2, two), late, select)
    anyio.run(look_after_journal, kept.assembly())
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "writes without a known outcome: 3 (delete_images, set_selection); run fw-mcp reconcile"
    ]


def test_a_served_process_says_it_on_stderr(kept: Kept) -> None:
    """And serves all the same."""
    kept.write(deletion(1, kept.ask(three)[0]))
    done = fw_mcp(
        ["--sandbox", "--store", str(kept.path)],
        env={"FW_MCP_LOG_LEVEL": "warning"},
        text=LIST_TOOLS,
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    (line,) = done.stderr.splitlines()
    assert "writes without a known outcome: 1 (delete_images); run fw-mcp reconcile" in line


def test_what_is_older_than_the_journal_is_kept_goes_when_serving_starts(kept: Kept) -> None:
    """But nothing of which it is not known how it ended."""
    one, two, _ = kept.ask(three)
    unknown = deletion(1001, two, outcome=[ended(0, two.guid, "unknown")], ended=True)
    kept.fill(range(250))
    kept.write(deletion(1000, one), unknown)
    new = small(1002)
    kept.write(Write(new.change, new.kind, new.intent, outcome=new.outcome, begun_at=BEGUN + DAY_S))
    anyio.run(look_after_journal, kept.assembly(8.5 * DAY_S, journal_days=8))
    assert kept.edit("SELECT change_id FROM changes ORDER BY change_id") == [
        (f"{number:016x}",) for number in (1000, 1001, 1002)
    ]
    assert kept.edit("SELECT count(*) FROM journal") == [(3,)]


def test_the_journal_is_kept_for_a_year_unless_told_otherwise(kept: Kept) -> None:
    """To the day."""
    kept.write(small(0))
    for days, left in ((364.9, 1), (365.1, 0)):
        anyio.run(look_after_journal, kept.assembly(days * DAY_S))
        assert kept.edit("SELECT count(*) FROM changes") == [(left,)]


def test_of_what_is_over_an_hour_old_only_what_was_done_is_kept(kept: Kept) -> None:
    """Nobody reads the rest any more: a call can be gone on with for an hour."""
    done = small(1)
    long = replace(done.change, arguments='{"guids": ["a"]}', seen='{"a": "state"}')
    kept.write(replace(done, change=long, ended=True))
    query = "SELECT arguments, seen, result FROM changes"
    for later_s, left in (
        (3600, [('{"guids": ["a"]}', '{"a": "state"}', "{}")]),
        (3600 + 602, [("{}", "{}", None)]),
    ):
        anyio.run(look_after_journal, kept.assembly(later_s))
        assert kept.edit(query) == left
    assert kept.edit("SELECT count(*) FROM journal") == [(1,)]


class _SeenEnoughError(Exception):
    """The test has seen enough."""


def test_a_server_that_runs_for_months_looks_after_its_journal_daily(kept: Kept) -> None:
    """A day's wait lies between."""
    waits: list[float] = []
    kept.fill(range(4))
    assembly = kept.assembly(0, journal_days=1)
    left: list[int] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        left.append(kept.edit("SELECT count(*) FROM changes")[0][0])
        if len(waits) == 3:
            raise _SeenEnoughError
        clock = assembly.journal.now
        assert isinstance(clock, Clock)
        clock.forward(seconds + 1)

    with pytest.raises(_SeenEnoughError):
        anyio.run(look_after_journal_daily, assembly, sleep)
    assert (waits, left) == ([DAY_S] * 3, [4, 3, 0])


def test_no_store_is_made_only_to_look_into_it(kept: Kept) -> None:
    """A server that was only asked for its tools leaves nothing behind."""
    anyio.run(look_after_journal, kept.assembly())
    assert not kept.path.exists()


def test_a_store_that_cannot_be_used_does_not_keep_a_server_from_serving(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and reading goes on."""
    kept.path.write_text("This is no database." * 100)
    anyio.run(look_after_journal, kept.assembly())
    assert "The journal was not looked at: The store " in caplog.text


def test_an_address_that_cannot_be_listened_on_is_told_as_ever(kept: Kept) -> None:
    """What looks after the journal beside the serving does not hide why it ended."""
    done = fw_mcp(["--sandbox", "--http", "0.0.0.0:0", "--store", str(kept.path)])
    assert done.returncode == 6
    assert done.stderr.splitlines()[-1].startswith("fw-mcp: ")
    assert "Traceback" not in done.stderr
