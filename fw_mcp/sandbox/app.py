"""The sandbox as a Starlette application: keys, routes, binding, answers."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from errno import ENOSPC
from functools import cached_property, partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from fw_mcp.sandbox import central_time, openapi, page, pictures
from fw_mcp.sandbox.endpoints import (
    ALL_OFF,
    BAD_REQUEST,
    ENDPOINTS,
    SERVER_ERROR,
    CarriedBy,
    Context,
    Endpoint,
    Switches,
    Unlisted,
    envelope,
    keys_refused,
    web_api_error,
)
from fw_mcp.sandbox.faults.answers import spoiled
from fw_mcp.sandbox.faults.plan import Fault, Faults
from fw_mcp.sandbox.faults.uploads import UploadFault, UploadFaultKind, UploadFaults, instead
from fw_mcp.sandbox.faults.work import carry_out
from fw_mcp.sandbox.images import Images, Row, check_file, open_images
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY
from fw_mcp.sandbox.masters import Master, wanted
from fw_mcp.sandbox.requests import BindingError, Members, Model
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES, furnish, subjects
from fw_mcp.sandbox.uploads import InFolder, InMemory, Uploads, is_key, media_type

_VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}
_DIGITS = 8
_UPLOAD_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}
_PICTURE_HEADERS = {"Cache-Control": "public, max-age=86400, immutable"}


class MalformedBodyError(ValueError):
    """A body that is not JSON."""


def create_app(
    path: str | Path | None = None,
    *,
    seed: bool = True,
    per_series: int = INVENTORY_PER_SERIES,
    switches: Switches = ALL_OFF,
    faults: Faults | None = None,
    upload_faults: UploadFaults | None = None,
    uploads: Uploads | None = None,
    fault_control: bool = False,
    clock: Callable[[], datetime] = central_time.utc_now,
) -> Starlette:
    """Make a sandbox. Nothing is opened or seeded before the first request.

    An injected fault of kind ``dropped`` leaves the application as `ConnectionDropped`
    (``fw_mcp.sandbox.faults.plan``): map it where the application is called in process.

    Args:
        path: the SQLite file to keep everything in, opened again with what it holds; None keeps it
            in memory for as long as the application lives.
        seed: fill a library that never held an image with the studio's.
        per_series: how many inventory images each of the studio's eight series has.
        switches: where to depart from the ordinary behaviour.
        faults: what is to go wrong.
        upload_faults: the same with uploaded files.
        uploads: where those are kept; None for a folder beside the file, or memory without one.
        fault_control: serve ``POST`` (add one) and ``DELETE`` (clear) ``/_sandbox/faults`` and
            ``/_sandbox/faults/uploads``, and ``PUT /_sandbox/switches``, without keys. Leave it
            off where strangers can reach the application.
        clock: gives the time, with a zone.

    Returns:
        The application. It needs no lifespan; ``state.sandbox.images`` are its tables.

    Raises:
        ConfigError: the file is not the sandbox's, or its folder is missing.
    """
    file = Path(path) if path is not None else None
    if file:
        check_file(file)
    kept = uploads or (InFolder(Path(f"{file}.uploads")) if file else InMemory())
    shelf = _Shelf(kept, upload_faults or UploadFaults())
    sandbox = _Sandbox(file, per_series if seed else 0, switches, faults or Faults(), clock)
    sandbox.is_faulty = fault_control
    routes = [
        Route("/", sandbox.page),
        Route("/openapi.json", _openapi),
        Route("/pictures/{guid}/{size}", sandbox.picture),
        Route("/uploads/{key:path}", shelf.serve, methods=["GET", "HEAD", "PUT", "DELETE"]),
        Route("/{version}/{name}", sandbox.call, methods=_VERBS),
    ]
    control = [
        Route("/_sandbox/faults", sandbox.plan_faults, methods=["POST", "DELETE"]),
        Route("/_sandbox/faults/uploads", shelf.plan_faults, methods=["POST", "DELETE"]),
        Route("/_sandbox/switches", sandbox.set_switches, methods=["PUT"]),
    ]
    # Starlette's own redirect to a path without its slash would send a write twice.
    app = Starlette(
        routes=(control if fault_control else []) + routes,
        exception_handlers={HTTPException: _http_error, Exception: _server_error},
    )
    app.router.redirect_slashes = False
    app.state.sandbox = sandbox
    return app


class _Sandbox:
    """The parts of one sandbox, and what its routes do with them."""

    def __init__(
        self,
        file: Path | None,
        per_series: int,
        switches: Switches,
        faults: Faults,
        clock: Callable[[], datetime],
    ) -> None:
        self._file = file
        self._per_series = per_series
        self._switches = switches
        self._faults = faults
        self._clock = clock
        self._unlisted = Unlisted()
        self.is_faulty = False

    @cached_property
    def images(self) -> Images:
        """The tables, opened at the first use."""
        return open_images(self._file, furnish=self._furnish)

    def _furnish(self, images: Images) -> None:
        if self._per_series:
            furnish(images, now=self._clock(), per_series=self._per_series)

    async def call(self, request: Request) -> Response:
        """Answer ``/v3/<name>``, or spoil the answer as planned."""
        endpoint = _found(request)
        body = await request.body()

        fault = self._faults.take(endpoint.name)

        def answer() -> Response:
            return self._answer(endpoint, request, body, fault)

        return await spoiled(fault, answer, self._faults.sleep) if fault else answer()

    def _answer(
        self, endpoint: Endpoint, request: Request, body: bytes, fault: Fault | None
    ) -> Response:
        if not _keys_fit(request.headers):
            return keys_refused()
        try:
            wanted = Members(endpoint.accepts).bind(_members(endpoint, request, body))
            outcome = carry_out(endpoint, self._context(request), wanted, fault)
        except (MalformedBodyError, BindingError) as error:
            return _refusal(error)
        except sqlite3.Error:
            return web_api_error(500, SERVER_ERROR)
        return envelope(
            outcome.members,
            domain=request.url.hostname,
            success=outcome.success,
            status_code=endpoint.status_code,
            message=outcome.message,
        )

    def _context(self, request: Request) -> Context:
        now = central_time.to_microseconds(self._clock())
        base_url = str(request.base_url)
        return Context(self.images, self._switches, now, base_url, self._unlisted)

    async def picture(self, request: Request) -> Response:
        """Serve a thumbnail, a preview or a print master."""
        size, image = request.path_params["size"], None
        if size in {"thumbnail", "preview", "hires"}:
            image = self.images.with_guid(request.path_params["guid"].lower())
        if image is None:
            raise HTTPException(404)
        headers = _PICTURE_HEADERS | {"ETag": f'"{image["guid"]}-{size}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if size == "hires":
            return _master(request, image, headers)
        preview = pictures.preview_size(image["pix_w"], image["pix_h"])
        pixels = pictures.THUMBNAIL_SIZE if size == "thumbnail" else preview
        seeded = subjects(self._per_series) if self._per_series else {}
        png = pictures.paint(
            image["guid"],
            pixels,
            series=image["personal_gallery_title"],
            subject=seeded.get(image["guid"]),
        )
        return Response(png, media_type="image/png", headers=headers)

    async def page(self, request: Request) -> Response:
        """Show the studio to a person."""
        counts = self.images.counts(now=central_time.to_microseconds(self._clock()))
        pages = max(1, -(-counts["inventory images"] // page.PER_PAGE))
        asked = request.query_params.get("page", "")
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < _DIGITS else 1
        number = min(max(number, 1), pages)
        studio = page.Studio(
            base_url=str(request.base_url),
            counts=counts,
            images=self.images.newest(page.PER_PAGE, (number - 1) * page.PER_PAGE),
            switches=self._switches,
            is_faulty=self.is_faulty,
            page=number,
            pages=pages,
        )
        return HTMLResponse(page.html(studio), headers=page.HEADERS)

    async def plan_faults(self, request: Request) -> Response:
        """Add a fault to the plan, or clear it."""
        if request.method == "DELETE":
            self._faults.clear()
            return Response(status_code=204)
        return await _told(request, Fault, self._plan)

    async def set_switches(self, request: Request) -> Response:
        """Turn these switches as told, and those that are left out off."""
        return await _told(request, Switches, self._set)

    def _plan(self, fault: Fault) -> None:
        if fault.endpoint not in {None, *_BY_NAME}:
            raise BindingError({"endpoint": [f"The value must be one of: {', '.join(_BY_NAME)}."]})
        self._faults.add(fault)

    def _set(self, switches: Switches) -> None:
        self._switches = switches


class _Shelf:
    """The uploaded files: everyone may read them, the account's keys put and delete them."""

    def __init__(self, uploads: Uploads, faults: UploadFaults) -> None:
        self._uploads = uploads
        self._faults = faults

    async def serve(self, request: Request) -> Response:
        """Answer ``/uploads/<key>``, or what goes wrong instead."""
        key, verb = request.path_params["key"], request.method
        if verb in {"PUT", "DELETE"} and not _keys_fit(request.headers):
            return keys_refused()
        if not is_key(key):
            raise HTTPException(404)
        kind = self._faults.take(verb)
        if spoiled := instead(kind):
            return spoiled
        if verb == "PUT":
            return await self._put(request, key, is_lost=kind is UploadFaultKind.LOST)
        size = self._uploads.size(key)
        if size is None:
            raise HTTPException(404)
        if verb == "DELETE":
            self._uploads.remove(key)
            return Response(status_code=204)
        pieces = partial(self._uploads.pieces, key)
        return _part(request, size, pieces, _UPLOAD_HEADERS, media_type(key))

    async def plan_faults(self, request: Request) -> Response:
        """Add a fault to the plan, or clear it."""
        if request.method == "DELETE":
            self._faults.clear()
            return Response(status_code=204)
        return await _told(request, UploadFault, self._faults.add)

    async def _put(self, request: Request, key: str, *, is_lost: bool) -> Response:
        room = self._uploads.room(key)
        if int(request.headers.get("content-length", "0")) > room:
            return Response(status_code=413)
        draft = self._uploads.draft(key)
        try:
            async for piece in request.stream():
                room -= len(piece)
                if room < 0:
                    return Response(status_code=413)
                draft.write(piece)
            if not is_lost:
                draft.keep()
        except ClientDisconnect:
            # Nobody is there to be answered.
            return Response(status_code=400)
        except OSError as failed:
            return Response(status_code=507 if failed.errno == ENOSPC else 500)
        finally:
            draft.drop()
        return Response(status_code=201)


