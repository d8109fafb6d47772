"""Files in a bucket: sent whole or in parts, and never believed before the store has them."""

import functools
import io
import re
import sys
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import anyio
import anyio.lowlevel
import pytest

from fw_mcp.errors import Reason, UploadError
from fw_mcp.pictures.upload.s3 import PART, Patience, S3Bucket
from fw_mcp.pictures.upload.target import bucket_of
from fw_mcp.pictures.upload.trouble import Trouble
from tests.pictures.upload.files import Growing, Progress, Shrinking, Vanishing, file_of
from tests.pictures.upload.store import BUCKET, Ill, Store, storing
from tests.support.products import exhaustive, first_of

pytestmark = pytest.mark.anyio

PUBLIC = "https://images.example.com/fw"
KEY = "ab/1f2e.tif"
AT = f"fw/{KEY}"
QUICK = Patience(first_s=0.001, most_s=0.002, times=2, part_s=5, ask_s=5)
SMALL = 1_000
LARGE = 3 * PART + 1_000


@pytest.fixture
def store() -> Iterator[Store]:
    """A store that does as it is told."""
    with storing() as held:
        yield held


def bucket_in(
    store: Store, patience: Patience = QUICK, environ: Mapping[str, str] | None = None
) -> S3Bucket:
    """The bucket that `s3://prints/fw` names there."""
    return S3Bucket(BUCKET, "fw", PUBLIC, {**store.environ(), **(environ or {})}, patience)


async def put(bucket: S3Bucket, content: BinaryIO | None = None, size: int = SMALL) -> Progress:
    """Put a file of that size, whatever it is."""
    progress = Progress()
    await bucket.put(KEY, content or file_of(size), size, "image/tiff", progress)
    return progress


@pytest.mark.parametrize("size", [1, SMALL, PART, PART + 1, LARGE])
async def test_a_file_is_in_the_store_as_it_was(store: Store, size: int) -> None:
    """Under its prefix, with its type, to be cached for good; the file stays open."""
    bucket = bucket_in(store)
    assert await bucket.size_of(KEY) is None
    content = file_of(size)
    progress = await put(bucket, content, size)
    assert progress.is_of(size)
    assert await bucket.size_of(KEY) == size
    whole, headers = store.objects[AT]
    content.seek(0)
    assert whole == content.read()
    assert headers["content-type"] == "image/tiff"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert bucket.url(KEY) == f"{PUBLIC}/{KEY}"


async def test_a_put_takes_the_place_of_what_was_there(store: Store) -> None:
    """It is never conditional: not every store can do both that and parts."""
    bucket = bucket_in(store)
    for size in (LARGE, SMALL):
        await put(bucket, size=size)
        assert await bucket.size_of(KEY) == size


async def test_objects_are_removed_one_by_one(store: Store) -> None:
    """One that is not there is no error."""
    bucket = bucket_in(store)
    await put(bucket)
    store.ills["DELETE"] = [404]
    await bucket.remove(["ab/none.jpg", KEY])
    assert store.objects == {}
    assert store.asked.count("DELETE") == 2


@pytest.mark.parametrize(
    ("ill", "method", "trouble"),
    first_of(
        (403, "PUT", Trouble.DENIED),
        (404, "PUT", Trouble.NO_BUCKET),
        (503, "PUT", Trouble.BUSY),
        (500, "PART", Trouble.FAILING),
        ("drop", "PART", Trouble.NO_ANSWER),
        ("html", "PUT", Trouble.NO_STORE),
        ("lose", "PUT", Trouble.LOST),
        ("lose", "COMPLETE", Trouble.NO_STORE),
        (301, "PUT", Trouble.WRONG_REGION),
        (401, "PUT", Trouble.DENIED),
        (400, "PUT", Trouble.REFUSED),
        (429, "PUT", Trouble.BUSY),
        ("html", "BEGIN", Trouble.NO_STORE),
        (403, "BEGIN", Trouble.DENIED),
        (404, "BEGIN", Trouble.NO_BUCKET),
        (500, "COMPLETE", Trouble.FAILING),
        first=7,
    ),
)
async def test_what_went_wrong_is_told_without_url_key_or_credentials(
    store: Store, ill: Ill, method: str, trouble: Trouble
) -> None:
    """However often it is tried; and nothing shows."""
    large = method in {"PART", "BEGIN", "COMPLETE"}
    store.ills[method] = [ill] * 50
    with pytest.raises(UploadError) as refused:
        await put(bucket_in(store), size=LARGE if large else SMALL)
    assert refused.value.what == trouble.value[0]
    assert refused.value.reason is Reason.NOT_UPLOADED
    assert not re.search("127|prints|1f2e|an-id|a-secret|SECRET|fw/", str(refused.value))
    assert refused.value.__cause__ is None
    assert AT not in store.objects


