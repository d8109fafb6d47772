"""Links that show a file on a page of their own, and the direct ones to the file itself.

All is read from the link's text: nothing is asked of anybody.
"""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_DROPBOX = frozenset({"dropbox.com", "www.dropbox.com"})
_GOOGLE = frozenset({"drive.google.com", "docs.google.com"})
_DROPBOX_FILE = re.compile(r"/(?:s|scl/fi)/.+")
_GOOGLE_FILE = re.compile(r"/file/(?:u/\d+/)?d/([A-Za-z0-9_-]{10,})(?:/.*)?")
_GOOGLE_ID = re.compile(r"[A-Za-z0-9_-]{10,}")


def direct_link(url: str) -> str | None:
    """The link to the file itself, for a share link of Dropbox or Google Drive; None for others.

    Args:
        url: from a caller.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    direct = None
    if host in _DROPBOX and _DROPBOX_FILE.fullmatch(parts.path):
        others = {name: value for name, value in given.items() if name not in {"dl", "raw"}}
        query = urlencode({**others, "dl": "1"})
        direct = urlunsplit(("https", "www.dropbox.com", parts.path, query, ""))
    elif host in _GOOGLE and (file_id := _google_id(parts.path, given)):
        key = {"resourcekey": given["resourcekey"]} if "resourcekey" in given else {}
        query = urlencode({"export": "download", "id": file_id, **key})
        direct = f"https://drive.google.com/uc?{query}"
    return direct if direct != url else None


def _google_id(path: str, given: dict[str, str]) -> str:
    if found := _GOOGLE_FILE.fullmatch(path):
        return found[1]
    file_id = given.get("id", "") if path in {"/open", "/uc"} else ""
    return file_id if _GOOGLE_ID.fullmatch(file_id) else ""
