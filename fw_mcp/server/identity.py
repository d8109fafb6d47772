"""Who calls over HTTP: the principal that a bearer token stands for, at each request anew."""

import hmac
import logging
import time
from collections.abc import Callable
from pathlib import Path

from mcp.server.auth.provider import AccessToken

from fw_mcp.guard.effects import EVERY_SCOPE
from fw_mcp.server.oauth import Issuer
from fw_mcp.server.private_file import Watched
from fw_mcp.server.tokens import Token, by_digest, digest_of, read_tokens
from fw_mcp.server.tool import ACCOUNT, CALLER

_ISSUER = "tokens-file"

_log = logging.getLogger(__name__)


class Tokens:
    """The tokens of a file, which may change while it is in use.

    Args:
        path: the file.
        now: seconds since the epoch.

    Raises:
        ConfigError: it cannot be used; once it could, a later fault leaves what there was.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._file = Watched(
            path,
            lambda one: by_digest(read_tokens(one)),
            "The tokens read before are still valid.",
        )

    @property
    def accounts(self) -> list[str]:
        """The accounts that they open."""
        return sorted({one.account for one in self._file.found.values()})

    def find(self, token: bytes) -> Token | None:
        """The token, unless it is none of them, revoked or expired."""
        found = self._file.now().get(digest_of(token))
        return None if found is None or found.is_expired(self._now()) else found


class Bearers:
    """Tells whose a bearer token is.

    Args:
        token: the one that is nobody's in particular; None for none.
        tokens: those of a file; None for none.
        issuer: knows those of an OAuth issuer; None for none.
    """

    def __init__(
        self, token: str | None, tokens: Tokens | None, issuer: Issuer | None = None
    ) -> None:
        self._issuer = issuer
        self._token = token and token.encode()
        self._tokens = tokens
        self.what = "the operator's token" if tokens else "the operator's FW_MCP_HTTP_TOKEN"
        if issuer is not None:
            self.what = f"one of {issuer.issuer}"

    async def whose(self, sent: bytes) -> AccessToken | None:
        """The principal of a token; None for a token that opens nothing."""
        if self._token and hmac.compare_digest(sent, self._token):
            return AccessToken(token="", client_id="", scopes=sorted(EVERY_SCOPE))
        found = self._tokens.find(sent) if self._tokens else None
        if found is None:
            return await self._issuer.whose(sent.decode("latin-1")) if self._issuer else None
        return AccessToken(
            token="",
            # A session, and a sealed question, are of one account too.
            client_id=found.account,
            scopes=list(found.scopes),
            subject=found.name,
            claims={"iss": _ISSUER, CALLER: f"token:{found.name}", ACCOUNT: found.account},
        )
