"""Files put where FinerWorks can fetch them: three at a time, each once, whoever asks for it.

An upload goes on after the call that asked for it has answered, as long as the process serves; the
next call for the same file joins it, or goes on after it. What was begun is on record before the
first byte is sent.
"""

import hashlib
import io
import logging
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from math import inf
from pathlib import PurePath
from typing import BinaryIO, NoReturn, Protocol
from urllib.parse import urlsplit

import anyio
from anyio.abc import TaskGroup

from fw_mcp.api.models import ImageToAdd
from fw_mcp.errors import FwError, GuardError, Reason, UploadError
from fw_mcp.guard.question import PublicFolder
from fw_mcp.images.account import Progress
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.folders import Folders
from fw_mcp.pictures.masters import refused
from fw_mcp.pictures.renditions import Renditions
from fw_mcp.pictures.threads import unwaited
from fw_mcp.pictures.upload.bucket import Bucket
from fw_mcp.pictures.upload.public import check_public
from fw_mcp.store.uploads import SameFile, Upload, UploadStore
from fw_mcp.writes.outcomes import Items
from fw_mcp.writes.print_master import (
    KINDS,
    SHOWN_AS,
    UNREAD,
    FileToAdd,
    check_same,
    key_of,
    read,
    rewind,
)
from fw_mcp.writes.upload_jobs import HowFar, Told, UploadJob

_log = logging.getLogger(__name__)

_AT_A_TIME = 3
_TELL_EVERY_S = 1.0
_MEGABYTE = 1_000_000
# For so long nobody asks the bucket again whether what was there still is.
_FRESH_S = 600
# For so long a failure that no call waited for is told to the next one, in place of trying again.
_UNTOLD_S = 300
# What nobody foresaw of bytes that nobody here wrote.
_CRASHES = (RuntimeError, ValueError, LookupError, TypeError, AttributeError)


def public_check(
    fetcher: Fetcher, sleep: Callable[[float], Awaitable[None]] = anyio.sleep
) -> "Check":
    """Fetches uploads under the guard that holds for every URL."""

    async def check(sizes: Mapping[str, int]) -> None:
        for url, size in sizes.items():
            await check_public(fetcher, url, size, sleep)

    return check


class UploadStep(StrEnum):
    """The steps of an upload, in their order; a crash may fall on any."""

    INTENT_RECORDED = "upload_intent_recorded"
    PUT = "upload_put"
    UPLOADED = "upload_recorded"
    VERIFIED = "upload_verified"


class Renderer(Protocol):
    """Makes what is shown of a picture."""

    @property
    def available(self) -> bool:
        """Whether what it needs is installed."""

    async def render(self, file: BinaryIO, *, side: int) -> Renditions:
        """Preview and thumbnail of a file.

        Raises:
            UploadError: it is no picture that can be read, or too large.
        """


