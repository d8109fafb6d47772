"""The person at the provider's pages: logs in, says yes, and may grant less than is asked for."""

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import anyio
import httpx
from verdict import Unexpected

_STEPS = 20
_SLOW_S = 10.0
_FORM = re.compile(r'<form[^>]*\baction="([^"]+)"')
_PROMPT = re.compile(r'name="prompt" value="(\w+)"')


@dataclass
class Person:
    """Somebody with a browser, which keeps its cookies.

    Attributes:
        name: to log in with.
        grants: the scopes granted at each visit, first to last; then whatever is asked for.
        asked: the scopes that each visit asked for.
    """

    name: str
    grants: list[str] = field(default_factory=list)
    asked: list[set[str]] = field(default_factory=list)
    _browser: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    async def visit(self, url: str) -> str:
        """Follow a client's link to the end; give the address that leads back to the client.

        Raises:
            Unexpected: it does not lead back.
        """
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.asked.append(set(asked.get("scope", "").split()))
        if self.grants:
            url = f"{url.partition('?')[0]}?{urlencode(asked | {'scope': self.grants.pop(0)})}"
        answer = await self._browser.get(url)
        for _ in range(_STEPS):
            if answer.is_redirect:
                there = urljoin(str(answer.url), answer.headers["location"])
                if there.startswith(asked["redirect_uri"]):
                    return there
                answer = await self._browser.get(there)
            else:
                answer = await self._submit(answer)
        raise Unexpected(f"the provider's pages lead nowhere: {answer.url}")

    async def return_to(self, client: str) -> None:
        """Go where the provider sent the browser at last: to a client that waits for it.

        Raises:
            httpx.ConnectError: it does not, however long a person takes.
        """
        deadline = anyio.current_time() + _SLOW_S
        while True:
            try:
                await self._browser.get(client)
            except httpx.ConnectError:
                if anyio.current_time() > deadline:
                    raise
                await anyio.sleep(0.1)
            else:
                return

    async def _submit(self, page: httpx.Response) -> httpx.Response:
        """Fill in what a page asks, and send it."""
        form, prompt = _FORM.search(page.text), _PROMPT.search(page.text)
        if form is None or prompt is None:
            shown = " ".join(re.sub(r"<[^>]+>|<style.*?</style>", " ", page.text).split())
            raise Unexpected(f"HTTP {page.status_code} of the provider: {shown[:300]}")
        filled = {"prompt": prompt[1], "login": self.name, "password": "any"}
        return await self._browser.post(urljoin(str(page.url), unescape(form[1])), data=filled)
