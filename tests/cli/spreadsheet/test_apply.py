"""`fw-mcp apply`: the same guard, journal and undo as any call, and the truth about every row."""

import re
import signal
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from mcp.client import Client

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.assembly import Assembly
from fw_mcp.cli.main import main
from fw_mcp.cli.spreadsheet.apply import Applied, Applying, Updates, apply
from fw_mcp.cli.spreadsheet.sheet import opened
from fw_mcp.embedded import SandboxTransport
from fw_mcp.errors import TransportError
from fw_mcp.images.account import Account
from fw_mcp.sandbox.app import create_app
from fw_mcp.server.app import build_server
from fw_mcp.writes.update import NewText
from tests.cli.spreadsheet.desk import Cells, Desk, Person, refused, sold, unsold
from tests.support.hostile_texts import HOSTILE, hidden
from tests.support.process import started
from tests.support.recorder import Recorder, Sent
from tests.support.studio import Clock, on_account, said, sandbox_client

LEFT = (
    "Fix the rows named above and apply the file again; rows already as wanted count as unchanged."
)
STOPPED = "Stopped: other rows were not processed."
UNDONE = re.compile(r"fw-mcp undo ([0-9a-f]{16}) undoes it\.")


def retitled(rows: list[Cells], count: int) -> list[Cells]:
    """The first rows of these, each with a new title."""
    for number, row in enumerate(rows[:count]):
        row["title"] = f"Dew {number}"
    return rows[:count]


def change_ids(lines: list[str]) -> list[str]:
    """The changes that were made."""
    return [found[1] for line in lines if (found := UNDONE.search(line))]


def titles(desk: Desk, rows: list[Cells]) -> list[str]:
    """The titles that the library holds of these rows."""
    return [desk.text_of(row["guid"])[0] for row in rows]


def undone(desk: Desk, change_id: str) -> dict[str, Any]:
    """What `undo_change` gives."""
    assembly = desk.assembly()

    async def undo() -> dict[str, Any]:
        async with Client(build_server(assembly.parts), cache=None) as client:
            result = said(await client.call_tool("undo_change", {"change_id": change_id}))
        await assembly.aclose()
        return result

    return anyio.run(undo)


def on_the_wire(
    desk: Desk, on_the_way: Callable[[Sent], Awaitable[httpx.Response | None]], clock: Clock
) -> tuple[Assembly, Recorder]:
    """The parts of a command, with somebody in the way to the service."""
    wire = Recorder(SandboxTransport(create_app(desk.sandbox)))
    wire.on_the_way = on_the_way

    async def connect() -> FinerWorksClient:
        return sandbox_client(wire, clock)

    assembly = desk.assembly()
    account = Account(connect, clock=clock, sleep=clock.sleep)
    return replace(assembly, parts=on_account(assembly.parts, account)), wire


def test_the_whole_round_trip(desk: Desk) -> None:
    """Promise: export, edit, see the diff, apply, undo; and every text ends as it was."""
    rows = unsold(desk.export())[:3]
    former = [desk.text_of(row["guid"]) for row in rows]
    retitled(rows, 2)
    rows[2]["description"] = "'=Not a formula, but a line\nof two"
    desk.write(rows, delimiter=";")
    code, lines = desk.preview()
    assert (code, lines[-2]) == (0, "Rows: 3. 3 would change.")

    code, lines = desk.apply()
    (change_id,) = change_ids(lines)
    assert (code, lines[-2:]) == (
        0,
        [
            f"As read back: 3 updated. fw-mcp undo {change_id} undoes it.",
            "Rows: 3. 3 updated.",
        ],
    )
    assert [desk.text_of(row["guid"]) for row in rows] == [
        ("Dew 0", former[0][1]),
        ("Dew 1", former[1][1]),
        (former[2][0], "=Not a formula, but a line\nof two"),
    ]

    assert desk.apply() == (0, ["Rows: 3. 3 unchanged."])
    assert undone(desk, change_id)["outcomes"] == {"updated": 3}
    assert [desk.text_of(row["guid"]) for row in rows] == [
        (title, description or "") for title, description in former
    ]


def test_the_journal_tells_who_it_was(desk: Desk) -> None:
    """Promise: the same journal as of any call."""
    desk.write(retitled(unsold(desk.export()), 1))
    (change_id,) = change_ids(desk.apply()[1])
    code, lines = desk.run("changes")
    assert (code, lines[0].split("  ")[1:]) == (0, [change_id, "update_image_metadata: 1 updated"])
    assert lines[1] == '    by "stdio:fw-mcp apply"; nothing was asked'


