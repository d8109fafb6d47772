"""What the child answers, checked: it decoded what strangers made, and may be anybody by now."""

import itertools
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fw_mcp.media.child import ANSWER, LENGTH, Job
from fw_mcp.media.workshop import Picture, Sheet

_MIME_TYPE = "image/jpeg"
_BEGINS, _ENDS = b"\xff\xd8\xff", b"\xff\xd9"
_HEAD = len(ANSWER) + LENGTH.size


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Made(_Strict):
    size: int = Field(ge=1)
    pix_w: int = Field(ge=1)
    pix_h: int = Field(ge=1)


class _Pictures(_Strict):
    pictures: list[_Made | None]


class _Sheet(_Pictures):
    shown: list[bool]


class _Hashes(_Strict):
    hashes: list[Annotated[int, Field(ge=0, lt=2**64)] | None]


def pictures(job: Job, answer: bytes) -> list[Picture | None]:
    """The pictures that a child made, one for each that it was given.

    Raises:
        ValueError: the answer is not what was asked for.
    """
    header, content = _parts(answer)
    made = _cut(job, _Pictures.model_validate_json(header), content)
    _check(len(made) == len(job.sizes))
    return made


def sheet(job: Job, answer: bytes) -> Sheet:
    """The contact sheet that a child made.

    Raises:
        ValueError: the answer is not what was asked for.
    """
    header, content = _parts(answer)
    told = _Sheet.model_validate_json(header)
    _check(len(told.pictures) == 1 and len(told.shown) == len(job.sizes))
    (picture,) = _cut(job, told, content)
    if picture is None:
        raise ValueError("no sheet")
    return Sheet(picture, tuple(told.shown))


def hashes(job: Job, answer: bytes) -> list[int | None]:
    """The likenesses that a child found.

    Raises:
        ValueError: the answer is not what was asked for.
    """
    header, content = _parts(answer)
    found = _Hashes.model_validate_json(header).hashes
    _check(len(found) == len(job.sizes) and not content)
    return found


def _parts(answer: bytes) -> tuple[bytes, bytes]:
    """The header and what follows it."""
    _check(answer.startswith(ANSWER) and len(answer) >= _HEAD)
    (length,) = LENGTH.unpack_from(answer, len(ANSWER))
    return answer[_HEAD : _HEAD + length], answer[_HEAD + length :]


def _cut(job: Job, told: _Pictures, content: bytes) -> list[Picture | None]:
    """The pictures that stand one after the other in `content`."""
    sizes = [one.size if one else 0 for one in told.pictures]
    _check(len(content) == sum(sizes) <= job.most_bytes)
    ends = itertools.pairwise(itertools.accumulate(sizes, initial=0))
    return [
        None if one is None else _picture(job, one, content[begin:end])
        for one, (begin, end) in zip(told.pictures, ends, strict=True)
    ]


def _picture(job: Job, made: _Made, content: bytes) -> Picture:
    _check(content.startswith(_BEGINS) and content.endswith(_ENDS))
    _check(max(made.pix_w, made.pix_h) <= job.side)
    return Picture(content, _MIME_TYPE, made.pix_w, made.pix_h)


def _check(fits: bool) -> None:
    if not fits:
        raise ValueError("not an answer to the job")