@pytest.mark.parametrize(
    ("method", "ill"), [("PUT", 503), ("PART", 503), ("PART", "drop"), ("BEGIN", 500)]
)
async def test_what_goes_wrong_once_is_tried_again(store: Store, method: str, ill: Ill) -> None:
    """A part alone, not the file from its beginning."""
    store.ills[method] = [ill]
    size = SMALL if method == "PUT" else LARGE
    await put(bucket_in(store), size=size)
    assert len(store.objects[AT][0]) == size
    assert store.asked.count("PART") <= 5


async def test_an_upload_whose_answer_was_lost_is_there(store: Store) -> None:
    """What the store has decides, not what it said."""
    bucket = bucket_in(store)
    await put(bucket)
    for ill in ("drop", 404, 500):
        store.ills["PUT"] = [ill] * 3
        assert (await put(bucket)).is_of(SMALL)


@pytest.mark.parametrize(
    ("ill", "trouble"),
    [
        (403, Trouble.DENIED),
        (500, Trouble.FAILING),
        (503, Trouble.BUSY),
        ("drop", Trouble.NO_ANSWER),
    ],
)
async def test_a_store_that_does_not_say_what_it_has_is_told(
    store: Store, ill: Ill, trouble: Trouble
) -> None:
    """Where that is so after a put, it is not known whether the file is there."""
    bucket = bucket_in(store)
    for ask in (bucket.size_of(KEY), put(bucket)):
        store.ills["HEAD"] = [ill] * 3
        with pytest.raises(UploadError, match=re.escape(trouble.value[0])):
            await ask


async def test_a_store_that_does_not_remove_is_told(store: Store) -> None:
    """Some may still be there."""
    store.ills["DELETE"] = [403]
    with pytest.raises(UploadError, match=re.escape(Trouble.DENIED.value[0])):
        await bucket_in(store).remove([KEY])


@pytest.mark.parametrize("method", ["HEAD", pytest.param("PUT", marks=exhaustive)])
async def test_a_store_that_never_answers_is_left(store: Store, method: str) -> None:
    """After the time that is allowed."""
    store.ills[method] = ["hang"] * 50
    hasty = Patience(first_s=0.001, most_s=0.001, times=0, part_s=0.2, ask_s=0.1)
    with pytest.raises(UploadError, match=re.escape(Trouble.NO_ANSWER.value[0])):
        await put(bucket_in(store, hasty))


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (Shrinking, Trouble.CHANGED),
        (Growing, Trouble.CHANGED),
        (Vanishing, Trouble.UNREADABLE),
    ],
)
async def test_a_file_that_is_not_as_large_as_it_was_is_not_uploaded(
    store: Store, content: type[io.BytesIO], trouble: Trouble, large: bool
) -> None:
    """It changed, or its disk went away: nothing shows in the store, and no path is told."""
    size = LARGE if large else SMALL
    with pytest.raises(UploadError) as refused:
        await put(bucket_in(store), content(bytes(size)), size)
    assert refused.value.what == trouble.value[0]
    assert store.objects == {}
    assert store.parts == {}


