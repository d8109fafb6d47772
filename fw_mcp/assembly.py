"""Settings become the parts of a server; nothing is opened or connected before it is used."""

import hashlib
import json
import logging
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import anyio
from pydantic import SecretStr

from fw_mcp.api.connection import KEYS_PAGE, KNOWN_HOSTS, BaseUrl, Keys
from fw_mcp.config import (
    IN_MEMORY,
    Settings,
    both_names,
    is_placeholder,
    option,
    secrets_in,
    variable,
)
from fw_mcp.errors import ApiError, ConfigError, Reason, StoreError
from fw_mcp.guard.effects import WRITES
from fw_mcp.guard.guard import Confirm, Guard, Limits
from fw_mcp.images.account import Account
from fw_mcp.pictures.answering import Answering
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.folders import Folders
from fw_mcp.pictures.inspect import Inspector
from fw_mcp.pictures.renditions import Renderer
from fw_mcp.pictures.sharing import Shared
from fw_mcp.pictures.similarity import Likenesses
from fw_mcp.pictures.turns import Turn
from fw_mcp.pictures.upload.bucket import Bucket
from fw_mcp.pictures.upload.sandbox import SandboxBucket
from fw_mcp.pictures.upload.target import bucket_of, upload_folder
from fw_mcp.pictures.view import Viewer
from fw_mcp.pictures.worker.pool import Workshop
from fw_mcp.server.parts import Parts
from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.database import IN_THIS_PROCESS, Store, session_id
from fw_mcp.store.history import History
from fw_mcp.store.journal import Journal, Step
from fw_mcp.store.opening import opened
from fw_mcp.store.plans import PlanStore
from fw_mcp.store.uploads import UploadStore
from fw_mcp.text import quoted
from fw_mcp.writes.addition import FromFiles
from fw_mcp.writes.run import Writes
from fw_mcp.writes.trial import Tried
from fw_mcp.writes.upload_jobs import HowFar
from fw_mcp.writes.uploads import UploadLimits, Uploads, public_check

if TYPE_CHECKING:
    import httpx

    from fw_mcp.api.client import FinerWorksClient
    from fw_mcp.embedded import SandboxTransport

    Transport = Callable[[], httpx.AsyncBaseTransport]

_log = logging.getLogger(__name__)

# Nothing can be kept there: reading goes on, and each write is refused by name of the store.
NO_HOME = Path(os.devnull) / "no-home-folder"

