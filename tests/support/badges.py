"""README.md's links that install the server by a click, from what each host reads.

None holds a key: a host that can ask for the keys does, and the others get the sandbox.
"""

import json
from base64 import b64encode
from urllib.parse import quote, urlencode

from fw_mcp.cli.hosts import BY_WORD, KEYS, NAME, Stdio

ACCOUNT = Stdio("uvx", ("fw-mcp",))
SANDBOX = Stdio("uvx", ("fw-mcp", "--sandbox"), with_keys=False)
_VS_CODE = BY_WORD["vscode"]


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def in_base64(page: str, word: str) -> str:
    """Cursor's notation, which LM Studio reads too."""
    config = b64encode(_json(BY_WORD[word].entry(SANDBOX)).encode()).decode()
    return f"{page}?{urlencode({'name': NAME, 'config': config})}"


def vs_code() -> str:
    """It asks for the keys and keeps them."""
    asked, entry = _VS_CODE.inputs(ACCOUNT), _VS_CODE.entry(ACCOUNT)
    given = {"name": NAME, "inputs": _json(asked), "config": _json(entry)}
    return f"https://insiders.vscode.dev/redirect/mcp/install?{urlencode(given, quote_via=quote)}"


def vs_code_insiders() -> str:
    """Of this one the page above opens the other program."""
    given = {"name": NAME, "inputs": _VS_CODE.inputs(ACCOUNT), **_VS_CODE.entry(ACCOUNT)}
    own = f"vscode-insiders:mcp/install?{quote(_json(given), safe='')}"
    return f"https://insiders.vscode.dev/redirect?url={quote(own, safe='')}"


def goose() -> str:
    """It asks for each variable, with these words."""
    entry = BY_WORD["goose"].entry(ACCOUNT)
    given = [("cmd", entry["cmd"]), *(("arg", one) for one in entry["args"])]
    given += [("id", NAME), ("name", "FinerWorks"), ("description", entry["description"])]
    given += [("env", f"{name}=Your {name}") for name in KEYS]
    return f"https://goose-docs.ai/extension?{urlencode(given, quote_via=quote)}"


LINKS = {
    "Cursor": ("sandbox", in_base64("https://cursor.com/en/install-mcp", "cursor")),
    "VS Code": ("asks for your keys", vs_code()),
    "VS Code Insiders": ("asks for your keys", vs_code_insiders()),
    "LM Studio": ("sandbox", in_base64("https://lmstudio.ai/install-mcp", "lm-studio")),
    "Goose": ("asks for your keys", goose()),
}


def badges() -> str:
    """A picture each, which is its link."""
    return "\n".join(
        f"[![{name}: {what}](https://img.shields.io/badge/{quote(name)}-{quote(what)}-2563eb)]({link})"
        for name, (what, link) in LINKS.items()
    )
