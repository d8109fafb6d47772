"""Where files are uploaded: what the settings say, and in a sandbox without any."""

import io
import logging
from pathlib import Path

import pytest
from PIL import Image

from fw_mcp.assembly import Assembly, assemble, secrets_of
from fw_mcp.cli.output import MaskingFormatter
from fw_mcp.config import IN_MEMORY, Settings, load_settings
from fw_mcp.errors import ConfigError, Reason
from fw_mcp.pictures.upload.public import check_public
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY
from fw_mcp.server.app import build_server
from tests.cli.serving import serving
from tests.pictures.painted import file_of
from tests.pictures.upload.files import Progress
from tests.support.client import InProcessClient
from tests.support.products import exhaustive
from tests.support.studio import said
from tests.support.truth import new_image

PUBLIC = "https://images.example.com/fw"
PICTURE = file_of(Image.new("RGB", (300, 200), "teal"))


def settings(**given: object) -> Settings:
    """Settings as a command line gives them."""
    return load_settings(given)


async def play(assembly: Assembly) -> None:
    """From a file in the bucket to a row of the library that is looked at."""
    bucket = assembly.uploads.target
    assert bucket is not None
    try:
        for key in ("master.png", "preview.png"):
            size = len(PICTURE)
            await bucket.put(key, io.BytesIO(PICTURE), size, "image/png", Progress())
            await check_public(assembly.fetcher, bucket.url(key), size, within_s=30)
        preview, master = bucket.url("preview.png"), bucket.url("master.png")
        image = new_image(1, private_hires_uri=master, public_preview_uri=preview) | {
            "file_size": len(PICTURE),
            "pix_w": 300,
            "pix_h": 200,
        }
        async with InProcessClient(build_server(assembly.parts), cache=None) as client:
            arguments = {"images": [image], "verify": True}
            added = said(await client.call_tool("add_images", arguments))
            assert added["outcomes"] == {"created": 1}
            guid = added["images"][0]["guid"]
            seen = await client.call_tool("view_images", {"guids": [guid]})
            assert [one.type for one in seen.content].count("image") == 1
            read = said(await client.call_tool("inspect_files", {"files": [master]}))
            assert read["files"][0]["pix_w"] == 300
            details = {"guid_filter": [guid], "details": True}
            row = said(await client.call_tool("search_images", details))
            assert preview in str(row)
    finally:
        await assembly.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("place", ["memory", "file"])
async def test_in_a_sandbox_an_upload_is_registered_and_looked_at(
    place: str, tmp_path: Path
) -> None:
    """Without a setting or an account: through the same guarded fetcher as everything else."""
    file = IN_MEMORY if place == "memory" else str(tmp_path / "studio.db")
    await play(assemble(settings(sandbox=file, store=tmp_path / "store"), {}))


@exhaustive
@pytest.mark.anyio
async def test_a_sandbox_that_is_served_takes_uploads_too(tmp_path: Path) -> None:
    """`--base-url` on this machine, with the sandbox's keys."""
    keys = {"web_api_key": SANDBOX_WEB_API_KEY, "app_key": SANDBOX_APP_KEY}
    with serving("sandbox", "--port", "0") as url:
        await play(assemble(settings(base_url=url, store=tmp_path / "store", **keys), {}))


def test_without_a_setting_there_is_nowhere_to_upload_to() -> None:
    """Of an account on FinerWorks; what the settings name comes before a sandbox."""
    assert assemble(settings(store=IN_MEMORY), {}).uploads.target is None
    both = settings(sandbox=IN_MEMORY, upload_to="s3://my-prints/fw", upload_public_url=PUBLIC)
    bucket = assemble(both, {}).uploads.target
    assert bucket is not None
    assert bucket.place == f"s3://my-prints/fw, public as {PUBLIC}"
    assert bucket.url("a.jpg") == f"{PUBLIC}/a.jpg"


@pytest.mark.parametrize(
    "given",
    [
        {"upload_to": "s3://my-prints"},
        {"upload_public_url": PUBLIC},
        {"upload_to": "s3://my-prints", "upload_public_url": PUBLIC, "no_fetch": True},
    ],
)
def test_settings_of_use_only_together_are_given_together(given: dict[str, object]) -> None:
    """What is uploaded has to be fetched once, from where it is public."""
    with pytest.raises(ConfigError, match="--upload-to") as refused:
        assemble(settings(store=IN_MEMORY, **given), {})
    assert refused.value.reason is Reason.INVALID_SETTING


