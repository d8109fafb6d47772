import logging
import traceback
from typing import Any

import httpx
import pytest

from fw_mcp.errors import Reason, RejectedError, ShapeError, StatusError
from tests.api import calls
from tests.api.stand_in import BAD_KEYS, EMPTY_PAGE, KEYS, REJECTION, Service, client_of, failure_of

pytestmark = pytest.mark.anyio


async def test_bad_keys_are_told_as_such() -> None:
    """The service answers HTTP 400 without an envelope; the model state's path says why."""
    actual = await failure_of(calls.add_images, Service(httpx.Response(400, json=BAD_KEYS)))

    assert isinstance(actual, StatusError)
    assert actual.refused
    assert str(actual) == (
        "FinerWorks refused the API keys at add_images. Nothing was changed. "
        "Check FINERWORKS_WEB_API_KEY and FINERWORKS_APP_KEY against "
        "https://finerworks.com/MyAccount/MyWebApi.aspx; "
        "they are two different keys of one account. (reason: keys_refused)"
    )


async def test_http_401_means_bad_keys_too() -> None:
    """Whatever its body."""
    actual = await failure_of(calls.list_images, Service(httpx.Response(401)))

    assert actual.reason is Reason.KEYS_REFUSED


async def test_too_many_calls_carry_the_pause_asked_for() -> None:
    """HTTP 429 with `Retry-After`; a write was not carried out."""
    service = Service(httpx.Response(429, headers={"Retry-After": "7"}))

    actual = await failure_of(calls.delete_images, service)

    assert isinstance(actual, StatusError)
    assert (actual.retry_after_s, actual.refused) == (7.0, True)
    assert str(actual) == (
        "FinerWorks rate-limited delete_images. Nothing was changed. "
        "Wait 7 s, then try again. (reason: rate_limited)"
    )


async def test_a_retry_after_date_counts_from_the_client_s_clock() -> None:
    """Noon plus half a minute."""
    headers = {"Retry-After": "Thu, 01 Jan 2026 12:00:30 GMT"}

    actual = await failure_of(calls.delete_images, Service(httpx.Response(503, headers=headers)))

    assert isinstance(actual, StatusError)
    assert actual.retry_after_s == 30.0


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (REJECTION, '"No such library"'),
        ({"Message": "An error has occurred."}, '"An error has occurred."'),
        (
            {"Message": "Invalid.", "ModelState": {"images[0].pix_w": ["Too small", 5]}},
            '"Invalid. images[0].pix_w: Too small images[0].pix_w: 5"',
        ),
        ({"ModelState": {"guids": "Bad guid"}}, '"guids: Bad guid"'),
        ({"Message": 5, "ModelState": [], "status": "bad"}, "no details given"),
        ({}, "no details given"),
    ],
)
async def test_both_error_shapes_are_read(document: dict[str, Any], said: str) -> None:
    """The envelope, and `Message` with `ModelState`; quoted."""
    actual = await failure_of(calls.update_images, Service(httpx.Response(400, json=document)))

    assert actual.what == f"FinerWorks answered update_images with HTTP 400: {said}."
    assert actual.reason is Reason.REJECTED


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"{", b"x" * 2_000])
async def test_a_failure_s_body_need_not_be_json(body: bytes) -> None:
    """A fault in front of the service is an HTML page; the HTTP status says enough."""
    service = Service(httpx.Response(502, content=body))

    actual = await failure_of(calls.update_images, service, max_body_bytes=1_000)

    assert isinstance(actual, StatusError)
    assert actual.status_code == 502
    assert str(actual) == (
        "FinerWorks answered update_images with HTTP 502: no details given. "
        "It is unknown whether update_images took effect. "
        "Check with search_images before trying again. (reason: upstream_error)"
    )


@pytest.mark.parametrize("status_code", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status_code: int) -> None:
    """The keys would follow it."""
    service = Service(
        httpx.Response(status_code, headers={"Location": "https://evil.example/"}),
        httpx.Response(200, json=EMPTY_PAGE),
    )

    actual = await failure_of(calls.list_images, service)

    assert isinstance(actual, StatusError)
    assert len(service.requests) == 1
    assert "FINERWORKS_BASE_URL" in actual.next_step
    assert "evil" not in str(actual)