_SANDBOX_URL = "http://sandbox.localhost"
_OF_A_STORE = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "PGPASSWORD",
    "PGSSLPASSWORD",
)
_SANDBOX_NOTE = "This is the sandbox: a fictional studio; nothing here is real."


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything that runs, for whichever command."""

    settings: Settings
    database: Store
    plans: PlanStore
    parts: Parts
    uploads: Uploads
    fetcher: Fetcher

    def reading(self, folders: Sequence[Path], watched: Callable[[HowFar], None]) -> Parts:
        """The parts where these folders may be read too: a person at the terminal named them."""
        allowed = [*self.settings.read_folders, *folders]
        uploads = self.uploads.reading(Folders(allowed), watched)
        return replace(
            self.parts,
            files=FromFiles(uploads, self.parts.writes),
            inspector=Inspector(self.fetcher, allowed),
        )

    def mean_the_stores_account(self) -> None:
        """Read the store as the sandbox in memory that uses it: one of this process wrote nothing.

        For a command that shows a store to a person, who gave it the server's own options.
        """
        if self.settings.sandbox == IN_MEMORY:
            self.database.mean(_only_account(self.database, in_process=True))

    async def aclose(self) -> None:
        """Close what was opened."""
        await self.fetcher.aclose()
        await self.parts.account.aclose()
        try:
            await self.database.aclose()
        except StoreError as fault:
            _log.info("what a sandbox in memory kept in the store is left there: %s", fault.what)


def assemble(
    settings: Settings,
    environ: Mapping[str, str],
    reached: Callable[[Step], None] = lambda _: None,
    *,
    name: str = "",
    shared: Shared | None = None,
) -> Assembly:
    """The parts that `settings` describe.

    Args:
        settings: validated, of one account.
        environ: the environment, for the user's state folder.
        reached: told each step of each write.
        name: what the operator calls the account, where there are several.
        shared: what it shares with other accounts of this process.

    Raises:
        ConfigError: a setting is unsafe or names no tool.
    """
    check_base_url(settings)
    shared = shared or Shared()
    # Where there are several accounts, each has parts of its own.
    named = "" if settings.accounts_file else account_name(settings)
    database = opened(store_place(settings, environ, sys.platform), named)
    if not named and not settings.accounts_file:
        database.mean(_only_account(database))
    plans = PlanStore(database)
    sandbox = _sandbox(settings)

    async def connect() -> "FinerWorksClient":
        return await _connect(settings, database, sandbox)

    account = Account(connect)

    guard = Guard(plans, limits(settings), database.now)
    history = History(database)
    fetcher = _fetcher(settings, sandbox, partial(shared.fetches.taken, name))
    workshop = Workshop(environ=environ, turn=partial(shared.children.taken, name))
    viewer = Viewer(fetcher, workshop, shared=shared, account=name)
    uploads = Uploads(
        UploadStore(database),
        Folders(settings.read_folders),
        _bucket(settings, environ, sandbox),
        Renderer(environ=environ),
        public_check(fetcher),
        limits=UploadLimits(
            mb_per_hour=settings.upload_mb_per_hour,
            asks=not settings.upload_without_asking,
            preview_side=settings.upload_preview_side,
        ),
        now=database.now,
    )
    writes = Writes(
        account,
        guard,
        Journal(database, database.now, reached),
        history,
        _once(lambda: _identify(settings, database, account)),
        tried=Tried(history, always=settings.sandbox is not None),
        named=name,
    )
    return Assembly(
        settings=settings,
        database=database,
        plans=plans,
        parts=Parts(
            account=account,
            guard=guard,
            writes=writes,
            viewer=viewer,
            inspector=Inspector(fetcher, settings.read_folders),
            likenesses=Likenesses(viewer),
            masters=Answering(fetcher),
            # Whoever calls over HTTP gets at no file of this machine.
            files=None if settings.http else FromFiles(uploads, writes),
            show_hires=settings.show_hires,
            note=_SANDBOX_NOTE if settings.sandbox is not None else "",
        ),
        uploads=uploads,
        fetcher=fetcher,
    )


def account_name(settings: Settings) -> str | KeyPair:
    """A name for the account that is written to, which tells nothing of its keys; "" without.

    A sandbox is named by its file, and one in memory by nothing that another process knows: what
    was written to it is gone with it. Whose library it is that a pair of keys opens, FinerWorks
    says.
    """
    if settings.sandbox == IN_MEMORY:
        return f"{IN_THIS_PROCESS}{secrets.token_hex(8)}"
    if settings.sandbox is not None:
        return _digest("sandbox", os.path.realpath(settings.sandbox), settings.session_id)
    web_api_key, app_key = _secret(settings.web_api_key), _secret(settings.app_key)
    if not web_api_key:
        return ""
    # Before the host named it, whatever text stood for the service did.
    url = settings.base_url.rstrip("/")
    return KeyPair(
        _digest("keys", _where(settings), web_api_key, app_key, settings.account_key),
        tuple(
            _digest(text, web_api_key, settings.account_key)
            for text in dict.fromkeys((settings.base_url, url, f"{url}/"))
        ),
    )


def _once(work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Does `work` when it is first asked for, and again only where that failed."""
    turn = anyio.Lock(fast_acquire=True)
    left = [work]

    async def once() -> None:
        async with turn:
            if left:
                await work()
                left.clear()

    return once


