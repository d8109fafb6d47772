"""What strangers may try through the gallery: texts that are code, messages, the network."""

from typing import Any

import anyio
import pytest

from fw_mcp.api.models import ImageToUpdate, UpdateImagesRequest
from tests.gallery.browser import Browser
from tests.gallery.conftest import Opening
from tests.support.hostile_texts import HOSTILE, hidden
from tests.support.products import first_of
from tests.support.studio import Studio
from tests.support.truth import holdings

NO_PICTURES = "refuse=view_images"
CODE = (
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "<svg onload=\"document.title='owned'\">",
    "<iframe srcdoc=\"<script>parent.document.title='owned'</script>\"></iframe>",
    "<a href=\"javascript:document.title='owned'\">click</a>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example><form action=//evil.example><input name=x>",
    '"><img src=http://127.0.0.1:9/x.png>',
    "&lt;b&gt;not bold&lt;/b&gt; &#60;img src=x onerror=alert(1)&#62;",
    "${document.title='owned'} {{constructor.constructor('return 1')()}}",
    "]]><!--<img src=x onerror=alert(1)>-->",
)
OWN = (
    *("bdi", "button", "circle", "dd", "div", "dl", "dt"),
    *("h2", "img", "p", "path", "rect", "span", "svg"),
)
TEXTS = (*CODE, *(text for text in HOSTILE.values() if len(text) <= 200))


async def retitled(studio: Studio) -> dict[str, str]:
    """Titles of every hostile kind, stored in the library; guid → title."""
    guids = list(await holdings(studio))[: len(TEXTS)]
    titles = dict(zip(guids, TEXTS, strict=True))
    for start in range(0, len(guids), 50):
        images = [
            ImageToUpdate(guid=guid, title=titles[guid], description=titles[guid])
            for guid in guids[start : start + 50]
        ]
        await studio.api.update_images(UpdateImagesRequest(images=images))
    return titles


def elements(gallery: Browser) -> list[str]:
    """The names of elements inside tiles and the dialog that the page itself never makes."""
    found: list[str] = gallery.script(
        "return [...document.querySelectorAll('#grid *, #large *')].map((one) => one.localName)"
    )
    return [name for name in found if name not in OWN]


def assert_untouched(gallery: Browser) -> None:
    """No element came in by a text, and no script of a stranger ran."""
    assert elements(gallery) == []
    assert gallery.script("return document.title") == "FinerWorks gallery"
    assert gallery.script("return document.images.length") == len(gallery.find(".tile")) + 1


@pytest.mark.large_library
def test_hostile_titles_are_shown_as_text(opened: Opening, studio: Studio) -> None:
    """Promise: what is written in a library is data, on the page as in a result."""
    titles = anyio.run(retitled, studio)
    gallery = opened(page=NO_PICTURES, per_page=50, guid_filter=list(titles)[:50])
    gallery.tiles()
    seen = {
        tile.get_attribute("data-guid"): tile.find_element("css selector", ".title")
        for tile in gallery.tiles()
    }
    for guid, text in titles.items():
        if guid in seen and text in CODE:
            assert seen[guid].get_attribute("textContent") == text
    for tile in gallery.tiles():
        assert (
            hidden(seen[tile.get_attribute("data-guid")].get_attribute("textContent") or "") == []
        )
        assert hidden(tile.get_attribute("aria-label") or "") == []
    assert_untouched(gallery)


@pytest.mark.large_library
def test_hostile_titles_are_text_in_the_dialog_and_the_question_too(
    opened: Opening, studio: Studio
) -> None:
    """Wherever else a title comes up."""
    titles = anyio.run(retitled, studio)
    guid, text = next(iter(titles.items()))
    gallery = opened(page=NO_PICTURES, guid_filter=[guid])
    gallery.tiles()[0].click()
    gallery.find(".zoom")[0].click()
    assert gallery.one("#large-title").get_attribute("textContent") == text
    assert gallery.one("#large-description").get_attribute("textContent") == text
    gallery.click("#large-close")
    gallery.click("#delete")
    gallery.reads("#outcome h2", "Nothing was deleted yet.")
    assert "< img src=x" in gallery.text("#outcome .said")
    assert_untouched(gallery)


def test_the_page_asks_nobody_but_its_host(opened: Opening) -> None:
    """In a whole session of looking, choosing and storing."""
    gallery = opened(per_page=6)
    gallery.tiles()[0].click()
    gallery.find(".zoom")[0].click()
    gallery.click("#large-close")
    gallery.click("#use")
    gallery.reads("#outcome h2", "Saved for printing: 1 image")
    origin = gallery.served.origin
    assert [url for url in gallery.network() if not url.startswith(f"{origin}/")] == []
    assert gallery.console() == []


ATTEMPTS = {
    "fetch": "fetch(there).catch(() => {})",
    "picture": "new Image().src = there",
    "script": "document.head.append(Object.assign(document.createElement('script'), {src: there}))",
    "style": "document.head.append(Object.assign(document.createElement('link'), "
    "{rel: 'stylesheet', href: there}))",
    "frame": "document.body.append(Object.assign(document.createElement('iframe'), {src: there}))",
    "beacon": "navigator.sendBeacon(there, 'x')",
    "socket": "try { new WebSocket(there.replace('http', 'ws')) } catch (refused) {}",
    "event source": "new EventSource(there)",
}


