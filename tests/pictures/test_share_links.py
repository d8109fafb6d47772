"""Links that show a file on a page, and the direct ones that are proposed for them."""

import pytest

from fw_mcp.pictures.share_links import direct_link
from tests.support.products import first_of

DRIVE = "https://drive.google.com"
ID = "1AbC_dEf-GhIjKlMnOp"
DIRECT = f"{DRIVE}/uc?export=download&id={ID}"
DROPBOX = "https://www.dropbox.com"


@pytest.mark.parametrize(
    ("link", "direct"),
    first_of(
        (f"{DROPBOX}/s/ab12/Fog%20bank.tif?dl=0", f"{DROPBOX}/s/ab12/Fog%20bank.tif?dl=1"),
        (
            f"{DROPBOX}/scl/fi/ab12/fog.tif?rlkey=x1&st=y2&dl=0",
            f"{DROPBOX}/scl/fi/ab12/fog.tif?rlkey=x1&st=y2&dl=1",
        ),
        (f"{DRIVE}/file/d/{ID}/view?usp=sharing", DIRECT),
        ("http://dropbox.com/s/ab12/fog.tif", f"{DROPBOX}/s/ab12/fog.tif?dl=1"),
        (f"{DROPBOX}/s/ab12/fog.tif?raw=1", f"{DROPBOX}/s/ab12/fog.tif?dl=1"),
        (f"{DRIVE}/file/d/{ID}", DIRECT),
        (f"{DRIVE}/file/u/1/d/{ID}/preview", DIRECT),
        (f"{DRIVE}/open?id={ID}", DIRECT),
        (f"{DRIVE}/uc?id={ID}&export=view", DIRECT),
        (f"https://docs.google.com/file/d/{ID}/edit", DIRECT),
        (f"{DRIVE}/file/d/{ID}/view?resourcekey=0-ab", f"{DIRECT}&resourcekey=0-ab"),
        first=3,
    ),
)
def test_a_share_link_has_a_direct_one(link: str, direct: str) -> None:
    """With all that the link needs, and asked for as a download; that one has no other."""
    assert direct_link(link) == direct
    assert direct_link(direct) is None


@pytest.mark.parametrize(
    "link",
    [
        f"{DROPBOX}/scl/fo/ab12/folder?rlkey=x1&dl=0",
        f"{DROPBOX}/sh/ab12/folder",
        f"{DROPBOX}/home",
        f"{DRIVE}/drive/folders/{ID}",
        f"{DRIVE}/open?id=../x",
        "https://dl.dropboxusercontent.com/s/ab12/fog.tif",
        f"https://drive.google.com.example.net/file/d/{ID}/view",
        "https://example.com/s/ab12/fog.tif?dl=0",
        "https://[x",
    ],
)
def test_other_links_have_none(link: str) -> None:
    """A folder, the file itself, another host."""
    assert direct_link(link) is None
