"""What may be fetched from where, and what who asked learns."""

import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import pytest

from fw_mcp import __version__
from fw_mcp.errors import FetchError, Reason
from fw_mcp.pictures.fetch.fetcher import REFUSAL, Fetcher
from fw_mcp.pictures.fetch.hops import Fetched
from tests.pictures.fetch.bad_urls import BAD_ADDRESSES, BAD_URLS, LOOPBACK
from tests.pictures.fetch.web import JPEG, PUBLIC, Web, breaks, page, sends_to

pytestmark = pytest.mark.anyio

URL = "https://img.example/a.jpg"
HEADERS = {
    "host": "img.example",
    "accept": "*/*",
    "accept-encoding": "identity",
    "user-agent": f"fw-mcp/{__version__}",
}


async def refusal(web: Web, url: str = URL, *, hosts: Sequence[str] = ()) -> str:
    """What is told of a URL that is not fetched; nothing hangs on it that knows the cause."""
    with pytest.raises(FetchError) as caught:
        await web.fetcher(hosts=hosts).fetch(url)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return str(caught.value)


TOLD = (
    f"{REFUSAL} This step only read; nothing was changed. Use an https URL of a"
    " public host that answers within 10 s with the file itself, uncompressed and not too large; "
    "run with --log-level info for the cause. (reason: not_fetched)"
)


async def test_where_the_operator_turned_fetching_off_each_fetch_says_so() -> None:
    """Promise: `--no-fetch` turns all of it off, whoever asks, whatever URL; nobody is asked."""
    web = Web({"inside/a.png": page()})
    inside = {"http://sandbox.localhost": lambda: httpx.MockTransport(web.answer)}
    fetcher = Fetcher(is_on=False, inside=inside)

    for asking in (
        fetcher.fetch("http://sandbox.localhost/a.png"),
        fetcher.fetch(""),
        fetcher.fetch_range(URL, 0, 1),
    ):
        with pytest.raises(FetchError) as caught:
            await asking
        assert str(caught.value) == (
            "Nothing is fetched from URLs: the operator turned that off. Nothing was"
            " changed. Continue with titles, descriptions and sizes, or ask the operator to start "
            "the server without --no-fetch. (reason: fetch_off)"
        )
    await fetcher.aclose()
    assert web.dialled == []


def test_a_server_starts_without_the_http_library() -> None:
    """It costs a tenth of a second, and one that only lists its tools needs none of it."""
    program = (
        "import sys, fw_mcp.assembly, fw_mcp.cli.serve, fw_mcp.server.app\n"
        "print([n for n in ('httpx', 'PIL') if n in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert run.stdout == b"[]\n"


async def test_a_file_is_fetched_from_the_address_that_was_checked() -> None:
    """Under its host's name, for the server and for its certificate."""
    web = Web({URL: page()})

    fetched = await web.fetcher().fetch(URL)

    (request,) = web.dialled
    assert fetched == Fetched(JPEG, offset=0, size=len(JPEG), url=URL)
    assert str(request.url) == f"https://{PUBLIC}/a.jpg"
    assert (request.method, dict(request.headers)) == ("GET", HEADERS)
    assert request.extensions["sni_hostname"] == "img.example"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("HTTPS://IMG.Example:443/a.jpg", "/a.jpg"),
        ("https://img.example./a.jpg", "/a.jpg"),
        ("https://img.example", "/"),
        ("https://img.example?a=%2F@:443", "/?a=%2F@:443"),
        ("https://img.example/%2e%2E/%c3%bc?s=a%2Fb+c", "/%2e%2E/%c3%bc?s=a%2Fb+c"),
        ("https://img.example/ü.jpg", "/%C3%BC.jpg"),
        ("https://img.example/" + "a" * 1_980, "/" + "a" * 1_980),
    ],
)
async def test_a_good_url_is_asked_as_it_is_meant(url: str, path: str) -> None:
    """What is signed stays as it was signed."""
    web = Web()

    await refusal(web, url)

    (request,) = web.dialled
    assert web.dialled_hosts == [(PUBLIC, "img.example")]
    assert (request.url.scheme, request.url.port) == ("https", None)
    assert request.url.raw_path.decode() == path


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("my_bucket.s3-1.example", "my_bucket.s3-1.example"),
        ("img.xn--p1ai", "img.xn--p1ai"),
    ],
)
async def test_a_name_is_resolved_and_asked_in_its_ascii_form(host: str, name: str) -> None:
    """One form for the resolver, the certificate and the allow-list."""
    web = Web({f"https://{name}/": page()})

    await web.fetcher(hosts=[host]).fetch(f"https://{host}/")

    assert web.resolved == [name]
    assert web.dialled_hosts == [(PUBLIC, name)]


