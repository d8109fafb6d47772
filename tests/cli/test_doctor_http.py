"""What `fw-mcp doctor` finds out about who may connect over HTTP."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from jwt.algorithms import ECAlgorithm

from fw_mcp.cli.doctor import examine
from fw_mcp.guard.effects import Scope
from tests.server.test_identity import keep, made
from tests.server.test_oauth import secret
from tests.support.kept import Kept
from tests.support.products import first_of

DAY = 86_400
RESOURCE = "https://fw.example.com/mcp"
KEY = ECAlgorithm.to_jwk(secret("one").public_key(), as_dict=True)


def found(
    check: str,
    kept: Kept,
    capsys: pytest.CaptureFixture[str],
    **settings: Any,  # noqa: ANN401  of any type
) -> tuple[int, str, str]:
    """What one check found, all others being well."""
    code = examine(kept.assembly(**settings), {"json": True})
    findings = {one["check"]: one for one in json.loads(capsys.readouterr().out)}
    one = findings[check]
    assert one["exit_code"] == code
    return code, one["found"], one["next_step"]


def test_tokens_that_ended_or_end_soon_are_named(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the persons who have them notice."""
    file, now = tmp_path / "tokens.jsonl", time.time()
    until = {"anna": -DAY, "ben": 13 * DAY, "cara": 15 * DAY, "dora": -1, "emil": 60}
    tokens = [made(name, Scope.READ, until=now + seconds) for name, seconds in until.items()]
    keep(file, *(one.line() for one in tokens))
    assert found("tokens", kept, capsys, tokens_file=file) == (
        0,
        "5 tokens; expired: anna, dora; ending within 14 days: ben, emil",
        "Make new ones with fw-mcp token new.",
    )
    keep(file, tokens[2].line())
    assert found("tokens", kept, capsys, tokens_file=file) == (0, "1 token", "")


def test_a_tokens_file_that_the_server_would_refuse_is_a_finding(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the words in which it would."""
    file = tmp_path / "tokens.jsonl"
    away = found("tokens", kept, capsys, tokens_file=file)
    keep(file, "{")
    broken = found("tokens", kept, capsys, tokens_file=file)
    file.chmod(0o644)
    is_open = found("tokens", kept, capsys, tokens_file=file)
    assert (away[0], "cannot be read as text" in away[1]) == (2, True)
    assert (broken[0], "line 1: it is not a JSON object" in broken[1]) == (2, True)
    assert (is_open[0], is_open[2]) == (6, "Close it to them with chmod 600.")


@contextmanager
def provider(*, named: str = "", keys: object = (KEY,)) -> Iterator[str]:
    """An issuer on loopback; `named` is what it calls itself, unless that is its URL."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            metadata = {"issuer": named or url, "jwks_uri": f"{url}/keys"}
            told = {"keys": keys} if self.path == "/keys" else metadata
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield url
        finally:
            server.shutdown()
            thread.join()


def test_an_issuer_is_asked_for_its_keys(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """As the server will, which does at the first token only; and what else is needed is told."""
    with provider() as url:
        got = found("login", kept, capsys, oauth_issuer=url, public_url=RESOURCE)
        alone = found("login", kept, capsys, oauth_issuer=url)
    assert got == (0, f"{url} has 1 usable key; tokens must be for {RESOURCE}", "")
    assert (alone[0], "needs --public-url (FW_MCP_PUBLIC_URL)" in alone[1]) == (2, True)


@pytest.mark.parametrize(
    ("named", "keys", "said"),
    first_of(
        ("https://other.example", [KEY], 'ValueError: "another issuer"'),
        ("", None, "TypeError: "),
        ("", [], "has no key that can be used"),
        ("", [{"kty": "oct", "k": "c2VjcmV0"}], "has no key that can be used"),
    ),
)
def test_an_issuer_that_answers_with_something_else_is_a_finding(
    kept: Kept, capsys: pytest.CaptureFixture[str], named: str, keys: object, said: str
) -> None:
    """Exit code 5: not even one token could be checked."""
    with provider(named=named, keys=keys) as url:
        got = found("login", kept, capsys, oauth_issuer=url, public_url=RESOURCE)
    assert (got[0], said in got[1]) == (5, True)
    assert "--oauth-issuer" in got[2]


def test_an_issuer_that_is_away_is_a_finding(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4, as where FinerWorks is."""
    away = "http://127.0.0.1:9"
    got = found("login", kept, capsys, oauth_issuer=away, public_url=RESOURCE)
    assert (got[0], "cannot be read: ConnectError" in got[1]) == (4, True)
