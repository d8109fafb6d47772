"""The record of uploads: what is known again, what an hour allows, and whose it is."""

from contextlib import closing
from dataclasses import replace

import pytest

from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.database import Store
from fw_mcp.store.uploads import SameFile, Upload, UploadStore
from tests.store.conftest import Opening
from tests.store.planned import planned

pytestmark = pytest.mark.anyio

NOON = 1_800_000_000.0
FOG = Upload(
    place="s3://prints",
    path="/prints/\udce9 Fog.tif",
    master="aa.tif",
    file_name="\udce9 Fog.tif",
    size=700,
    mtime_ns=1_800_000_000_123_456_789,
    pix_w=30,
    pix_h=40,
    mime_type="image/tiff",
    preview="bb.jpg",
    preview_size=20,
    thumbnail="cc.jpg",
    thumbnail_size=10,
    sent=730,
    change_id="c1",
    begun_at=NOON,
)
SAME = SameFile(FOG.path, FOG.size, FOG.mtime_ns)


@pytest.fixture
def store(alone: Store) -> UploadStore:
    """The uploads of a store."""
    return UploadStore(alone)


async def test_an_upload_is_on_record_from_its_beginning_step_by_step(store: UploadStore) -> None:
    """Any name is kept, half a character in it or not."""
    assert await store.begin(FOG, 1_000)
    assert await store.every() == [FOG]
    await store.uploaded(FOG, NOON + 1)
    await store.verified(FOG, NOON + 2)
    await store.asked([FOG], "c2")
    await store.registered([(FOG, "g1")], "inventory")
    await store.registered([(FOG, "g2")], "temporary")
    up = replace(
        FOG,
        change_id="c2",
        guids={"inventory": "g1", "temporary": "g2"},
        uploaded_at=NOON + 1,
        verified_at=NOON + 2,
    )
    assert await store.every() == await store.of_content(FOG.place, FOG.master) == [up]
    assert up.is_up
    await store.removed(FOG.place, [FOG.master], NOON + 3)
    (gone,) = await store.every()
    assert (gone.removed_at, gone.is_up) == (NOON + 3, False)


@pytest.mark.parametrize(
    "other",
    [
        replace(SAME, path="/prints/Fog.tif"),
        replace(SAME, size=701),
        replace(SAME, mtime_ns=SAME.mtime_ns + 1),
    ],
)
async def test_a_file_is_known_again_by_path_size_and_time(
    store: UploadStore, other: SameFile
) -> None:
    """To the nanosecond, and in its own place."""
    await store.begin(FOG, 1_000)
    assert await store.known(FOG.place, [SAME, other]) == {SAME: FOG}
    assert await store.known("file:///elsewhere", [SAME]) == {}


async def test_any_number_of_files_is_looked_up(store: UploadStore) -> None:
    """A folder may hold five thousand."""
    await store.begin(FOG, 1_000)
    many = [replace(SAME, path=f"/prints/{number}.tif") for number in range(1_000)]
    assert await store.known(FOG.place, [*many, SAME]) == {SAME: FOG}


async def test_of_two_contents_of_one_file_the_one_that_is_up_is_known(store: UploadStore) -> None:
    """Written twice within what the disk tells of time."""
    other = replace(FOG, master="dd.tif", begun_at=NOON + 9)
    await store.begin(FOG, 9_000)
    await store.begin(other, 9_000)
    await store.verified(FOG, NOON + 2)
    assert (await store.known(FOG.place, [SAME]))[SAME].master == FOG.master


async def test_an_hour_allows_so_many_bytes(store: UploadStore) -> None:
    """Counted where they were about to be sent, whatever came of it; one that sends none may go."""
    other = replace(FOG, path="/prints/Sun.tif", begun_at=NOON + 3_599)
    assert await store.begin(FOG, 1_459)
    assert not await store.begin(other, 1_459)
    assert await store.begin(replace(other, sent=0), 1_459)
    assert await store.begin(other, 1_460)
    assert (await store.spent(NOON + 3_599), await store.spent(NOON + 3_600)) == (1_460, 730)
    assert await store.begin(replace(FOG, begun_at=NOON + 3_600), 1_460)
    assert await store.spent(NOON + 3_600) == 1_460


async def test_what_is_sent_again_within_the_hour_counts_again(store: UploadStore) -> None:
    """A store that fails must not be sent more than the operator allows."""
    assert await store.begin(FOG, 1_460)
    again = replace(FOG, begun_at=NOON + 60)
    assert await store.begin(again, 1_460)
    assert not await store.begin(again, 1_460)


async def test_each_account_has_its_secret_its_yes_and_its_uploads(opened: Opening) -> None:
    """Promise: what one account does is no other's."""
    mine, theirs = opened("mine"), opened("theirs")
    with closing(mine), closing(theirs):
        ours, others = UploadStore(mine), UploadStore(theirs)
        assert await ours.begin(FOG, 730)
        assert await others.begin(FOG, 730)
        await others.removed(FOG.place, [FOG.master], NOON)
        assert [one.removed_at for one in await ours.every()] == [None]
        secret = await ours.secret()
        assert len(secret) == 32
        assert secret == await ours.secret() != await others.secret()
        await ours.allow(FOG.place, ["/prints", "/\udce9"], NOON)
        asked = ["/prints", "/\udce9", "/new"]
        assert await ours.not_allowed(FOG.place, asked) == {"/new"}
        assert await ours.not_allowed("file:///elsewhere", asked) == set(asked)
        assert await others.not_allowed(FOG.place, asked) == set(asked)


async def test_what_stands_under_the_keys_joins_the_account(opened: Opening) -> None:
    """With its secret: the same file keeps its key."""
    with closing(opened("once")) as former:
        assert await UploadStore(former).begin(FOG, 730)
        secret = await UploadStore(former).secret()
    with closing(opened(KeyPair("keys", former=("once",)))) as keys:
        await keys.learn("account")
        store = UploadStore(keys)
        assert (await store.every(), await store.secret()) == ([FOG], secret)


@pytest.mark.parametrize("alone", ["sqlite"], indirect=True)
async def test_uploads_are_looked_up_by_their_keys(alone: Store) -> None:
    """However many there are."""
    store = UploadStore(alone)

    async def work() -> None:
        await store.known(FOG.place, [SAME])
        await store.of_content(FOG.place, FOG.master)
        await store.spent(NOON)
        await store.removed(FOG.place, [FOG.master], NOON)

    steps = await planned(alone, work)
    assert [one for one in steps if one.startswith("SCAN")] == []
