import sqlite3
from pathlib import Path

import pytest

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.sandbox.app import create_app
from tests.sandbox.wire import (
    INVENTORY,
    added,
    calling,
    deleted,
    listed,
    new_image,
    now,
    selected,
    walked,
)

pytestmark = pytest.mark.anyio


async def test_a_file_is_opened_again_with_what_it_holds(tmp_path: Path) -> None:
    """What was added, deleted and selected is still so, and nothing is seeded twice."""
    file = tmp_path / "studio.db"
    async with calling(create_app(file, clock=now)) as caller:
        first = (await listed(caller))["images"][0]["guid"]
        await deleted(caller, first)
        image = (await added(caller, new_image()))[0]
        await selected(caller, image["guid"])
        before = await walked(caller, list_products=True)
    async with calling(create_app(str(file), clock=now)) as caller:
        assert await walked(caller, list_products=True) == before
        answer = await caller.get(
            "/v3/list_file_selection", params={"guid": "11111111-1111-4111-8111-111111111111"}
        )
        assert answer.json()["guids"] == [image["guid"]]


async def test_a_new_or_empty_file_is_seeded(tmp_path: Path) -> None:
    """Missing, of no bytes, or never filled."""
    (tmp_path / "empty.db").touch()
    async with calling(create_app(tmp_path / "bare.db", seed=False)) as caller:
        assert (await listed(caller))["count"] == 0
    for name in ("missing.db", "empty.db", "bare.db"):
        async with calling(create_app(tmp_path / name)) as caller:
            assert (await listed(caller))["count"] == 248


async def test_a_library_that_somebody_emptied_stays_empty(tmp_path: Path) -> None:
    """Seeding it again would bring back what was deleted."""
    file = tmp_path / "studio.db"
    async with calling(create_app(file, seed=False)) as caller:
        await deleted(caller, (await added(caller, new_image()))[0]["guid"])
    async with calling(create_app(file)) as caller:
        assert (await listed(caller))["count"] == 0


def test_nothing_is_opened_before_the_first_request(tmp_path: Path) -> None:
    """Making the application is cheap and leaves no trace."""
    create_app(tmp_path / "studio.db")
    assert list(tmp_path.iterdir()) == []


async def test_two_sandboxes_in_memory_share_nothing() -> None:
    """Each has its own library."""
    async with calling(create_app(seed=False)) as one, calling(create_app(seed=False)) as two:
        await added(one, new_image())
        assert (await listed(two))["count"] == 0


@pytest.mark.parametrize("content", [b"Dear diary", b"SQLite format 3\0".ljust(200, b"\0")])
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """Another program's database above all."""
    file = tmp_path / "precious.db"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="holds something else") as refusal:
        create_app(file)
    assert refusal.value.reason is Reason.INVALID_SETTING
    assert file.read_bytes() == content


def test_a_file_in_no_folder_is_refused(tmp_path: Path) -> None:
    """So is a folder in place of a file."""
    for path in (tmp_path / "nowhere" / "studio.db", tmp_path):
        with pytest.raises(ConfigError, match="not in an existing folder"):
            create_app(path)


async def test_a_database_that_fails_is_an_http_500(tmp_path: Path) -> None:
    """The service's own words, with nothing of the cause in them."""
    file = tmp_path / "studio.db"
    async with calling(create_app(file)) as caller:
        await listed(caller)
        vandal = sqlite3.connect(file)
        vandal.execute("DROP TABLE images")
        vandal.close()
        answer = await caller.post("/v3/list_images", json={"library": INVENTORY})
    assert (answer.status_code, answer.json()) == (500, {"Message": "An error has occurred."})