async def _identify(settings: Settings, database: Store, account: Account) -> None:
    """Learn whose library it is, unless a process on this store did before.

    Raises:
        ConfigError: the keys are missing.
        ApiError: FinerWorks did not tell.
        StoreError: it cannot be kept.
    """
    if settings.sandbox is not None:
        return
    client = await account.client()
    if not await database.is_known():
        try:
            told = await account.in_time(client.test_my_credentials(), account.clock())
        except ApiError as untold:
            untold.state = "It is not known yet which account the keys belong to. Nothing was sent."
            raise
        user = told.user_digest
        # Where it names nobody, no other keys are known to be the same user's.
        known_by = _digest(_where(settings), user, settings.account_key)
        await database.learn(known_by if user else database.account)
    if settings.session_id is None:
        # Until now it was one of the keys alone, or of this run where it could not be kept.
        client.take_up(await session_id(database))


def _where(settings: Settings) -> str:
    """The service, however its address is spelt; on this machine each port may be another."""
    url = BaseUrl.parse(settings.base_url)
    return urlsplit(url.text.lower()).netloc if url.is_loopback else url.host


def _digest(*parts: str | None) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _only_account(database: Store, *, in_process: bool = False) -> str:
    """The account that a command in a terminal means, which need not know the keys.

    Args:
        database: the store.
        in_process: whether it is a sandbox in memory, the last one at work; else none of them is.
    """
    known = [one for one in database.accounts() if one.startswith(IN_THIS_PROCESS) == in_process]
    if known and in_process:
        # What one that was killed left there, nobody can ask for any more.
        return known[-1]
    if len(known) > 1:
        _log.warning("The store is shared by %d accounts: set the keys to say which.", len(known))
    return known[0] if len(known) == 1 else ""


def limits(settings: Settings) -> Limits:
    """The operator's limits.

    Raises:
        ConfigError: `writes` names what is no write tool.
    """
    return Limits(
        read_only=settings.read_only,
        writes=WRITES if settings.writes is None else _write_tools(settings.writes),
        items_per_call=settings.max_items,
        deletions_per_hour=settings.deletions_per_hour,
        plan_ttl_s=settings.plan_ttl_s,
        confirm=Confirm(settings.confirm),
    )


def check_base_url(settings: Settings) -> None:
    """Refuse to send keys to a host nobody vouched for.

    Raises:
        ConfigError: plain http, or an unknown host without the explicit switch.
    """
    url = BaseUrl.parse(settings.base_url)
    if url.is_loopback or url.host in KNOWN_HOSTS or settings.allow_other_host:
        return
    raise ConfigError(
        f"{url.host} is not a known FinerWorks host and would receive the keys.",
        state="Nothing was started.",
        next_step=f"Correct {variable('base_url')}, or add {option('allow_other_host')} "
        "if this is intended.",
        reason=Reason.UNSAFE_SETTING,
    )


def store_place(settings: Settings, environ: Mapping[str, str], platform: str) -> Path | str | None:
    """The store's file or address; None keeps it in memory, beside a sandbox that is there too."""
    if isinstance(settings.store, SecretStr):
        return settings.store.get_secret_value()
    if settings.store is not None:
        return None if str(settings.store) == IN_MEMORY else settings.store
    if settings.sandbox is not None:
        return None if settings.sandbox == IN_MEMORY else Path(f"{settings.sandbox}.store")
    return (state_folder(environ, platform) or NO_HOME) / "fw-mcp" / "store.sqlite3"


def is_shared_store(settings: Settings) -> bool:
    """Whether the store is a database, which any number of replicas share."""
    return isinstance(settings.store, SecretStr)


def required_keys(settings: Settings) -> Keys:
    """Both keys.

    Raises:
        ConfigError: naming the one that is missing.
    """
    missing = [
        variable(name)
        for name in ("web_api_key", "app_key")
        if not _secret(getattr(settings, name))
    ]
    if missing:
        unfilled = settings.unfilled
        held = f" (placeholders that were not filled in: {', '.join(unfilled)})" if unfilled else ""
        raise ConfigError(
            f"These keys are not set: {', '.join(missing)}{held}.",
            state="Nothing was sent.",
            next_step=f"Get both at {KEYS_PAGE}, set them in the configuration of this server and "
            "start it again; fw-mcp --sandbox works without an account.",
            reason=Reason.KEYS_MISSING,
        )
    return Keys(_secret(settings.web_api_key), _secret(settings.app_key))