def _master(request: Request, image: Row, headers: Mapping[str, str]) -> Response:
    """The print master of an image, or the part of it that is asked for."""
    master = Master(image["pix_w"], image["pix_h"], image["file_size"])
    return _part(request, master.file_size, master.pieces, headers, "image/jpeg")


def _part(
    request: Request,
    size: int,
    pieces: Callable[[int, int], Iterator[bytes]],
    headers: Mapping[str, str],
    media_type: str,
) -> Response:
    """A file, or the part of it that is asked for."""
    part = wanted(request.headers.get("range", ""), size)
    first, end = part or (0, size)
    told = {**headers, "Accept-Ranges": "bytes", "Content-Length": str(end - first)}
    if part:
        told["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    return StreamingResponse(
        pieces(first, end if request.method == "GET" else first),
        206 if part else 200,
        told,
        media_type=media_type,
    )


async def _told(request: Request, model: type[Model], do: Callable[[Model], None]) -> Response:
    """The answer to somebody who controls the sandbox: unlike the API's, it refuses unknown names.

    A misspelt one would otherwise make for a quiet test.
    """
    try:
        do(Members(model, closed=True).bind(_parsed(await request.body())))
    except (MalformedBodyError, BindingError) as error:
        return _refusal(error)
    return Response(status_code=204)