def test_a_folder_is_not_uploaded_into_itself(tmp_path: Path) -> None:
    """Each call would add what the one before it uploaded."""
    given: dict[str, object] = {"upload_to": tmp_path.as_uri(), "upload_public_url": PUBLIC}
    (tmp_path / "public").mkdir()
    assemble(settings(store=IN_MEMORY, file_folders=str(tmp_path / "public"), **given), {})
    with pytest.raises(ConfigError, match="--upload-to"):
        assemble(settings(store=IN_MEMORY, file_folders=str(tmp_path), **given), {})


@pytest.mark.parametrize(
    "given",
    [
        {"upload_to": "https://my-prints.example.com"},
        {"upload_to": "gs://my-prints"},
        {"upload_to": "s3://"},
        {"upload_to": "s3://an-id:a-secret@my-prints"},
        {"upload_to": "s3://my-prints?key=a-secret"},
        {"upload_to": "s3://my-prints/../other"},
        {"upload_to": "s3://My_Prints"},
        {"upload_to": "file://nas/prints"},
        {"upload_to": "file:prints"},
        {"upload_to": "file:///prints?a=b"},
        {"upload_public_url": "http://images.example.com"},
        {"upload_public_url": "https://an-id:a-secret@images.example.com"},
        {"upload_public_url": "https://images.example.com/?key=a-secret"},
        {"upload_public_url": "https://images.example.com/#a"},
        {"upload_public_url": "https://images.example.com:8443"},
        {"upload_public_url": "https://images"},
        {"upload_public_url": "ftp://127.0.0.1"},
        {"upload_public_url": "https://[x"},
        {"upload_preview_side": "399"},
        {"upload_mb_per_hour": "-1"},
    ],
)
def test_what_is_no_place_for_uploads_is_refused_and_not_repeated(given: dict[str, object]) -> None:
    """It may hold a key that belongs elsewhere."""
    with pytest.raises(ConfigError) as refused:
        settings(**given)
    assert "a-secret" not in str(refused.value)
    assert refused.value.reason is Reason.INVALID_SETTING


@pytest.mark.parametrize(
    "given",
    [
        {"upload_to": "file:///prints"},
        {"upload_to": "file:///prints/New%20Work"},
        {"upload_to": "file://localhost/prints"},
        {"upload_to": "s3://my-prints/a/b.c/"},
        {"upload_public_url": "http://127.0.0.1:8080/prints/"},
        {"upload_public_url": "https://images.example.com:443/prints"},
        {"upload_public_url": "http://localhost:80"},
        {"upload_public_url": "http://[::1]:80"},
    ],
)
def test_places_for_uploads_are_taken(given: dict[str, object]) -> None:
    """On this machine alone without TLS."""
    ((name, text),) = given.items()
    assert getattr(settings(**given), name) in {text, str(text).rstrip("/")}


def test_the_public_url_may_be_fetched_from_whatever_else_may_be() -> None:
    """The operator chose it: on this machine, or besides the hosts that are listed."""
    here = {"upload_to": "file:///prints", "upload_public_url": "http://127.0.0.1:8080/prints"}
    assembly = assemble(settings(store=IN_MEMORY, base_url="http://127.0.0.1:8321", **here), {})
    assert assembly.fetcher.own == {"http://127.0.0.1:8080", "http://127.0.0.1:8321"}


def test_the_store_s_credentials_are_masked_in_the_log() -> None:
    """As the account's keys are."""
    environ = {
        "AWS_ACCESS_KEY_ID": "an-access-key-id",
        "AWS_SECRET_ACCESS_KEY": "a-secret-access-key",
        "AWS_SESSION_TOKEN": "a-session-token",
        "AWS_REGION": "eu-north-1",
    }
    formatter = MaskingFormatter(secrets_of(settings(), environ))
    told = " ".join(environ.values())
    record = logging.LogRecord("fw_mcp", logging.ERROR, "", 1, told, None, None)
    assert formatter.format(record).endswith("*** *** *** eu-north-1")