def test_a_row_that_changed_in_the_library_since_the_export_is_skipped_and_named(
    desk: Desk,
) -> None:
    """Promise: what somebody else wrote meanwhile stays; the other rows go."""
    rows = retitled(unsold(desk.export()), 2)
    desk.write(rows)
    desk.sql("UPDATE images SET title = 'Theirs' WHERE guid = ?", rows[0]["guid"])
    code, lines = desk.apply()
    assert code == 7
    assert lines[0] == (
        f"row 2  {rows[0]['guid']}  skipped, changed in the library since the export: "
        'title is now "Theirs"; export again to edit it'
    )
    ends = "1 skipped, changed in the library since the export; 1 updated"
    assert lines[-2:] == [f"Rows: 2. {ends}.", LEFT]
    assert titles(desk, rows) == ["Theirs", "Dew 1"]


def test_a_row_that_changes_while_others_are_read_is_not_overwritten(desk: Desk) -> None:
    """Promise: each row is read once more right before it is sent."""
    rows = retitled(unsold(desk.export()), 2)
    desk.write(rows)
    reads = []

    async def meddle(sent: Sent) -> None:
        reads.append(sent)
        if len(reads) == 2:
            desk.sql("UPDATE images SET title = 'Theirs' WHERE guid = ?", rows[0]["guid"])

    assembly, wire = on_the_wire(desk, meddle, Clock())
    assert apply(assembly, {"file": str(desk.sheet)}, refused) == 7
    assert titles(desk, rows) == ["Theirs", "Dew 1"]
    (update,) = wire.to("update_images")
    assert [one["guid"] for one in update["images"]] == [rows[1]["guid"]]


def test_nothing_is_sent_when_all_rows_changed_meanwhile(desk: Desk) -> None:
    """Then there is no call at all."""
    (row,) = rows = retitled(unsold(desk.export()), 1)
    desk.write(rows)
    reads = []

    async def meddle(sent: Sent) -> None:
        reads.append(sent)
        if len(reads) == 2:
            desk.sql("UPDATE images SET title = 'Theirs' WHERE guid = ?", row["guid"])

    assembly, wire = on_the_wire(desk, meddle, Clock())
    assert apply(assembly, {"file": str(desk.sheet)}, refused) == 7
    assert (titles(desk, rows), wire.writes) == (["Theirs"], [])


def test_products_go_only_after_a_yes_to_a_question_that_names_them(desk: Desk) -> None:
    """Promise: the same question as in a chat, in the terminal."""
    rows = retitled(sold(desk.export()), 1)
    desk.write(rows)
    person = Person()
    code, lines = desk.apply(person)
    (question,) = person.asked
    assert (code, lines[-1]) == (0, "Rows: 1. 1 updated.")
    assert "1 image would lose its products" in question
    assert "live in Etsy" in question
    assert titles(desk, rows) == ["Dew 0"]
    assert desk.sql("SELECT * FROM products WHERE image_guid = ?", rows[0]["guid"]) == []


def test_a_no_leaves_those_rows_and_names_them(desk: Desk) -> None:
    """Promise: rows without products are sent before anything is asked."""
    rows = desk.export()
    plain, selling = retitled(unsold(rows), 1), retitled(sold(rows), 2)
    former = [(row["guid"], desk.text_of(row["guid"])) for row in selling]
    desk.write([*selling, *plain])
    code, lines = desk.apply(Person(answers=False))
    assert code == 7
    assert lines[-3:] == [
        "Not confirmed: rows 2, 3.",
        "Rows: 3. 1 updated; 2 not confirmed.",
        LEFT,
    ]
    assert [(guid, desk.text_of(guid)) for guid, _ in former] == former


def test_each_call_that_asks_is_as_large_as_the_operator_allows(desk: Desk) -> None:
    """Promise: `--max-items` holds, and a person is asked for each call."""
    rows = retitled(sold(desk.export()), 5)
    desk.write(rows)
    person = Person()
    code, lines = desk.apply(person, max_items=2)
    assert (code, len(person.asked), len(change_ids(lines))) == (0, 3, 3)
    assert titles(desk, rows) == [f"Dew {number}" for number in range(5)]