class Check(Protocol):
    """Fetches what was uploaded as everybody does."""

    async def __call__(self, sizes: Mapping[str, int]) -> None:
        """See that each URL gives so many bytes.

        Raises:
            UploadError: one does not.
        """


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What the operator allows.

    Attributes:
        mb_per_hour: megabytes that may be sent in an hour.
        asks: whether a person is asked before the first files of a folder become public.
        preview_side: longest side of a preview, in pixels.
    """

    mb_per_hour: int = 5_000
    asks: bool = True
    preview_side: int = 1_600


def _nobody(_: object) -> None:
    """Nobody is told."""


class Uploads:
    """The uploads of one process.

    Args:
        store: where they are on record.
        folders: whose files may be uploaded.
        bucket: where they go; None where the operator named no place.
        renderer: makes previews and thumbnails.
        check: fetches what was uploaded.
        limits: the operator's.
        now: seconds since the epoch.
        reached: told each step of each upload.
        watched: told how far the uploads of a call are, beside who calls.

    Attributes:
        target: the bucket, whether or not the rest that it takes is there.
        registering: held while files that are up are registered.
    """

    def __init__(
        self,
        store: UploadStore,
        folders: Folders,
        bucket: Bucket | None,
        renderer: Renderer,
        check: Check,
        *,
        limits: UploadLimits,
        now: Callable[[], float],
        reached: Callable[[UploadStep], None] = _nobody,
        watched: Callable[[HowFar], None] = _nobody,
    ) -> None:
        self.store = store
        self.folders = folders
        self.limits = limits
        self.now = now
        self.registering = anyio.Lock()
        self.target = bucket
        self._renderer = renderer
        self._check = check
        self._reached = reached
        self._watched = watched
        self._group: TaskGroup | None = None
        self._turn = anyio.Semaphore(_AT_A_TIME)
        self._jobs: dict[SameFile, UploadJob] = {}
        self._is_public = False
        self._contents: dict[str, anyio.Lock] = {}
        self._ended = anyio.Event()

    def reading(self, folders: Folders, watched: Callable[[HowFar], None] = _nobody) -> "Uploads":
        """The same uploads, of files of other folders."""
        return Uploads(
            self.store,
            folders,
            self.target,
            self._renderer,
            self._check,
            limits=self.limits,
            now=self.now,
            reached=self._reached,
            watched=watched,
        )

    @property
    def goes_on(self) -> bool:
        """Whether an upload goes on after the call that asked for it has answered."""
        return self._group is not None

    @property
    def is_on(self) -> bool:
        """Whether files can be uploaded at all."""
        return bool(self.target and self.folders and self._renderer.available)

    def check(self) -> None:
        """Refuse, before anything is read, what cannot be done here; raises as `bucket` does."""
        _ = self.bucket

    @property
    def bucket(self) -> Bucket:
        """Where files go.

        Raises:
            UploadError: this server uploads nothing; what is missing is said.
        """
        if self.target is None:
            _off("it has no place for them", "set --upload-to and --upload-public-url")
        if not self.folders:
            _off("it may read no folder", "allow folders with --file-folders")
        if not self._renderer.available:
            _off("what makes previews is not installed", "run: pip install 'fw-mcp[upload]'")
        return self.target

    @property
    def public_address(self) -> str:
        """Where everybody can fetch what is uploaded: `https://pictures.example.com`."""
        parts = urlsplit(self.bucket.url("x"))
        return f"{parts.scheme}://{parts.netloc}"

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """While it lasts, uploads go on after the call that asked for them has answered."""
        async with anyio.create_task_group() as group:
            self._group = group
            try:
                yield
            finally:
                self._group = None
                group.cancel_scope.cancel()

    async def work(self) -> None:
        """Let uploads go on, until canceled."""
        async with self.working():
            await anyio.sleep_forever()

    async def known(self, files: Iterable[FileToAdd]) -> dict[SameFile, Upload]:
        """What these very files were uploaded as.

        Raises:
            StoreError: it cannot be read.
        """
        return await self.store.known(self.bucket.place, [one.same for one in files])

    async def to_ask(self, files: Sequence[FileToAdd]) -> list[PublicFolder]:
        """The folders whose files would become public, and that nobody said yes to yet.

        Raises:
            StoreError: it cannot be told.
        """
        if not self.limits.asks or not files:
            return []
        known = await self.known(files)
        new = [one for one in files if one.same not in known or not known[one.same].is_up]
        asked = await self.store.not_allowed(self.bucket.place, {one.folder for one in new})
        count = Counter(one.folder for one in new)
        size: Counter[str] = Counter()
        for one in new:
            size[one.folder] += one.file_size
        return [PublicFolder(folder, count[folder], size[folder]) for folder in sorted(asked)]

    async def allow(self, folders: Iterable[PublicFolder]) -> None:
        """Remember that a person said yes.

        Raises:
            StoreError: it cannot be kept.
        """
        place = self.bucket.place
        await self.store.allow(place, [one.path for one in folders], self.now())

    def image(self, file: FileToAdd, upload: Upload) -> ImageToAdd:
        """An uploaded file as the API takes it."""
        url = self.bucket.url
        return ImageToAdd(
            title=file.title,
            description=file.description,
            file_name=file.file_name,
            file_size=upload.size,
            thumbnail_file_name=upload.thumbnail,
            preview_file_name=upload.preview,
            hires_file_name=upload.master,
            public_thumbnail_uri=url(upload.thumbnail),
            public_preview_uri=url(upload.preview),
            private_hires_uri=url(upload.master),
            pix_w=upload.pix_w,
            pix_h=upload.pix_h,
        )

    async def bring(
        self,
        files: Items[FileToAdd],
        change_id: str,
        left_s: Callable[[], float],
        tell: Progress,
    ) -> Items[Upload | FwError | None]:
        """Upload files, or join those who do.

        Args:
            files: with their places in the call.
            change_id: the call.
            left_s: seconds for which it may still wait; outside of `working` it waits to the end.
            tell: told how many files of how many are up, and how much of all.

        Returns:
            What each is uploaded as, or why it is not; None of one that is still under way.

        Raises:
            StoreError: the record cannot be read.
        """
        known = await self.known(files.values())
        there = {
            item: known[one.same]
            for item, one in files.items()
            if one.same in known and known[one.same].is_up and self._is_fresh(known[one.same])
        }
        due = {item: one for item, one in files.items() if item not in there}
        told = Told(files.values(), tell, self._watched)
        if self._group is not None:
            jobs = await self._waited_for(due, change_id, self._group, left_s, told)
        else:
            async with anyio.create_task_group() as group:
                jobs = await self._waited_for(due, change_id, group, lambda: inf, told)
        for job in jobs.values():
            if job.crash is not None:
                raise job.crash
        return {**there, **{item: job.ended for item, job in jobs.items()}}

    async def _waited_for(
        self,
        files: Items[FileToAdd],
        change_id: str,
        group: TaskGroup,
        left_s: Callable[[], float],
        told: Told,
    ) -> Items[UploadJob]:
        jobs = {item: self._job(one, change_id, group) for item, one in files.items()}
        waited = list(dict.fromkeys(jobs.values()))
        with self._waiting(waited):
            while (left := left_s()) > 0 and not all(one.done.is_set() for one in waited):
                ended = self._ended
                with anyio.move_on_after(min(_TELL_EVERY_S, left)):
                    await ended.wait()
                await told.so_far(waited)
        for job in waited:
            job.goes_on = True
            if job.done.is_set():
                self._forget(job)
        return jobs

    @contextmanager
    def _waiting(self, jobs: Sequence[UploadJob]) -> Iterator[None]:
        """A call that is canceled takes along what nobody else waits for."""
        for job in jobs:
            job.wanted += 1
        try:
            yield
        except anyio.get_cancelled_exc_class():
            for job in jobs:
                if job.wanted == 1 and not job.goes_on:
                    self._jobs.pop(job.file.same, None)
                    job.scope.cancel()
            raise
        finally:
            for job in jobs:
                job.wanted -= 1

    def _job(self, file: FileToAdd, change_id: str, group: TaskGroup) -> UploadJob:
        """The work on a file, begun where nobody is at it."""
        job = self._jobs.get(file.same)
        if job is None or job.ended_at < self.now() - _UNTOLD_S:
            job = self._jobs[file.same] = UploadJob(file, change_id)
            group.start_soon(self._work, job)
        return job

    def _forget(self, job: UploadJob) -> None:
        if self._jobs.get(job.file.same) is job:
            del self._jobs[job.file.same]

    async def _work(self, job: UploadJob) -> None:
        try:
            with job.scope:
                job.ended = await self._brought(job)
        except FwError as fault:
            job.ended = fault
        except OSError as unread:
            _log.info("a file was not read to its end: %s", type(unread).__name__)
            job.ended = refused(*UNREAD)
        except _CRASHES as crash:
            # Raised where it is waited for: it must not end what serves others.
            job.crash = crash
        finally:
            job.ended_at = self.now()
            # What failed while nobody waited is told to the next call.
            if job.wanted or not isinstance(job.ended, FwError):
                self._forget(job)
            job.done.set()
            self._ended.set()
            self._ended = anyio.Event()

    async def _brought(self, job: UploadJob) -> Upload:
        async with self._turn:
            file = await unwaited(partial(self.folders.open, job.file.path))
            with file:
                upload = await self._put(job, file)
        if upload.verified_at is None:
            # It may take a while to show, and others need no turn for it.
            await self._see(upload.parts)
            upload = replace(upload, verified_at=self.now())
            await self.store.verified(upload, self.now())
        self._reached(UploadStep.VERIFIED)
        return upload

    async def _put(self, job: UploadJob, file: BinaryIO) -> Upload:
        """See that all of a file is there, and send what is not."""
        check_same(job.file, file)
        former = (await self.known([job.file])).get(job.file.same)
        if former and await self._is_there(former):
            return self._to_check(former)
        facts, content = await unwaited(partial(read, file))
        secret = await self.store.secret()
        master = key_of(secret, "master", content, facts.format)
        # Of files that hold the same, one is sent.
        async with self._contents.setdefault(master, anyio.Lock()):
            for former in await self.store.of_content(self.bucket.place, master):
                if await self._is_there(former):
                    return await self._noted(job, former)
            rewind(file)
            made = await self._renderer.render(file, side=self.limits.preview_side)
            preview, thumbnail = (
                key_of(secret, role, hashlib.sha256(one).hexdigest(), SHOWN_AS)
                for role, one in (("preview", made.preview), ("thumbnail", made.thumbnail))
            )
            upload = Upload(
                place=self.bucket.place,
                path=job.file.path,
                master=master,
                file_name=PurePath(job.file.path).name,
                size=job.file.file_size,
                mtime_ns=job.file.mtime_ns,
                pix_w=facts.pix_w,
                pix_h=facts.pix_h,
                mime_type=KINDS[facts.format][1],
                preview=preview,
                preview_size=len(made.preview),
                thumbnail=thumbnail,
                thumbnail_size=len(made.thumbnail),
                change_id=job.change_id,
                begun_at=self.now(),
            )
            shown = {preview: io.BytesIO(made.preview), thumbnail: io.BytesIO(made.thumbnail)}
            return await self._sent(job, upload, {**shown, master: file})

    async def _noted(self, job: UploadJob, former: Upload) -> Upload:
        """The same bytes, in another file or written anew: on record, and not sent."""
        upload = replace(
            self._to_check(former),
            path=job.file.path,
            file_name=PurePath(job.file.path).name,
            mtime_ns=job.file.mtime_ns,
            sent=0,
            change_id=job.change_id,
            guids={},
            begun_at=self.now(),
        )
        await self.store.begin(upload, 0)
        return upload

    async def _sent(self, job: UploadJob, upload: Upload, parts: Mapping[str, BinaryIO]) -> Upload:
        """Send what is not there, on record before the first byte, the print master last."""
        file, bucket = parts[upload.master], self.bucket
        check_same(job.file, file)
        missing = {
            key: size for key, size in upload.parts.items() if await bucket.size_of(key) != size
        }
        upload = replace(upload, sent=sum(missing.values()))
        if not await self.store.begin(upload, self.limits.mb_per_hour * _MEGABYTE):
            raise _over_the_hour(self.limits.mb_per_hour)
        self._reached(UploadStep.INTENT_RECORDED)
        for key, size in missing.items():
            is_master = key == upload.master
            if is_master and not self._is_public:
                # A preview tells whether the place is public, before large files are sent there.
                await self._see({upload.preview: upload.preview_size})
            rewind(parts[key])
            mime_type = upload.mime_type if is_master else KINDS[SHOWN_AS][1]
            await bucket.put(key, parts[key], size, mime_type, job.tell if is_master else _nobody)
            self._reached(UploadStep.PUT)
        try:
            check_same(job.file, file)
        except UploadError:
            if upload.master in missing:
                # What is there is not what its key says.
                await bucket.remove([upload.master])
            raise
        upload = replace(upload, uploaded_at=self.now())
        await self.store.uploaded(upload, self.now())
        self._reached(UploadStep.UPLOADED)
        return upload

    async def _see(self, parts: Mapping[str, int]) -> None:
        """See that what was put can be fetched by everybody."""
        await self._check({self.bucket.url(key): size for key, size in parts.items()})
        self._is_public = True

    def _to_check(self, upload: Upload) -> Upload:
        """What was seen long ago has to be seen again: others may have hidden it since."""
        return upload if self._is_fresh(upload) else replace(upload, verified_at=None)

    def _is_fresh(self, upload: Upload) -> bool:
        return (upload.verified_at or 0) > self.now() - _FRESH_S

    async def _is_there(self, upload: Upload) -> bool:
        """Whether a former upload still is where it was put."""
        if upload.uploaded_at is None or upload.removed_at is not None:
            return False
        sizes = [await self.bucket.size_of(key) == size for key, size in upload.parts.items()]
        return all(sizes)


def _over_the_hour(mb_per_hour: int) -> GuardError:
    return GuardError(
        f"The operator allows {mb_per_hour:,} MB of uploads per hour; this one would exceed it.",
        state="It was not uploaded.",
        next_step="Wait, or upload less; only the operator can raise --upload-mb-per-hour.",
        reason=Reason.UPLOAD_LIMIT,
    )


def _off(why: str, what_to_do: str) -> NoReturn:
    raise UploadError(
        f"This server uploads no files: {why}.",
        state="Nothing was sent.",
        next_step=f"Give public URLs, or ask the operator to {what_to_do}.",
        reason=Reason.UPLOAD_OFF,
    )
