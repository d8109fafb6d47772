"""The studio as a page for a browser: what it holds, its keys, and how to point fw-mcp at it."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape

from fw_mcp.sandbox.endpoints import Switches
from fw_mcp.sandbox.images import Row
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_SESSION_ID, SANDBOX_WEB_API_KEY

PER_PAGE = 48

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1rem}
pre{overflow-x:auto;padding:.75rem;border:1px solid #8886;border-radius:.5rem}
ul.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:1rem;padding:0}
ul.sheet li{list-style:none;overflow-wrap:anywhere;font-size:.85rem}
ul.sheet img{display:block;width:100%;height:auto;aspect-ratio:1;object-fit:cover;background:#8883}
small{display:block;opacity:.75}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; img-src 'self'; style-src 'sha256-{_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Studio:
    """What the page shows.

    Attributes:
        base_url: where the sandbox is reached.
        counts: what there is, and how much of it.
        images: those of this page, newest first.
        switches: where it departs from its ordinary behaviour.
        is_faulty: whether faults can be planned over HTTP.
        page: from 1.
        pages: how many there are.
    """

    base_url: str
    counts: Mapping[str, int]
    images: Sequence[Row]
    switches: Switches
    is_faulty: bool
    page: int
    pages: int


def html(studio: Studio) -> str:
    """The page."""
    counts = ", ".join(f"{name} {count}" for name, count in studio.counts.items())
    images = "\n".join(map(_image, studio.images)) or "<li>No image here.</li>"
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>The studio of fw-mcp's sandbox</title>
<style>{_STYLE}</style>
<h1>The studio of fw-mcp's sandbox</h1>
<p>A fictional studio that implements the FinerWorks image API; nothing here is real.
It holds: {escape(counts)}. Its API is described in <a href="/openapi.json">openapi.json</a>.</p>
<h2>Point fw-mcp at it</h2>
<p>These keys are fake and open nothing else. In any other program, send them as the headers
<code>web_api_key</code> and <code>app_key</code>.</p>
<pre>{escape(_command(studio.base_url))}</pre>
<h2>Switches</h2>
<p>{_switches(studio.switches)} {_FAULTS[studio.is_faulty]}</p>
<h2>The inventory, newest first</h2>
<p>{_links(studio)}</p>
<ul class="sheet">
{images}
</ul>
</html>
"""


_FAULTS = {
    False: "Faults can be planned after <code>fw-mcp sandbox --faults</code>.",
    True: "Faults can be planned at <code>/_sandbox/faults</code>, and switches set at "
    "<code>/_sandbox/switches</code>.",
}


def _command(base_url: str) -> str:
    variables = {
        "FINERWORKS_BASE_URL": base_url.rstrip("/"),
        "FINERWORKS_WEB_API_KEY": SANDBOX_WEB_API_KEY,
        "FINERWORKS_APP_KEY": SANDBOX_APP_KEY,
        "FINERWORKS_SESSION_ID": SANDBOX_SESSION_ID,
    }
    lines = [f"{name}={value}" for name, value in variables.items()]
    return " \\\n".join([*lines, "fw-mcp doctor"])


def _switches(switches: Switches) -> str:
    on = [field.name for field in fields(switches) if getattr(switches, field.name)]
    names = ", ".join(f"<code>{name}</code>" for name in on)
    return f"On: {names}." if on else "All are off: it behaves as FinerWorks is documented to."


def _links(studio: Studio) -> str:
    before = f'<a href="/?page={studio.page - 1}">Newer</a> ' if studio.page > 1 else ""
    after = f' <a href="/?page={studio.page + 1}">Older</a>' if studio.page < studio.pages else ""
    return f"{before}Page {studio.page} of {studio.pages}.{after}"


def _image(image: Row) -> str:
    guid = escape(image["guid"])
    title = escape(image["title"] or "without a title")
    name = escape(image["file_name"])
    state = "" if image["active"] else ", inactive"
    return (
        f'<li><a href="/pictures/{guid}/preview"><img src="/pictures/{guid}/thumbnail" '
        f'loading="lazy" width="200" height="200" alt=""></a><bdi>{title}</bdi>'
        f"<small><bdi>{name}</bdi>, {image['pix_w']}x{image['pix_h']}{state}</small></li>"
    )