def test_an_hour_s_limit_stops_it_and_says_what_was_done(desk: Desk) -> None:
    """Promise: no limit of the operator's is lifted here; the rest goes another time."""
    rows = retitled(sold(desk.export()), 3)
    desk.write(rows)
    code, lines = desk.apply(Person(), max_items=2, deletions_per_hour=2)
    assert code == 7
    assert lines[-4:] == [
        "Not sent: rows 4.",
        "Rows: 3. 2 updated; 1 not sent.",
        STOPPED,
        LEFT,
    ]
    assert "The operator allows 2 deletions per hour" in lines[-5]
    assert desk.apply(Person())[1][-1] == "Rows: 3. 2 unchanged; 1 updated."


def test_once_it_stopped_no_further_row_is_looked_at(desk: Desk) -> None:
    """And that is said."""
    desk.write(retitled(sold(desk.export()), 3))
    code, lines = desk.apply(Person(), max_items=1, deletions_per_hour=1)
    assert (code, lines[-3:]) == (7, ["Rows: 2. 1 updated; 1 not sent.", STOPPED, LEFT])


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"read_only": True}, "update_image_metadata is off: this server runs read-only."),
        ({"writes": "add_images"}, "update_image_metadata is off on this server."),
    ],
)
def test_a_tool_that_is_off_is_off_here_too(settings: dict[str, Any], why: str, desk: Desk) -> None:
    """Promise: the same guard."""
    rows = desk.export()
    former = desk.sql("SELECT * FROM images")
    desk.write([*retitled(unsold(rows), 1), *retitled(sold(rows), 1)])
    code, lines = desk.apply(**settings)
    assert (code, why in "\n".join(lines)) == (7, True)
    assert lines[-5:] == [
        "Not sent: rows 2.",
        "Not sent: rows 3.",
        "Rows: 2. 2 not sent.",
        STOPPED,
        LEFT,
    ]
    assert desk.sql("SELECT * FROM images") == former


def test_under_confirm_plan_the_person_here_answers_the_plan(desk: Desk) -> None:
    """The second call is made after a yes, and after nothing else."""
    rows = retitled(sold(desk.export()), 1)
    desk.write(rows)
    no, yes = Person(answers=False), Person()
    assert desk.apply(no, confirm="plan")[1][-2] == "Rows: 1. 1 not confirmed."
    assert desk.apply(yes, confirm="plan")[1][-1] == "Rows: 1. 1 updated."
    assert (len(no.asked), len(yes.asked), titles(desk, rows)) == (1, 1, ["Dew 0"])


def test_under_confirm_approve_a_plan_waits_for_its_approval(desk: Desk) -> None:
    """Promise: `fw-mcp approve` lets it through, and applying again carries it out."""
    rows = retitled(sold(desk.export()), 2)
    desk.write(rows)
    code, lines = desk.apply(confirm="approve")
    (plan_id,) = re.findall(r"fw-mcp approve ([0-9a-f]{16}) before", "\n".join(lines))
    assert (code, lines[-3]) == (7, "Not confirmed: rows 2, 3.")
    assert desk.apply(confirm="approve")[1][-4].count(plan_id) == 1

    assert main(["approve", plan_id, "--yes", f"--sandbox-file={desk.sandbox}"]) == 0
    desk.capsys.readouterr()
    assert desk.apply(confirm="approve")[1][-1] == "Rows: 2. 2 updated."
    assert titles(desk, rows) == ["Dew 0", "Dew 1"]


def test_an_answer_to_images_that_changed_meanwhile_does_not_count(desk: Desk) -> None:
    """Promise: a stale answer sends nothing."""
    rows = retitled(sold(desk.export()), 1)
    desk.write(rows)
    theirs = "UPDATE images SET title = 'Theirs' WHERE guid = ?"
    person = Person(meanwhile=lambda: desk.sql(theirs, rows[0]["guid"]))
    code, lines = desk.apply(person)
    assert (code, lines[-4:-1]) == (
        7,
        [
            "The images changed while the question was open.",
            "Not confirmed: rows 2.",
            "Rows: 1. 1 not confirmed.",
        ],
    )
    assert titles(desk, rows) == ["Theirs"]


