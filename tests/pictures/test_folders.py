"""Files below the operator's folders: these are opened, and nothing else on the machine is."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from fw_mcp.errors import FetchError, Reason
from fw_mcp.pictures.folders import NOT_READ, Folders, Found

BOTH = pytest.mark.parametrize("by_descriptor", [True, False], ids=["walked", "resolved"])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder that the operator named, and beside it one that nobody did."""
    for name in ("pictures/2025/fog.tif", "pictures/dusk.jpg", "private/diary.tif"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return tmp_path / "pictures"


def content(folders: Folders, path: str) -> bytes:
    """What the file holds."""
    with folders.open(path) as file:
        return file.read()


def refusal(folders: Folders, path: str) -> str:
    """The text that a path is refused with."""
    with pytest.raises(FetchError) as refused:
        folders.open(path)
    assert refused.value.reason is Reason.NOT_FETCHED
    return str(refused.value)


def descriptors() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/dev/fd").iterdir())


def make_pipe(path: Path) -> None:
    """A pipe: opening it would wait for somebody who writes."""
    os.mkfifo(path)


def make_link(path: Path) -> None:
    """A link to a file outside."""
    path.symlink_to("../private/diary.tif")


def make_link_inside(path: Path) -> None:
    """A link to a file of the folder itself."""
    path.symlink_to("dusk.jpg")


def make_device(path: Path) -> None:
    """A link to a device."""
    path.symlink_to("/dev/zero")


def make_socket(path: Path) -> None:
    """A socket; its path is given from inside its folder, because it may not be long."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


@BOTH
@pytest.mark.parametrize("path", ["2025/fog.tif", "./2025//fog.tif", "{}/2025/fog.tif"])
def test_a_file_below_a_folder_is_opened(pictures: Path, by_descriptor: bool, path: str) -> None:
    """By its whole path, or by the part below the folder."""
    folders = Folders([pictures], by_descriptor=by_descriptor)
    assert content(folders, path.format(pictures)) == b"pictures/2025/fog.tif"


@BOTH
def test_a_relative_path_is_looked_for_in_each_folder(pictures: Path, by_descriptor: bool) -> None:
    """In their order."""
    folders = Folders([pictures / "2025", pictures], by_descriptor=by_descriptor)
    assert content(folders, "fog.tif") == b"pictures/2025/fog.tif"
    assert content(folders, "dusk.jpg") == b"pictures/dusk.jpg"


@BOTH
def test_a_folder_is_found_by_its_own_name(pictures: Path, by_descriptor: bool) -> None:
    """Which is all that a person says of it; what lies in a folder comes first."""
    folders = Folders([pictures, pictures / "2025"], by_descriptor=by_descriptor)
    assert content(folders, f"{pictures.name}/dusk.jpg") == b"pictures/dusk.jpg"
    assert folders.list(f"{pictures.name}/").name == pictures.name
    assert content(folders, "2025/fog.tif") == b"pictures/2025/fog.tif"
    outside = f"{pictures.name}/../{pictures.name}/dusk.jpg"
    assert NOT_READ in refusal(folders, outside)
    assert NOT_READ in refusal(folders, pictures.name)


@BOTH
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("Ku\u0308ste/Cafe\u0301.tif", "K\u00fcste/Caf\u00e9.tif"),
        ("K\u00fcste/Caf\u00e9.tif", "Ku\u0308ste/Cafe\u0301.tif"),
        ("Ku\u0308ste/Caf\u00e9.tif", "K\u00fcste/Cafe\u0301.tif"),
        ("Shots/Screenshot at 3.04.05\u202fPM.png", "Shots/Screenshot at 3.04.05 PM.png"),
    ],
)
def test_a_name_is_found_by_its_look(
    pictures: Path, by_descriptor: bool, name: str, asked: str
) -> None:
    """Disks and keyboards compose letters and spaces differently, above the folder too."""
    folder = pictures / "Se\u0301rie"
    file = folder / name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"found")
    folders = Folders([folder], by_descriptor=by_descriptor)
    assert content(folders, asked) == b"found"
    assert content(folders, f"{pictures}/S\u00e9rie/{asked}") == b"found"


@BOTH
def test_of_names_that_look_the_same_the_one_as_given_is_opened(
    pictures: Path, by_descriptor: bool
) -> None:
    """And none where that is not there: it could be either."""
    for name in ("a\u00a0b c.tif", "a\u202fb c.tif", "a b\u00a0c.tif"):
        (pictures / name).write_bytes(name.encode())
    folders = Folders([pictures], by_descriptor=by_descriptor)
    assert content(folders, "a\u202fb c.tif") == "a\u202fb c.tif".encode()
    assert NOT_READ in refusal(folders, "a b c.tif")


@BOTH
def test_a_link_is_not_followed_by_its_look_either(pictures: Path, by_descriptor: bool) -> None:
    """Another spelling opens nothing that its own name would not."""
    make_link(pictures / "Cafe\u0301.tif")
    (pictures / "Se\u0301rie").symlink_to("../private")
    folders = Folders([pictures], by_descriptor=by_descriptor)
    assert NOT_READ in refusal(folders, "Caf\u00e9.tif")
    assert NOT_READ in refusal(folders, "S\u00e9rie/diary.tif")


@BOTH
def test_a_folder_may_itself_be_a_link(pictures: Path, by_descriptor: bool) -> None:
    """The operator named it so."""
    link = pictures.parent / "link"
    link.symlink_to("pictures")
    folders = Folders([link], by_descriptor=by_descriptor)
    assert content(folders, f"{link}/dusk.jpg") == b"pictures/dusk.jpg"


@BOTH
@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "2025",
        "missing.tif",
        "missing/fog.tif",
        "dusk.jpg/fog.tif",
        "../private/diary.tif",
        "2025/../../private/diary.tif",
        "2025/../dusk.jpg",
        "{}",
        "{}/..",
        "{}/../private/diary.tif",
        "{}/../private/missing.tif",
        "{}2/dusk.jpg",
        "/etc/passwd",
        "/etc/missing",
        "/dev/zero",
        "//etc/passwd",
        "~/dusk.jpg",
        "~root/dusk.jpg",
        "$HOME/dusk.jpg",
        "file://{}/dusk.jpg",
        "dusk.jpg\0",
        "dusk.jpg\n",
        "\ud83d.jpg",
        "x" * 300,
        "x/" * 3_000 + "x",
        "..\\private\\diary.tif",
    ],
)
def test_what_is_not_a_file_below_a_folder_is_refused(
    pictures: Path, by_descriptor: bool, path: str
) -> None:
    """One text whether it exists or not: nobody learns what lies elsewhere."""
    folders = Folders([pictures], by_descriptor=by_descriptor)
    before = descriptors()
    assert refusal(folders, path.format(pictures)) == (
        f"{NOT_READ} This step only read; nothing was changed. Pass the path of a picture inside a "
        f"folder allowed with --file-folders, not through links. (reason: not_fetched)"
    )
    assert descriptors() == before


@BOTH
@pytest.mark.parametrize("make", [make_pipe, make_link, make_device, make_socket])
def test_only_a_regular_file_is_opened(
    pictures: Path, by_descriptor: bool, make: Callable[[Path], None]
) -> None:
    """A pipe would wait for ever, a device may do something, a link leads anywhere."""
    make(pictures / "odd.tif")
    before = descriptors()
    assert NOT_READ in refusal(Folders([pictures], by_descriptor=by_descriptor), "odd.tif")
    assert descriptors() == before


@BOTH
def test_a_link_to_a_file_is_not_followed_even_inside(pictures: Path, by_descriptor: bool) -> None:
    """Where it leads may change between two looks."""
    make_link_inside(pictures / "odd.jpg")
    assert NOT_READ in refusal(Folders([pictures], by_descriptor=by_descriptor), "odd.jpg")


@BOTH
@pytest.mark.parametrize("target", ["../private", "/etc"])
def test_a_folder_on_the_way_that_is_a_link_to_outside_is_not_followed(
    pictures: Path, by_descriptor: bool, target: str
) -> None:
    """Neither relative nor absolute."""
    (pictures / "album").symlink_to(target)
    folders = Folders([pictures], by_descriptor=by_descriptor)
    assert NOT_READ in refusal(folders, "album/diary.tif")
    assert NOT_READ in refusal(folders, "album/passwd")


def test_a_folder_that_is_swapped_for_a_link_meanwhile_leads_nowhere(pictures: Path) -> None:
    """Each name is opened inside the one before, which stays the folder that it was."""
    (pictures / "2025").rename(pictures / "old")
    (pictures / "2025").symlink_to("old")
    assert NOT_READ in refusal(Folders([pictures]), "2025/fog.tif")


@BOTH
def test_a_folder_that_is_gone_opens_nothing(pictures: Path, by_descriptor: bool) -> None:
    """A disk that was unplugged is no reason to end."""
    gone = pictures / "gone"
    folders = Folders([gone, pictures], by_descriptor=by_descriptor)
    assert content(folders, "dusk.jpg") == b"pictures/dusk.jpg"
    assert NOT_READ in refusal(folders, f"{gone}/dusk.jpg")


def test_without_folders_nothing_is_opened(pictures: Path) -> None:
    """As a server starts unless the operator names some."""
    assert not Folders([])
    assert NOT_READ in refusal(Folders([]), f"{pictures}/dusk.jpg")


def test_the_log_holds_a_cause_and_no_path(
    pictures: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator sees why, and the log names nobody's files."""
    with caplog.at_level("INFO", logger="fw_mcp.pictures"):
        for path in ("missing.tif", "2025", "/etc/passwd", "dusk.jpg\0"):
            refusal(Folders([pictures]), path)
    assert caplog.messages == [
        "a file was not read: No such file or directory",
        "a file was not read: not a regular file",
        "a file was not read: bad path",
        "a file was not read: bad path",
    ]


@BOTH
def test_a_file_is_looked_at_as_it_stands(pictures: Path, by_descriptor: bool) -> None:
    """By its whole path, however it was named, so that it is known again."""
    folders = Folders([pictures], by_descriptor=by_descriptor)
    stood = (pictures / "2025/fog.tif").stat()
    meant = Found(str(pictures / "2025/fog.tif"), stood.st_size, stood.st_mtime_ns)
    before = descriptors()
    for path in ("2025/fog.tif", str(pictures / "2025/fog.tif"), f"{pictures}/2025//./fog.tif"):
        assert folders.look(path) == meant
    assert (meant.name, meant.folder) == ("fog.tif", str(pictures / "2025"))
    assert descriptors() == before


@BOTH
def test_a_folder_is_listed_and_nothing_below_it(pictures: Path, by_descriptor: bool) -> None:
    """Pictures by their names, in order; links, pipes, folders and others are counted alone."""
    for name in ("b.PNG", "a.jpeg", ".hidden.png", "notes.txt", "Cafe\u0301.webp"):
        (pictures / name).write_bytes(b"x")
    (pictures / "folder.png").mkdir()
    (pictures / "link.png").symlink_to("dusk.jpg")
    make_pipe(pictures / "pipe.tif")
    folders = Folders([pictures], by_descriptor=by_descriptor)
    before = descriptors()
    for path in ("./", f"{pictures}/", str(pictures)):
        listed = folders.list(path)
        assert (listed.name, listed.others) == ("pictures", 5)
        names = [one.name for one in listed.pictures]
        assert names == ["Cafe\u0301.webp", "a.jpeg", "b.PNG", "dusk.jpg"]
    (fog,) = folders.list("2025/").pictures
    assert fog == folders.look("2025/fog.tif")
    assert descriptors() == before


@BOTH
@pytest.mark.parametrize(
    "path", ["../private/", "link/", "dusk.jpg/", "nothing/", "/etc/", "2025/../"]
)
def test_no_other_folder_is_listed(pictures: Path, path: str, by_descriptor: bool) -> None:
    """Not by `..`, not through a link, and no file is one; the text is that of a file."""
    (pictures / "link").symlink_to("../private")
    folders = Folders([pictures], by_descriptor=by_descriptor)
    before = descriptors()
    with pytest.raises(FetchError) as refused:
        folders.list(path)
    assert str(refused.value) == refusal(folders, "nothing.tif")
    assert descriptors() == before


@BOTH
def test_a_folder_is_no_file_to_look_at(pictures: Path, by_descriptor: bool) -> None:
    """Nor is the operator's own."""
    folders = Folders([pictures], by_descriptor=by_descriptor)
    for path in ("2025", "./", str(pictures)):
        with pytest.raises(FetchError):
            folders.look(path)