async def test_an_ipv6_address_is_dialled() -> None:
    """In brackets, as a URL wants it."""
    web = Web({URL: page()}, addresses={"img.example": [["2606:4700::1111"]]})

    await web.fetcher().fetch(URL)

    assert str(web.dialled[0].url) == "https://[2606:4700::1111]/a.jpg"


@pytest.mark.parametrize("url", BAD_URLS.values(), ids=BAD_URLS)
async def test_a_bad_url_is_refused_unresolved(url: str) -> None:
    """Nobody is asked anything, not even a name server, and the sandbox is not reached either."""
    web = Web()

    assert await refusal(web, url) == TOLD
    assert (web.resolved, web.dialled, web.inside) == ([], [], [])


@pytest.mark.parametrize("url", BAD_URLS.values(), ids=BAD_URLS)
async def test_a_redirect_to_a_bad_url_goes_nowhere_bad(url: str) -> None:
    """Each hop is checked from scratch, also one that is only relative."""
    web = Web({URL: sends_to(url)})

    assert await refusal(web) == TOLD
    assert {host for _, host in web.dialled_hosts} <= {"img.example"}
    assert web.inside == []


@pytest.mark.parametrize("url", [f"{LOOPBACK}/a.png", "http://sandbox.localhost/pictures/a.png"])
async def test_no_redirect_leads_to_our_own_origins(url: str) -> None:
    """They are for URLs that stand in the library, not for what a stranger answers."""
    web = Web(
        {URL: sends_to(url)}, addresses={"img.example": [[PUBLIC]], "127.0.0.1": [["127.0.0.1"]]}
    )

    assert await refusal(web) == TOLD
    assert web.dialled_hosts == [(PUBLIC, "img.example")]
    assert web.inside == []


@pytest.mark.parametrize("address", BAD_ADDRESSES.values(), ids=BAD_ADDRESSES)
async def test_a_name_of_an_address_that_is_not_public_is_not_dialled(address: str) -> None:
    """Neither at first nor after a redirect."""
    web = Web(
        {"https://redirector.example/": sends_to(URL)}, addresses={"img.example": [[address]]}
    )

    assert await refusal(web) == TOLD
    assert web.dialled == []
    assert await refusal(web, "https://redirector.example/") == TOLD
    assert web.dialled_hosts == [(PUBLIC, "redirector.example")]