def test_more_than_five_hundred_rows_go_in_several_calls(desk: Desk) -> None:
    """Promise: as few calls as the tool allows, each of which can be undone."""
    desk.export()
    (names,) = desk.sql("SELECT group_concat(name) FROM pragma_table_info('images') "
                        "WHERE name NOT IN ('id', 'guid')")  # fmt: skip
    fresh = "lower(printf('%08x-0000-4000-8000-%012x', id, id))"
    for _ in range(3):
        statement = f"SELECT {fresh}, {names[0]} FROM images WHERE library = 'inventory'"  # noqa: S608
        desk.sql(f"INSERT OR IGNORE INTO images (guid, {names[0]}) {statement}")
    rows = retitled(unsold(desk.export()), 510)
    desk.write(rows)
    code, lines = desk.apply()
    assert (code, lines[-1]) == (0, "Rows: 510. 510 updated.")
    assert [line.split(".")[0] for line in lines if line.startswith("As read")] == [
        "As read back: 500 updated",
        "As read back: 10 updated",
    ]


def test_a_call_that_runs_out_of_time_is_gone_on_with(desk: Desk) -> None:
    """Promise: as long as that brings anything; it stays one change."""
    rows = retitled(unsold(desk.export()), 120)
    desk.write(rows)
    clock = Clock()

    async def slow(sent: Sent) -> None:
        if sent.endpoint == "update_images":
            clock.forward(30)

    assembly, wire = on_the_wire(desk, slow, clock)
    assert apply(assembly, {"file": str(desk.sheet)}, refused) == 0
    lines = desk.capsys.readouterr().out.splitlines()
    assert (len(change_ids(lines)), lines[-1]) == (1, "Rows: 120. 120 updated.")
    assert [len(update["images"]) for update in wire.to("update_images")] == [50, 50, 20]


def test_going_on_that_is_refused_tells_what_was_done(desk: Desk) -> None:
    """Here because the handle is too old by then."""
    rows = retitled(unsold(desk.export()), 60)
    desk.write(rows)
    clock = Clock()

    async def slow(sent: Sent) -> None:
        if sent.endpoint == "update_images":
            clock.forward(30)
            with sqlite3.connect(f"{desk.sandbox}.store") as store:
                store.execute("UPDATE changes SET begun_at = 0")
            store.close()

    assembly, _ = on_the_wire(desk, slow, clock)
    assert apply(assembly, {"file": str(desk.sheet)}, refused) == 7
    lines = desk.capsys.readouterr().out.splitlines()
    assert "No update_image_metadata call to continue with handle" in lines[60]
    assert lines[61].startswith("As read back: 50 updated, 10 not_attempted.")
    assert lines[-3:] == ["Rows: 60. 50 updated; 10 not_attempted.", STOPPED, LEFT]


def test_a_service_that_takes_nothing_ends_it(desk: Desk) -> None:
    """Promise: what is not known is named, and no more is sent."""
    rows = desk.export()
    desk.write([*retitled(unsold(rows), 1), *retitled(sold(rows), 1)])

    async def broken(sent: Sent) -> httpx.Response | None:
        return (
            httpx.Response(400, json={"Message": "no"})
            if sent.endpoint == "update_images"
            else None
        )

    assembly, wire = on_the_wire(desk, broken, Clock())
    assert apply(assembly, {"file": str(desk.sheet)}, refused) == 7
    lines = desk.capsys.readouterr().out.splitlines()
    assert lines[-5].startswith(f"    row 2  {unsold(rows)[0]['guid']}  failed: ")
    assert lines[-4:] == [
        "Not sent: rows 3.",
        "Rows: 2. 1 failed; 1 not sent.",
        STOPPED,
        LEFT,
    ]
    assert len(wire.to("update_images")) == 1


def test_a_signal_lets_the_call_under_way_end_and_no_other_begin(desk: Desk) -> None:
    """Promise: what was sent is read back and told; the rest is named."""
    rows = desk.export()
    desk.write([*retitled(unsold(rows), 60), *retitled(sold(rows), 1)])
    clock = Clock()

    async def ended(sent: Sent) -> None:
        if sent.endpoint == "update_images":
            clock.forward(30)
            signal.raise_signal(signal.SIGTERM)
            await anyio.lowlevel.checkpoint()

    assembly, wire = on_the_wire(desk, ended, clock)
    assert apply(assembly, {"file": str(desk.sheet)}, refused) == 7
    told = desk.capsys.readouterr()
    lines = told.out.splitlines()
    assert told.err.count("Stopping after the current step") == 1
    assert [len(update["images"]) for update in wire.to("update_images")] == [50]
    assert change_ids(lines)
    assert lines[-4:] == [
        "Not sent: rows 62.",
        "Rows: 61. 50 updated; 10 not_attempted; 1 not sent.",
        STOPPED,
        LEFT,
    ]


