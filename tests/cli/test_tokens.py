"""`fw-mcp token`: what it makes, what it lists, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fw_mcp.assembly import assemble
from fw_mcp.cli.main import main
from fw_mcp.cli.tokens import tokens
from fw_mcp.config import load_settings
from fw_mcp.server.tokens import digest_of, read_tokens

NOW = 1_800_000_000.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A tokens file that is there, closed and empty."""
    file = tmp_path / "tokens.jsonl"
    file.touch(mode=0o600)
    return file


@pytest.fixture
def run(file: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """The command on that file, at a fixed time; what it prints."""
    assembly = assemble(load_settings({"tokens_file": str(file), "sandbox": "true"}), {})
    usual: dict[str, object] = {
        "name": None,
        "scopes": "images:read",
        "days": 90,
        "account": "default",
    }

    def run(action: str, **own: object) -> list[str]:
        assert tokens(assembly, usual | {"action": action} | own, lambda: NOW) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_a_new_token_is_shown_and_only_its_digest_is_kept(
    run: Callable[..., list[str]], file: Path
) -> None:
    """The line to add opens the door to the token, and to nothing else; the file is left alone."""
    scopes = "images:read, images:write"
    _, token, _, line = run("new", name="anna@example.com", scopes=scopes, days=2)
    assert (token[:6], len(token), file.read_text(encoding="utf-8")) == ("fwmcp_", 49, "")
    assert json.loads(line) == {
        "name": "anna@example.com",
        "sha256": digest_of(token.encode()),
        "scopes": ["images:read", "images:write"],
        "account": "default",
        "expires": "2027-01-17T08:00:00Z",
    }
    file.write_text(f"{line}\n", encoding="utf-8")
    assert [one.line() for one in read_tokens(file)] == [line]
    assert run("new", name="ben")[1] != token


def test_the_list_says_what_is_expired(run: Callable[..., list[str]], file: Path) -> None:
    """Of each token the name, the scopes and until when; never the digest."""
    kept = {"sha256": "0" * 64, "scopes": ["images:delete"]}
    old = kept | {"name": "old", "expires": "2026-01-01T00:00:00Z"}
    new = kept | {"name": "new", "expires": "2028-01-01T00:00:00Z", "sha256": "1" * 64}
    file.write_text(f"{json.dumps(old)}\n{json.dumps(new)}\n", encoding="utf-8")
    assert run("list") == [
        "old  images:delete  account default  expired 2025-12-31T18:00:00-06:00",
        "new  images:delete  account default  expires 2027-12-31T18:00:00-06:00",
    ]


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (["list"], (2, "No tokens file is named.")),
        (["list", "--tokens-file", "away.jsonl"], (2, "cannot be read as text")),
        (["list", "--tokens-file", "open.jsonl"], (6, "chmod 600")),
        (["new"], (2, "fw-mcp token new NAME.")),
        (["new", "an na"], (2, '"an na" cannot be the name of a token.')),
        (["new", "anna", "--scopes", "images:all"], (2, '"images:all" is not a scope.')),
        (["new", "anna", "--scopes", ","], (2, "Nothing is not a scope.")),
        (["new", "ANNA", "--tokens-file", "tokens.jsonl"], (2, 'already has a token of "ANNA"')),
    ],
)
def test_what_cannot_be_done_is_said(
    file: Path,
    arguments: list[str],
    end: tuple[int, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On stderr, and no token is made."""
    line = {"name": "anna", "sha256": "0" * 64, "scopes": ["images:read"]}
    file.write_text(json.dumps(line | {"expires": "2028-01-01T00:00:00Z"}), encoding="utf-8")
    monkeypatch.chdir(file.parent)
    Path("open.jsonl").touch(mode=0o644)
    Path("open.jsonl").chmod(0o644)
    code = main(["token", *arguments])
    out, err = capsys.readouterr()
    assert (out, code, end[1] in err) == ("", end[0], True), err
