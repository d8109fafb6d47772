"""`bucket_of`: what `--upload-to` names."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from fw_mcp.pictures.upload.bucket import Bucket


def bucket_of(url: str, public_url: str, environ: Mapping[str, str]) -> Bucket:
    """The bucket at `url`; nothing is opened or connected yet.

    Args:
        url: `s3://bucket/prefix` or `file:///folder`, as the settings have it.
        public_url: what it is reachable as, without a slash at its end.
        environ: the credentials of the store.
    """
    parts = urlsplit(url)
    if folder := upload_folder(url):
        from fw_mcp.pictures.upload.folder import FolderBucket  # noqa: PLC0415  only where it is named

        return FolderBucket(folder, public_url)
    from fw_mcp.pictures.upload.s3 import S3Bucket  # noqa: PLC0415  as above

    prefix = "/".join(part for part in parts.path.split("/") if part)
    return S3Bucket(parts.netloc, prefix, public_url, environ)


def upload_folder(url: str) -> Path | None:
    """The folder that `file:///folder` names; None of another URL."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    from urllib.request import url2pathname  # noqa: PLC0415  brings an HTTP client

    return Path(url2pathname(parts.path))