async def test_a_cancelled_put_shows_nothing_and_takes_back_its_parts(store: Store) -> None:
    """A half object would be fetched as the print master, and parts cost as objects do."""
    store.ills["PART"] = ["hang"] * 4
    async with anyio.create_task_group() as group:
        group.start_soon(put, bucket_in(store), None, 8 * PART)
        while "PART" not in store.asked:
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
        store.released.set()
    assert (store.objects, store.parts) == ({}, {})


@pytest.mark.parametrize(
    ("environ", "trouble"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, Trouble.NO_CREDENTIALS),
        ({"AWS_SECRET_ACCESS_KEY": ""}, Trouble.NO_CREDENTIALS),
        ({"AWS_ENDPOINT_URL": "http://minio.example.com"}, Trouble.UNSAFE_ENDPOINT),
        ({"AWS_ENDPOINT_URL": "https://a:b@store.example.com"}, Trouble.UNSAFE_ENDPOINT),
        ({"AWS_ENDPOINT_URL": "https://store.example.com/?a=b"}, Trouble.UNSAFE_ENDPOINT),
        ({"AWS_ENDPOINT_URL": "store.example.com"}, Trouble.UNSAFE_ENDPOINT),
        ({"AWS_ENDPOINT_URL": "https://[x"}, Trouble.UNSAFE_ENDPOINT),
    ],
)
async def test_a_store_is_asked_with_credentials_and_over_tls_alone(
    store: Store, environ: dict[str, str], trouble: Trouble
) -> None:
    """No cloud's metadata service is asked for them, and no password stands in a URL."""
    with pytest.raises(UploadError, match=re.escape(trouble.value[0])) as refused:
        await put(bucket_in(store, environ=environ))
    assert refused.value.reason is Reason.UPLOAD_OFF
    assert store.asked == []


async def test_credentials_region_and_endpoint_are_those_of_the_store_s_own_tools(
    store: Store,
) -> None:
    """A token and a region go with each request."""
    given = {"AWS_SESSION_TOKEN": "a-token", "AWS_DEFAULT_REGION": "eu-north-1"}
    await put(bucket_in(store, environ=given))
    headers = store.objects[AT][1]
    assert headers["x-amz-security-token"] == "a-token"
    assert "/eu-north-1/s3/" in headers["authorization"]
    special = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": store.url}
    await put(bucket_in(store, environ=special))


@pytest.mark.parametrize(
    ("url", "place", "at"),
    [
        ("s3://prints", "s3://prints", KEY),
        ("s3://prints/", "s3://prints", KEY),
        ("s3://prints/fw", "s3://prints/fw", AT),
        ("s3://prints//fw/new/", "s3://prints/fw/new", f"fw/new/{KEY}"),
    ],
)
async def test_the_prefix_is_what_the_setting_names(
    store: Store, url: str, place: str, at: str
) -> None:
    """With and without slashes."""
    bucket = bucket_of(url, PUBLIC, store.environ())
    assert bucket.place == f"{place}, public as {PUBLIC}"
    await bucket.put(KEY, file_of(SMALL), SMALL, "image/tiff", Progress())
    assert list(store.objects) == [at]


async def test_several_uploads_go_side_by_side(store: Store) -> None:
    """Of one bucket."""
    bucket = bucket_in(store)
    async with anyio.create_task_group() as group:
        for number in range(3):
            send = functools.partial(bucket.put, f"{number}.jpg", file_of(SMALL), SMALL)
            group.start_soon(send, "image/jpeg", Progress())
    assert sorted(store.objects) == [f"fw/{number}.jpg" for number in range(3)]


async def test_without_the_extra_it_is_said_how_to_install_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked first."""
    for module in ("obstore.store", "obstore.exceptions"):
        monkeypatch.setitem(sys.modules, module, None)
    bucket = bucket_in(store)
    for ask in (bucket.size_of(KEY), put(bucket), bucket.remove([KEY])):
        with pytest.raises(UploadError, match=r"fw-mcp\[upload\]") as refused:
            await ask
        assert refused.value.reason is Reason.UPLOAD_OFF