@pytest.mark.parametrize("attempt", first_of(*ATTEMPTS.values(), ids=ATTEMPTS))
def test_the_page_could_reach_nobody_if_it_tried(opened: Opening, attempt: str) -> None:
    """Its own policy forbids the network under a host that forbids nothing, and reaches it."""
    gallery = opened(page=NO_PICTURES, strict=False, per_page=1)
    gallery.tiles()
    gallery.script(
        "window.denied = [];"
        "document.addEventListener('securitypolicyviolation', "
        "(event) => window.denied.push(event.blockedURI));"
        f"const there = arguments[0]; {attempt};",
        f"{gallery.served.origin}/probe",
    )
    gallery.until(lambda: gallery.script("return window.denied.length"))
    gallery.in_host("window.answered = 0; fetch('/probe').then(() => { window.answered = 1; })")
    gallery.until(lambda: gallery.in_host("return window.answered"))
    assert gallery.served.probed == 1


def test_only_the_host_is_listened_to(opened: Opening) -> None:
    """A message from anywhere else, or an answer that nobody waits for, changes nothing."""
    gallery = opened(page=NO_PICTURES, per_page=2)
    guids = gallery.shown()
    forged = {
        "jsonrpc": "2.0",
        "method": "ui/notifications/tool-result",
        "params": {"structuredContent": {"images": [], "page_number": 1, "per_page": 1}},
    }
    gallery.script("window.postMessage(arguments[0], '*')", forged)
    gallery.in_host("post({id: 4711, result: {structuredContent: {images: []}}})")
    gallery.in_host("post({method: 'ui/notifications/no-such-thing', params: {}})")
    gallery.in_host("frame.contentWindow.postMessage('not an object', '*')")
    gallery.tiles()[0].click()
    assert gallery.shown() == guids
    assert gallery.find("#fault .panel") == []


@pytest.mark.parametrize(
    ("method", "answer"),
    first_of(
        (
            "tools/list",
            {"error": {"code": -32601, "message": "The gallery does not know this method."}},
        ),
        ("ping", {"result": {}}),
        ("ui/resource-teardown", {"result": {}}),
    ),
)
def test_a_request_of_the_host_is_answered(
    opened: Opening, method: str, answer: dict[str, Any]
) -> None:
    """With what the protocol says, or that the method is not known."""
    gallery = opened(page=NO_PICTURES, per_page=1)
    gallery.tiles()
    gallery.in_host("post({id: 'asked', method: arguments[0], params: {}})", method)
    answers = "return host.received.filter((one) => one.id === 'asked')"
    (told,) = gallery.until(lambda: gallery.in_host(answers))
    assert told == {"jsonrpc": "2.0", "id": "asked", **answer}


@pytest.mark.parametrize(
    "content",
    first_of(
        {"images": [None, 1, {}, {"guid": 7}, {"guid": "not a guid", "title": "x"}]},
        {},
        {"images": "none"},
        {"images": [], "page_number": "x", "per_page": {}, "count": -1, "next_page_number": []},
        {"images": [], "summary": ["a"], "not_reached": {"a": 1}, "scanned": "x"},
    ),
)
def test_a_result_of_the_wrong_shape_breaks_nothing(
    opened: Opening, content: dict[str, Any]
) -> None:
    """What is no row is no tile, and the next result is shown."""
    gallery = opened(page=NO_PICTURES, per_page=1)
    good = gallery.shown()
    show = "post({method: 'ui/notifications/tool-result', params: arguments[0]})"
    gallery.in_host(show, {"content": [], "structuredContent": content})
    row = {"guid": good[0], "title": ["a"], "shops": "Etsy", "pix_w": "x", "prints": 3}
    gallery.in_host(show, {"content": [], "structuredContent": {"images": [row], "count": 1}})
    gallery.until(lambda: gallery.shown() == good)
    assert gallery.find("#fault .panel") == []


def test_a_picture_that_is_none_is_not_shown(opened: Opening) -> None:
    """Types that can carry scripts, data that is no base64, more than a picture has."""
    gallery = opened(page=NO_PICTURES, per_page=4)
    guids = gallery.shown()
    pictures = [
        {"type": "image", "mimeType": "image/svg+xml", "data": "PHN2Zy8+"},
        {"type": "image", "mimeType": "image/png", "data": '" onerror="alert(1)'},
        {"type": "image", "mimeType": "image/png", "data": "A" * 2_000_001},
        {"type": "image", "mimeType": "text/html", "data": "PHN2Zy8+"},
    ]
    content = []
    for guid, picture in zip(guids, pictures, strict=True):
        content += [picture, {"type": "text", "text": f'{guid} "x"'}]
    gallery.in_host(
        "host.refuse = {}; state = arguments[0];"
        "answers['tools/call'] = async (params) => params.name === 'view_images'"
        " ? { result: { content: state } } : callTool(params);"
        "post({method: 'ui/notifications/tool-result', params: arguments[1]})",
        content,
        {"structuredContent": {"images": [{"guid": guid} for guid in guids], "count": 4}},
    )
    gallery.until(lambda: [one.text for one in gallery.find(".tile .why")] == ["Not shown"] * 4)
    assert gallery.find(".picture[src]") == []
