"""What is tried of the image, without one: packaging/container.py needs root and its tools."""

import runpy
from pathlib import Path
from typing import Any

import pytest

PACKAGING = Path(__file__).parents[1] / "packaging"
IMAGE = {
    "User": "10001",
    "Entrypoint": ["fw-mcp"],
    "Env": ["PATH=/opt/fw-mcp/bin:/usr/bin"],
    "WorkingDir": "/",
    "Volumes": {"/var/lib/fw-mcp": {}},
}
ACCOUNTS = "root:x:0:0:root:/root:/bin/sh\nfw-mcp:x:10001:999::/var/lib/fw-mcp:/bin/sh\n"


@pytest.fixture(autouse=True)
def beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripts import one another."""
    monkeypatch.syspath_prepend(str(PACKAGING))


def script(name: str) -> dict[str, Any]:
    """What a script of packaging defines."""
    return runpy.run_path(str(PACKAGING / f"{name}.py"))


def configured(**asked: object) -> dict[str, Any]:
    """What runc reads of a start."""
    boxes = script("boxes")
    root = Path("/files")
    told: dict[str, Any] = boxes["configuration"](IMAGE, root, ACCOUNTS, boxes["Start"](**asked))
    return told


def test_what_is_missing_is_named() -> None:
    """Each tool, and the rights where all tools are there."""
    why_not = script("image")["why_not"]
    assert why_not(("a-tool", "b-tool"), "", is_root=True) == "a-tool, b-tool not on the PATH"
    assert (why_not((), "", is_root=False), why_not((), "", is_root=True)) == ("it needs root", "")


def test_without_its_tools_it_is_skipped_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a failure nor a pass, and nothing is made."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.argv", ["container.py"])
    assert script("container")["main"]() == 2
    told = capsys.readouterr().out
    assert told == "skipped: buildah, debootstrap, runc not on the PATH\n"


def test_the_image_is_not_saved_without_them_either(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A release hears why, and finds no file."""
    monkeypatch.setenv("PATH", "")
    image = script("image")
    with pytest.raises(image["Missing"], match=r"^buildah, debootstrap not on the PATH$"):
        image["save"](tmp_path / "image.tar")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("user", "numbers"),
    [("10001", (10001, 999)), ("1000700000:0", (1_000_700_000, 0)), ("4711", (4711, 0))],
)
def test_a_user_has_the_group_that_hosts_give_it(user: str, numbers: tuple[int, int]) -> None:
    """The one that is asked for, else that of its account, else 0."""
    assert script("boxes")["ids"](user, ACCOUNTS) == numbers


def test_a_container_is_started_with_nothing_that_it_does_not_need() -> None:
    """Its root is only read, it has no capability, gets no rights, and is alone in its network."""
    told = configured()
    assert told["root"] == {"path": "/files", "readonly": True}
    assert told["process"] == {
        "terminal": False,
        "user": {"uid": 10001, "gid": 999},
        "args": ["fw-mcp"],
        "env": IMAGE["Env"],
        "cwd": "/",
        "capabilities": {},
        "noNewPrivileges": True,
    }
    assert {"type": "network"} in told["linux"]["namespaces"]
    assert [one for one in told["mounts"] if one["type"] == "bind"] == []


def test_a_container_is_started_as_it_is_asked_for(tmp_path: Path) -> None:
    """Other arguments and users, more environment, a volume where the image has it, and files."""
    told = configured(
        arguments=["--sandbox"],
        user="1000:0",
        environment={"A": "b"},
        volume=tmp_path,
        given={"/ca.pem": tmp_path / "ca.pem"},
        is_alone=False,
    )
    process = told["process"]
    assert process["args"] == ["fw-mcp", "--sandbox"]
    assert (process["user"], process["env"][-1]) == ({"uid": 1000, "gid": 0}, "A=b")
    bound = [one for one in told["mounts"] if one["type"] == "bind"]
    assert [(one["destination"], one["source"], one["options"][-1]) for one in bound] == [
        ("/var/lib/fw-mcp", str(tmp_path), "rw"),
        ("/ca.pem", str(tmp_path / "ca.pem"), "ro"),
    ]
    assert {"type": "network"} not in told["linux"]["namespaces"]