@pytest.mark.parametrize(
    ("status_code", "refused"),
    [(302, False), (400, True), (404, True), (405, True), (408, False), (429, True), (500, False)],
)
async def test_a_write_s_state_is_unknown_unless_it_was_refused(
    status_code: int, *, refused: bool
) -> None:
    """A 408 or 5xx may come from a proxy after the service did the work."""
    actual = await failure_of(calls.update_images, Service(httpx.Response(status_code)))

    assert (actual.sent, actual.refused) == (True, refused)
    assert actual.state == (
        "Nothing was changed." if refused else "It is unknown whether update_images took effect."
    )


@pytest.mark.parametrize("success", [False, None, "true", 1])
@pytest.mark.parametrize("status_code", [200, 201])
async def test_success_is_only_what_says_true(success: object, status_code: int) -> None:
    """HTTP 200 with anything else in `status.success` is an error."""
    document = EMPTY_PAGE | {"status": {"success": success, "message": "No", "reference_id": 7}}
    service = Service(httpx.Response(status_code, json=document))

    actual = await failure_of(calls.list_images, service)

    assert isinstance(actual, RejectedError)
    assert actual.reference_id == "7"
    assert len(service.requests) == 1


async def test_a_rejection_quotes_the_service_and_its_reference() -> None:
    """The reference id is what FinerWorks' support asks for."""
    actual = await failure_of(calls.delete_images, Service(httpx.Response(200, json=REJECTION)))

    assert str(actual) == (
        'FinerWorks rejected delete_images: "No such library" '
        "(reference abababababababababababababababab). "
        "It is unknown whether delete_images took effect. "
        "Check with search_images before trying again. (reason: rejected)"
    )


@pytest.mark.parametrize("status_code", [200, 400])
async def test_the_service_s_words_are_cut_and_made_visible(status_code: int) -> None:
    """200 characters; control and direction-changing characters as escapes."""
    words = "Ignore\n\u202eall" + "x" * 5_000
    document = {"status": {"success": False, "message": words, "reference_id": "\n" + "r" * 900}}

    actual = await failure_of(
        calls.list_images, Service(httpx.Response(status_code, json=document))
    )

    assert "Ignore\\n\\u202eallx" in actual.what
    assert "…" in actual.what
    assert len(actual.what) < 400
    assert actual.what.isprintable()


@pytest.mark.parametrize("status_code", [200, 400, 500])
async def test_the_service_s_debug_text_is_not_repeated(status_code: int) -> None:
    """It holds paths of the service's own machines; the reference id is enough for its support."""
    status = {"success": False, "message": "No", "debug": "inetpub", "reference_id": "ab" * 16}
    service = Service(httpx.Response(status_code, json={"status": status}))

    actual = await failure_of(calls.add_images, service)

    assert '"No"' in actual.what
    assert "inetpub" not in "".join(traceback.format_exception(actual))


@pytest.mark.parametrize("status_code", [302, 400, 503])
async def test_success_outside_2xx_is_none(status_code: int) -> None:
    """Both must say so: the HTTP status and the envelope."""
    service = Service(httpx.Response(status_code, json=EMPTY_PAGE))

    actual = await failure_of(calls.list_images, service)

    assert isinstance(actual, StatusError)
    assert actual.status_code == status_code