def _refusal(error: MalformedBodyError | BindingError) -> Response:
    if isinstance(error, BindingError):
        return web_api_error(400, BAD_REQUEST, model_state=error.problems)
    return web_api_error(400, "The request body is not valid JSON.")


def _found(request: Request) -> Endpoint:
    """The endpoint of a request: its path in any case, its verb exactly."""
    version, name = request.path_params["version"].lower(), request.path_params["name"].lower()
    endpoint = _BY_NAME.get(name) if version == "v3" else None
    if endpoint is None:
        raise HTTPException(404)
    if request.method != endpoint.verb:
        raise HTTPException(405, headers={"Allow": endpoint.verb})
    return endpoint


def _keys_fit(headers: Mapping[str, str]) -> bool:
    keys = (headers.get("web_api_key", ""), headers.get("app_key", ""))
    return tuple(key.lower() for key in keys) == (SANDBOX_WEB_API_KEY, SANDBOX_APP_KEY)


def _members(endpoint: Endpoint, request: Request, body: bytes) -> object:
    if endpoint.carried_by is CarriedBy.QUERY:
        return dict(request.query_params)
    return _parsed(body)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise MalformedBodyError from None


def _no_constant(name: str) -> float:
    """NaN and the infinities are Python's words, not JSON's."""
    raise ValueError(name)


async def _openapi(request: Request) -> Response:
    return JSONResponse(openapi.document(str(request.base_url)))


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    uri = request.url.replace(query="")
    messages = {
        404: f"No HTTP resource was found that matches the request URI '{uri}'.",
        405: f"The requested resource does not support http method '{request.method}'.",
    }
    headers = error.headers if isinstance(error, HTTPException) else None
    return web_api_error(status, messages.get(status, BAD_REQUEST), headers=headers)


async def _server_error(_request: Request, _error: Exception) -> Response:
    return web_api_error(500, SERVER_ERROR)