@pytest.mark.parametrize(
    "addresses", [[PUBLIC, "127.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC] * 9 + ["::1"], []]
)
async def test_one_bad_address_spoils_a_name(addresses: list[str]) -> None:
    """Every address is looked at, the ones that would not be dialled as well."""
    web = Web({URL: page()}, addresses={"img.example": [addresses]})

    assert await refusal(web) == TOLD
    assert web.dialled == []


async def test_what_is_dialled_is_what_was_checked() -> None:
    """A name that changes its address right after the check is resolved once, and gains nothing."""
    web = Web({URL: page()}, addresses={"img.example": [[PUBLIC], ["127.0.0.1"]]})

    fetched = await web.fetcher().fetch(URL)

    assert fetched.content == JPEG
    assert web.resolved == ["img.example"]
    assert web.dialled_hosts == [(PUBLIC, "img.example")]
    assert await refusal(web) == TOLD
    assert web.dialled_hosts == [(PUBLIC, "img.example")]


async def test_a_redirect_to_the_same_name_is_resolved_again() -> None:
    """And refused if it leads inside by then."""
    web = Web(
        {URL: sends_to("/b.jpg"), "https://img.example/b.jpg": page()},
        addresses={"img.example": [[PUBLIC], ["169.254.169.254"]]},
    )

    assert await refusal(web) == TOLD
    assert web.resolved == ["img.example", "img.example"]
    assert web.dialled_hosts == [(PUBLIC, "img.example")]


@pytest.mark.parametrize("error", [OSError("img.example"), UnicodeError("img.example")])
async def test_a_name_that_does_not_resolve_is_refused(error: Exception) -> None:
    """In the same words as all else."""
    web = Web(addresses={"img.example": [error]})

    assert await refusal(web) == TOLD
    assert (web.resolved, web.dialled) == (["img.example"], [])


@pytest.mark.parametrize("status_code", [301, 302, 303, 307, 308])
async def test_three_redirects_are_followed(status_code: int) -> None:
    """Of every kind, to other hosts and to relative places; the last address is told."""
    web = Web(
        {
            URL: sends_to("/b.jpg", status_code),
            "https://img.example/b.jpg": sends_to("//cdn.example/c/d.jpg", status_code),
            "https://cdn.example/c/d.jpg": sends_to("e.jpg?f", status_code),
            "https://cdn.example/c/e.jpg?f": page(),
        }
    )

    fetched = await web.fetcher().fetch(URL)

    assert (fetched.content, fetched.url) == (JPEG, "https://cdn.example/c/e.jpg?f")


async def test_the_fourth_redirect_is_not() -> None:
    """A loop ends there as well."""
    web = Web({URL: sends_to(URL)})

    assert await refusal(web) == TOLD
    assert len(web.dialled) == 4


@pytest.mark.parametrize("location", ["", "https://[::1", "https://img.example:x/", "\ud83d"])
async def test_a_redirect_that_cannot_be_read_is_refused(location: str) -> None:
    """An empty one would ask the same again."""
    web = Web({URL: sends_to(location)})

    assert await refusal(web) == TOLD
    assert len(web.dialled) == 1


async def test_a_redirect_without_a_place_is_refused() -> None:
    """It says nothing of where to go."""
    web = Web({URL: page(b"", 302)})

    assert await refusal(web) == TOLD


async def test_no_cookie_is_kept() -> None:
    """Neither for the next hop nor for the next file; every request has the same few headers."""
    setting = {"Set-Cookie": "session=secret; Domain=example; Path=/"}
    web = Web(
        {
            URL: page(b"", 302, {"Location": "/b.jpg", **setting}),
            "https://img.example/b.jpg": page(headers=setting),
        }
    )
    fetcher = web.fetcher()

    await fetcher.fetch(URL)
    await fetcher.fetch(URL)

    assert [dict(request.headers) for request in web.dialled] == [HEADERS] * 4


@pytest.mark.parametrize(
    ("hosts", "fetched"),
    [
        ([], True),
        (["img.example"], True),
        (["other.example", " IMG.Example. "], True),
        (["example"], False),
        (["g.example"], False),
        (["*.example"], False),
        (["a.img.example"], False),
        (["https://img.example"], False),
        ([""], False),
    ],
)
async def test_with_an_allow_list_only_its_hosts_are_asked(hosts: list[str], fetched: bool) -> None:
    """Whole names, in any letter case; what is no host allows none, not all."""
    web = Web({URL: page()})

    if fetched:
        await web.fetcher(hosts=hosts).fetch(URL)
    else:
        assert await refusal(web, hosts=hosts) == TOLD
    assert (web.resolved == ["img.example"]) is fetched


async def test_a_redirect_off_the_allow_list_is_refused() -> None:
    """It holds for every hop, and a listed name gets no private address by it."""
    web = Web({URL: sends_to("https://cdn.example/a.jpg")})

    assert await refusal(web, hosts=["img.example"]) == TOLD
    assert web.resolved == ["img.example"]

    private = Web({URL: page()}, addresses={"img.example": [["10.0.0.1"]]})
    assert await refusal(private, hosts=["img.example"]) == TOLD


async def test_the_sandbox_inside_is_asked_without_dialling() -> None:
    """Also where an allow-list knows nothing of it."""
    web = Web({"inside/pictures/a.png": page()})

    fetched = await web.fetcher(hosts=["img.example"]).fetch(
        "http://Sandbox.localhost/pictures/a.png"
    )

    assert (fetched.content, fetched.url) == (JPEG, "http://sandbox.localhost/pictures/a.png")
    assert (web.resolved, web.dialled) == ([], [])


@pytest.mark.parametrize(
    ("addresses", "dialled"), [(["127.0.0.1"], True), ([PUBLIC], False), (["10.0.0.1"], False)]
)
async def test_the_loopback_origin_stays_on_this_machine(
    addresses: list[str], dialled: bool
) -> None:
    """Over plain http, with its port, and only to a loopback address."""
    web = Web({f"{LOOPBACK}/a.png": page()}, addresses={"127.0.0.1": [addresses]})

    if dialled:
        assert (await web.fetcher().fetch(f"{LOOPBACK}/a.png")).content == JPEG
    else:
        assert await refusal(web, f"{LOOPBACK}/a.png") == TOLD
    assert web.dialled_hosts == [("127.0.0.1", "127.0.0.1:8321")] * dialled


@pytest.mark.parametrize(
    ("url", "web", "cause"),
    [
        ("http://img.example/secret", Web(), "bad_url"),
        ("https://img.example/secret", Web(), "bad_status"),
        (URL, Web({URL: sends_to("http://secret.example/")}), "bad_redirect"),
        (URL, Web({URL: sends_to(URL)}), "too_many_redirects"),
        (URL, Web({URL: page(headers={"Content-Encoding": "gzip"})}), "compressed"),
        (URL, Web({URL: page(b"x" * 5_000_001)}), "too_large"),
        (URL, Web(addresses={"img.example": [["10.6.6.6"]]}), "denied_address"),
        (URL, Web(addresses={"img.example": [[]]}), "not_resolved"),
        (URL, Web({URL: breaks(httpx.ReadTimeout)}), "timed_out"),
        (URL, Web({URL: breaks(httpx.ReadError)}), "broken_answer"),
        (URL, Web({URL: breaks(httpx.ConnectError)}), "no_connection"),
    ],
    ids=lambda value: value if isinstance(value, str) and "/" not in value else "",
)
async def test_the_log_has_one_word_for_the_cause(
    url: str, web: Web, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    """For the operator; nothing of the URL, its host or its address."""
    caplog.set_level(logging.INFO, "fw_mcp.pictures")

    assert await refusal(web, url) == TOLD

    assert [record for record in caplog.record_tuples if record[0].startswith("fw_mcp")] == [
        ("fw_mcp.pictures", logging.INFO, f"a URL was not fetched: {cause}")
    ]


async def test_the_reason_is_one_from_the_closed_list() -> None:
    """What a program reads."""
    with pytest.raises(FetchError) as caught:
        await Web().fetcher().fetch("")

    assert caught.value.reason is Reason.NOT_FETCHED


@dataclass
class Broken(Web):
    """An internet where all addresses but one answer nothing."""

    error: type[httpx.HTTPError] = httpx.ConnectError

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Fail, except at the address that all else in these tests is at."""
        answer = super().answer(request)
        if request.url.host == PUBLIC:
            return answer
        raise self.error(URL)


@pytest.mark.parametrize(
    ("addresses", "tried", "fetched"),
    [
        (["1.1.1.1", PUBLIC], 2, True),
        (["1.1.1.1", "1.1.1.2", PUBLIC], 3, True),
        (["1.1.1.1", "1.1.1.2", "1.1.1.3", PUBLIC], 3, False),
        (["1.1.1.1"], 1, False),
    ],
)
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout])
async def test_a_host_s_next_address_is_tried(
    addresses: list[str], tried: int, fetched: bool, error: type[httpx.HTTPError]
) -> None:
    """Three of them: a machine without IPv6 gets such addresses too."""
    web = Broken({URL: page()}, addresses={"img.example": [addresses]}, error=error)

    if fetched:
        assert (await web.fetcher().fetch(URL)).content == JPEG
    else:
        assert await refusal(web) == TOLD
    assert [request.url.host for request in web.dialled] == addresses[:tried]


async def test_an_answer_that_breaks_is_not_asked_for_again() -> None:
    """Another address is tried only while no connection stands."""
    web = Broken(addresses={"img.example": [["1.1.1.1", PUBLIC]]}, error=httpx.ReadError)

    assert await refusal(web) == TOLD
    assert [request.url.host for request in web.dialled] == ["1.1.1.1"]