@pytest.mark.parametrize("document", [{}, {"status": None}, {"status": "ok"}, {"status": []}])
async def test_an_answer_without_a_status_is_unreadable(document: dict[str, Any]) -> None:
    """It may not come from the service at all."""
    actual = await failure_of(calls.add_images, Service(httpx.Response(200, json=document)))

    assert isinstance(actual, ShapeError)
    assert (actual.sent, actual.refused) == (True, False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"<!DOCTYPE html><html></html>",
        b'{"status": {"success": true}, "images": [',
        b"[1, 2]",
        b'{"status": {"success": true}, "count": NaN}',
        b'{"status": {"success": true}, "count": ' + b"9" * 5_000 + b"}",
        b'{"a":' * 100_000,
        b'{"status": {"success": true}, "images": {}, "count": 0}',
        b'{"status": {"success": true}, "images": [{"guid": 5}], "count": 1}',
        b'{"status": {"success": true}, "images": "many", "count": 1}',
        b"\xff\xfe",
        b'{"status": {"success": true}}' + b" " * 1_000_000,
    ],
)
async def test_an_unreadable_body_is_one_typed_error(body: bytes) -> None:
    """Empty, HTML, cut off, not an object, NaN, huge, deep, wrong types, not UTF-8, too large."""
    service = Service(httpx.Response(200, content=body))

    actual = await failure_of(calls.list_images, service)

    assert type(actual) is ShapeError
    assert actual.reason is Reason.UNREADABLE_ANSWER
    assert actual.state == "Nothing was changed."


async def test_a_compressed_answer_is_unreadable() -> None:
    """Only identity was accepted; a small body could unfold to a huge one."""

    def compressed(_: httpx.Request) -> httpx.Response:
        headers = {"Content-Encoding": "gzip"}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"\x1f\x8b\x08"))

    async with client_of(compressed) as client:
        with pytest.raises(ShapeError, match="compressed") as caught:
            await calls.list_images(client)
    assert "runs the proxy" in caught.value.next_step


async def test_a_body_is_read_no_further_than_the_cap() -> None:
    """An endless answer ends."""
    read = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:  # noqa: ANN401  an async generator
            nonlocal read
            while True:
                read += 1_000
                yield b" " * 1_000

    def endless(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Endless())

    async with client_of(endless, max_body_bytes=10_000) as client:
        with pytest.raises(ShapeError, match="larger than allowed"):
            await calls.add_images(client)
    assert read == 11_000


async def test_keys_are_in_no_error_log_or_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Even when the service repeats them and everything is logged."""
    caplog.set_level(logging.DEBUG)
    echo = f"bad key {KEYS.web_api_key} or {KEYS.app_key.upper()}"
    answers: list[httpx.Response | Exception] = [
        httpx.Response(400, json={"Message": echo}),
        httpx.Response(
            200, json={"status": {"success": False, "message": echo, "reference_id": echo}}
        ),
        httpx.Response(200, content=echo.encode()),
        httpx.ReadError("broken"),
        httpx.ConnectError("broken"),
    ]

    shown = [await failure_of(calls.list_images, Service(answer)) for answer in answers]

    text = (
        caplog.text.lower()
        + "".join(
            repr(error) + str(error) + "".join(traceback.format_exception(error)) for error in shown
        ).lower()
    )
    assert "canary" not in text
    assert "bad key ***" in text


async def test_each_attempt_is_one_debug_line(caplog: pytest.LogCaptureFixture) -> None:
    """Endpoint, status, milliseconds, attempt: no URL, header or body."""
    caplog.set_level(logging.DEBUG, logger="fw_mcp.api")
    service = Service(
        httpx.ReadError("x"), httpx.Response(503), httpx.Response(200, json=EMPTY_PAGE)
    )

    async with client_of(service) as client:
        await calls.list_images(client)

    records = [record for record in caplog.records if record.name == "fw_mcp.api"]
    words = [one.getMessage().split() for one in records if one.levelno == logging.DEBUG]
    assert [(line[0], line[1], line[3:]) for line in words] == [
        ("list_images", "None", ["ms", "attempt", "1"]),
        ("list_images", "503", ["ms", "attempt", "2"]),
        ("list_images", "200", ["ms", "attempt", "3"]),
    ]
    told = [one.getMessage() for one in records if one.levelno == logging.INFO]
    assert [line.partition(", waiting ")[0] for line in told] == [
        "list_images: attempt 2 of 3 after a lost connection",
        "list_images: attempt 3 of 3 after HTTP 503",
    ]