def test_what_is_cut_off_while_it_is_sent_is_not_claimed_to_be_unsent(desk: Desk) -> None:
    """Where signals cannot be waited for, as on Windows, an interrupt cancels."""
    desk.write(retitled(unsold(desk.export()), 1))
    assembly = desk.assembly()

    class CutOff(Updates):
        scope: anyio.CancelScope

        async def send(self, texts: Sequence[NewText]) -> Applied:
            self.scope.cancel()
            await anyio.lowlevel.checkpoint()
            raise AssertionError(texts)

    async def cut_off() -> None:
        with opened(desk.sheet) as sheet, anyio.CancelScope() as scope:
            updates = CutOff(assembly, refused)
            updates.scope = scope
            await Applying(assembly, updates).through(sheet)
        await assembly.aclose()

    anyio.run(cut_off)
    assert desk.capsys.readouterr().out.splitlines()[1:] == ["Interrupted, possibly sent: rows 2."]


def test_when_nobody_reads_what_becomes_of_the_rows_nothing_more_is_sent(desk: Desk) -> None:
    """`fw-mcp apply library.csv | head -1`."""
    rows = unsold(desk.export())
    for row in rows:
        row["title"] = "x" * 900
    desk.write(rows)
    command = ["apply", str(desk.sheet), f"--sandbox-file={desk.sandbox}"]
    with started(command, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(timeout=60)) == (b"", 7)
    assert desk.sql("SELECT title FROM images WHERE title LIKE 'xxx%'") == []


def test_many_rows_are_named_on_a_line_that_can_be_read(desk: Desk) -> None:
    """A run of row numbers is its first and its last."""
    rows = unsold(desk.export())[:60]
    for number in [*range(9), 20, 21, 40]:
        rows[number]["title"] = "Dew"
    desk.write(rows)
    assert "Not sent: rows 2-10, 22, 23, 42." in desk.apply(read_only=True)[1]


def test_images_that_cannot_be_read_end_it_with_what_was_done(desk: Desk) -> None:
    """The error tells the exit code."""
    desk.write(retitled(unsold(desk.export()), 1))

    async def unreachable(sent: Sent) -> httpx.Response | None:  # noqa: ARG001  no matter what
        raise httpx.ConnectError("no way")

    assembly, _ = on_the_wire(desk, unreachable, Clock())
    with pytest.raises(TransportError):
        apply(assembly, {"file": str(desk.sheet)}, refused)
    assert desk.capsys.readouterr().out.splitlines()[0] == "Rows: 0. Nothing was sent."


def test_a_row_that_somebody_set_back_is_not_claimed_as_updated(desk: Desk) -> None:
    """The same call within ten minutes is a replay, and what it says is not how things stand."""
    (row,) = rows = retitled(unsold(desk.export()), 1)
    former = desk.text_of(row["guid"])
    desk.write(rows)
    desk.apply()
    desk.sql("UPDATE images SET title = ? WHERE guid = ?", former[0], row["guid"])
    code, lines = desk.apply()
    assert code == 7
    assert lines[-3:-1] == [
        (
            f"    row 2  {row['guid']}  not sent: this was sent recently and then changed back; "
            "apply again in ten minutes"
        ),
        "Rows: 1. 1 not sent.",
    ]
    assert desk.text_of(row["guid"]) == former


def test_hostile_texts_make_the_round_trip_and_change_nothing(desk: Desk) -> None:
    """Promise: exactly reversible, whatever strangers wrote; the terminal shows no code."""
    guids = [row["guid"] for row in unsold(desk.export())]
    short = [text for text in HOSTILE.values() if len(text) < 400]
    hostile = dict(zip(guids, short, strict=False))
    for guid, text in hostile.items():
        desk.sql("UPDATE images SET title = ?, description = '' WHERE guid = ?", text, guid)
    rows = [row for row in desk.export() if row["guid"] in hostile]
    desk.write(rows)
    assert desk.preview()[1][0] == f"Rows: {len(rows)}. {len(rows)} unchanged."

    for row in rows:
        row["description"] = "=Dew"
    desk.write(rows)
    code, lines = desk.apply()
    assert (code, lines[-1]) == (0, f"Rows: {len(rows)}. {len(rows)} updated.")
    assert [line for line in lines if hidden(line)] == []
    assert {guid: desk.text_of(guid) for guid in hostile} == {
        guid: (text, "=Dew") for guid, text in hostile.items()
    }
