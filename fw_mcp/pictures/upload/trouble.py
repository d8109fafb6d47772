"""What goes wrong with uploads, in words of ours: no URL, key, path or credential is in them."""

from enum import Enum

from fw_mcp.errors import Reason, UploadError


class Trouble(Enum):
    """What happened, and what to do about it."""

    NO_EXTRA = (
        "Uploading needs the extra upload, which is not installed.",
        "Ask the operator to install fw-mcp[upload] and start the server again.",
    )
    NO_CREDENTIALS = (
        "The store's credentials are not set.",
        (
            "Ask the operator to set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the "
            "configuration of this server."
        ),
    )
    UNSAFE_ENDPOINT = (
        "AWS_ENDPOINT_URL is not an https URL of a host alone.",
        (
            "Ask the operator to correct it; http is for this machine only, and keys belong in "
            "variables of their own."
        ),
    )
    DENIED = (
        "The store refused access.",
        (
            "Ask the operator to check the credentials, and that they may read, write, list and "
            "delete in this bucket."
        ),
    )
    NO_BUCKET = (
        "The store has no such bucket.",
        "Ask the operator to check --upload-to, AWS_ENDPOINT_URL and AWS_REGION.",
    )
    WRONG_REGION = (
        "The bucket is in another region.",
        "Ask the operator to check AWS_REGION and AWS_ENDPOINT_URL.",
    )
    BUSY = (
        "The store asked to slow down and did not accept the file.",
        "Repeat the call in some minutes.",
    )
    FAILING = ("The store failed.", "Repeat the call in some minutes.")
    NO_ANSWER = (
        "The store did not answer in time, or the connection to it ended.",
        "Check the network and AWS_ENDPOINT_URL, then repeat the call.",
    )
    NO_STORE = (
        "What answered is not an object store.",
        "Ask the operator to check AWS_ENDPOINT_URL and --upload-to.",
    )
    REFUSED = (
        "The store refused the file.",
        "Ask the operator to check --upload-to and the bucket's rules.",
    )
    LOST = (
        "The store accepted the file, but does not have it.",
        "Repeat the call; if it happens again, ask the operator to check the bucket's rules.",
    )
    NO_FOLDER = (
        "The folder to upload to is not there.",
        "Ask the operator to check --upload-to, and that its disk is connected.",
    )
    NOT_WRITABLE = (
        "The folder to upload to cannot be written.",
        "Ask the operator to check the permissions of the folder that --upload-to names.",
    )
    FULL = ("There is no space left where files are uploaded to.", "Make room, then repeat it.")
    TOO_LARGE = (
        "The file is larger than this store takes.",
        "Save it smaller, or ask the operator for another --upload-to.",
    )
    UNREADABLE = (
        "The file could not be read completely.",
        "Check that its disk is connected, then repeat the call.",
    )
    CHANGED = (
        "The file changed while it was uploaded.",
        "Repeat the call when nothing writes to the file.",
    )
    NOT_FETCHED = (
        "It cannot be checked that the upload is public: fetching is turned off.",
        "Ask the operator to start the server without --no-fetch.",
    )
    PRIVATE = (
        "The uploaded file is not public: its public URL refuses access (403).",
        "Ask the operator to let everyone read the bucket, or its folder.",
    )
    WRONG_URL = (
        "The uploaded file is not at its public URL, which answers that nothing is there (404).",
        (
            "Ask the operator to check --upload-public-url: it is what the prefix in --upload-to "
            "is reachable as."
        ),
    )
    WEB_PAGE = (
        "The public URL of the uploaded file answers with a web page instead of the file.",
        (
            "Ask the operator to check --upload-public-url, and that what is in front of the store "
            "serves files without a login, a challenge or a page of its own."
        ),
    )
    WRONG_SIZE = (
        "The public URL gives another file than the one uploaded, or does not say its size.",
        (
            "Ask the operator to check --upload-public-url, and that nothing there alters, "
            "compresses or caches pictures under former names."
        ),
    )
    NOT_PUBLIC = (
        "The public URL does not lead to a public host.",
        "Ask the operator to check --upload-public-url: FinerWorks fetches from it.",
    )
    NOT_REACHED = (
        "The public URL of the uploaded file does not answer as it should.",
        "Ask the operator to open --upload-public-url, then repeat the call.",
    )


_OFF = {Trouble.NO_EXTRA, Trouble.NO_CREDENTIALS, Trouble.UNSAFE_ENDPOINT, Trouble.NOT_FETCHED}


def told(trouble: Trouble) -> UploadError:
    """The error that says it."""
    what, next_step = trouble.value
    return UploadError(
        what,
        state="The file was not registered.",
        next_step=next_step,
        reason=Reason.UPLOAD_OFF if trouble in _OFF else Reason.NOT_UPLOADED,
    )