def secrets_of(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """What must never be written anywhere."""
    values = (settings.web_api_key, settings.app_key, settings.http_token)
    of_a_store = (environ.get(name, "").strip() for name in _OF_A_STORE)
    of_a_database = secrets_in(_secret(settings.store))
    found = (*map(_secret, values), *of_a_store, *of_a_database, *_of_a_collector(environ))
    return [text for text in found if text]


def _of_a_collector(environ: Mapping[str, str]) -> Iterator[str]:
    """The values of the headers that go to a collector: `name=value,name=Bearer%20value`."""
    for name, headers in environ.items():
        if name.startswith("OTEL_EXPORTER_OTLP_") and name.endswith("HEADERS"):
            for header in headers.split(","):
                value = unquote(header.partition("=")[2]).strip()
                # The name of a scheme is no secret.
                yield value.rpartition(" ")[2]


def _bucket(
    settings: Settings, environ: Mapping[str, str], sandbox: "Transport | None"
) -> Bucket | None:
    """Where files are uploaded: what the operator named, or else a sandbox itself.

    Raises:
        ConfigError: settings that are of use only together are not.
    """
    _check_upload(settings)
    if settings.upload_to and settings.upload_public_url:
        return bucket_of(settings.upload_to, settings.upload_public_url, environ)
    if sandbox is not None:
        from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY  # noqa: PLC0415

        keys = Keys(SANDBOX_WEB_API_KEY, SANDBOX_APP_KEY)
        return SandboxBucket(_SANDBOX_URL, lambda: keys.headers, sandbox)
    base_url = BaseUrl.parse(settings.base_url)
    if not base_url.is_loopback:
        return None
    return SandboxBucket(base_url.text, lambda: required_keys(settings).headers)


def _check_upload(settings: Settings) -> None:
    wrong = ""
    if bool(settings.upload_to) != bool(settings.upload_public_url):
        wrong = f"{both_names('upload_to')} and {both_names('upload_public_url')} go together."
    elif settings.upload_to and settings.no_fetch:
        wrong = f"{both_names('upload_to')} cannot be used with {both_names('no_fetch')}."
    _check_upload_folder(settings)
    if wrong:
        raise ConfigError(
            wrong,
            state="Nothing was started.",
            next_step="Set both upload settings and let URLs be fetched, because each upload is "
            "fetched once to see that it is public; or set neither.",
            reason=Reason.INVALID_SETTING,
        )


def _check_upload_folder(settings: Settings) -> None:
    """What is uploaded into a folder of pictures would be taken for pictures to add."""
    target = upload_folder(settings.upload_to or "")
    if target and target.resolve() in [one.resolve() for one in settings.read_folders]:
        raise ConfigError(
            f"{both_names('upload_to')} is a folder of {both_names('file_folders')}.",
            state="Nothing was started.",
            next_step="Upload to another folder, or the uploads would be added as pictures.",
            reason=Reason.INVALID_SETTING,
        )


def _sandbox(settings: Settings) -> "Transport | None":
    """Gives the sandbox in this process, made when it is first asked; None without one."""
    if settings.sandbox is None:
        return None
    file = None if settings.sandbox == IN_MEMORY else settings.sandbox

    @cache
    def transport() -> "SandboxTransport":
        from fw_mcp.embedded import SandboxTransport  # noqa: PLC0415  brings the HTTP library
        from fw_mcp.sandbox.app import create_app  # noqa: PLC0415  only with --sandbox

        return SandboxTransport(create_app(file))

    return transport


def _fetcher(settings: Settings, sandbox: "Transport | None", turn: Turn) -> Fetcher:
    """Fetches pictures and files, unless the operator turned that off."""
    hosts, loopback = settings.fetched_hosts, []
    if uploads := settings.upload_public_url:
        # The operator chose it: it may be on this machine, and need not be listed.
        if BaseUrl.parse(uploads).is_loopback:
            loopback.append(_origin(uploads))
        elif hosts:
            hosts.append(urlsplit(uploads).hostname or "")
    base_url = BaseUrl.parse(settings.base_url)
    if sandbox is None and base_url.is_loopback:
        loopback.append(_origin(base_url.text))
    return Fetcher(
        is_on=not settings.no_fetch,
        hosts=hosts,
        inside={_SANDBOX_URL: sandbox} if sandbox else {},
        loopback=loopback,
        turn=turn,
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _connect(
    settings: Settings, database: Store, sandbox: "Transport | None"
) -> "FinerWorksClient":
    from fw_mcp.api.client import FinerWorksClient  # noqa: PLC0415  brings the HTTP library

    if sandbox is not None:
        return _sandbox_client(settings, sandbox)
    keys = required_keys(settings)
    return FinerWorksClient(
        base_url=settings.base_url,
        keys=keys,
        session_id=settings.session_id or await _kept_session_id(database),
        account_key=settings.account_key,
        site_id=settings.site_id,
    )


def _sandbox_client(settings: Settings, sandbox: "Transport") -> "FinerWorksClient":
    from fw_mcp.api.client import FinerWorksClient  # noqa: PLC0415  only with --sandbox
    from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_SESSION_ID, SANDBOX_WEB_API_KEY  # noqa: PLC0415

    return FinerWorksClient(
        base_url=_SANDBOX_URL,
        keys=Keys(SANDBOX_WEB_API_KEY, SANDBOX_APP_KEY),
        session_id=settings.session_id or SANDBOX_SESSION_ID,
        account_key=settings.account_key,
        site_id=settings.site_id,
        transport=sandbox(),
    )


async def _kept_session_id(database: Store) -> str:
    try:
        return await session_id(database)
    except StoreError as fault:
        # Reading must go on; only temporary images of former runs are out of reach.
        _log.warning("%s A session id for this run only is used.", fault.what)
        return secrets.token_hex(16)


def _write_tools(text: str) -> tuple[str, ...]:
    if text.strip() == "none":
        return ()
    named = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in named if name not in WRITES]
    if unknown:
        raise ConfigError(
            f"{both_names('writes')} names {quoted(unknown[0])}, which is not a write tool.",
            state="Nothing was started.",
            next_step=f"The write tools are {', '.join(WRITES)}; none disables all.",
            reason=Reason.INVALID_SETTING,
        )
    return named


def state_folder(
    environ: Mapping[str, str],
    platform: str,
    home_of_user: Callable[[], Path] = Path.home,
) -> Path | None:
    """Where this user's programs keep their state; None for a user without a home.

    Args:
        environ: the environment; a relative path in it is ignored, as the XDG rules want it.
        platform: as `sys.platform` has it.
        home_of_user: asked only where the environment does not say it; raises `RuntimeError` for a
            user that the system does not know.
    """
    named, below = {
        "win32": (("LOCALAPPDATA", "APPDATA"), "AppData/Local"),
        "darwin": ((), "Library/Application Support"),
    }.get(platform, (("XDG_STATE_HOME",), ".local/state"))
    found = _first_whole(environ, named)
    if found is not None:
        return found
    home = _first_whole(environ, ("USERPROFILE",) if platform == "win32" else ("HOME",))
    if home is None:
        with suppress(RuntimeError):
            home = home_of_user()
    return home / below if home is not None and home.is_absolute() else None


def _first_whole(environ: Mapping[str, str], names: tuple[str, ...]) -> Path | None:
    paths = (Path(environ.get(name, "").strip()) for name in names)
    return next((path for path in paths if path.is_absolute()), None)


def _secret(value: object) -> str:
    """A secret as text; a placeholder that nobody filled in is none."""
    reveal = getattr(value, "get_secret_value", None)
    text = str(reveal()).strip() if reveal else ""
    return "" if is_placeholder(text) else text
