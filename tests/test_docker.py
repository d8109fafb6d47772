"""The container image, read as text: what it is built from, who runs in it, what it starts."""

import http.server
import json
import re
import runpy
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its arguments, continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    parts = [line.split(None, 1) for line in lines if line and not line.startswith("#")]
    return [(word, rest) for word, rest in parts]


def arguments_of(word: str) -> list[str]:
    """The arguments of every `word` instruction, in order."""
    return [rest for found, rest in instructions() if found == word]


def final_stage() -> dict[str, str]:
    """The instructions of the stage that is shipped, the last of each kind."""
    words = [word for word, _ in instructions()]
    start = len(words) - words[::-1].index("FROM")
    return dict(instructions()[start:])


def copied() -> list[str]:
    """What the build takes from the checkout."""
    taken = [rest.split()[:-1] for rest in arguments_of("COPY") if not rest.startswith("--from")]
    return [name for names in taken for name in names]


def test_both_stages_stand_on_one_base_that_the_builder_may_choose() -> None:
    """The base is an argument with a slim default, and names no host."""
    assert arguments_of("ARG")[0] == "PYTHON_IMAGE=python:3.13-slim"
    assert arguments_of("FROM") == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]


def test_what_comes_from_outside_is_checked_against_its_hash() -> None:
    """Every install names hashed requirements, or the wheel just built and nothing else."""
    installs = re.findall(
        r"pip (?:--python \S+ )?(?:install|wheel) ([^&]+)", " && ".join(arguments_of("RUN"))
    )
    locked = ["--no-deps", "--only-binary=:all:", "--require-hashes"]
    source = ["--no-binary=pyvips", "--no-build-isolation"]
    assert [install.split() for install in installs] == [
        [*locked, "-r", "requirements/build.txt"],
        [*locked[:2], *source, locked[2], "-w", "wheels", "-r", "requirements/upload.txt"],
        [*locked, "-w", "wheels", "-r", "requirements/postgres.txt"],
        ["--no-deps", "--no-index", "wheels/*.whl"],
        ["--no-deps", "--no-index", "dist/*.whl"],
    ]


def test_the_shipped_stage_runs_the_server_without_rights() -> None:
    """Not root, and the entry point is a list, so that signals reach the server itself."""
    stage = final_stage()
    assert (stage["USER"], json.loads(stage["ENTRYPOINT"])) == ("10001", ["fw-mcp"])


def test_the_state_of_the_server_lives_on_a_volume_that_it_owns() -> None:
    """Plans and the journal outlive the container."""
    stage = final_stage()
    store = re.search(r"FW_MCP_STORE=(\S+)", stage["ENV"])
    assert store is not None
    assert store[1].startswith(f"{stage['VOLUME']}/")
    assert f"--owner fw-mcp --group 0 --mode 0770 {stage['VOLUME']}" in stage["RUN"]


def test_the_head_names_who_may_run_it_as_whom() -> None:
    """Hosts give any user id; OpenShift gives it group 0, for which the state's folder is open."""
    head = (ROOT / "Dockerfile").read_text(encoding="utf-8").partition("ARG")[0]
    assert "docker run --user 1000:0" in head


def test_the_image_names_itself_to_server_registries() -> None:
    """The label ties the image to the server's registered name."""
    server = json.loads((ROOT / "packaging" / "server.json").read_text(encoding="utf-8"))
    named = f'io.modelcontextprotocol.server.name="{server["name"]}"'
    assert named in final_stage()["LABEL"]


def test_the_labels_say_what_the_project_says() -> None:
    """Where it comes from, by the project's own addresses; what changes comes with the build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', final_stage()["LABEL"])
    assert dict(named) == {
        "title": project["name"],
        "description": project["description"],
        "licenses": project["license"],
        "url": project["urls"]["Repository"],
        "source": project["urls"]["Repository"],
        "documentation": project["urls"]["Documentation"],
        "version": "${VERSION}",
        "revision": "${REVISION}",
        "created": "${CREATED}",
    }
    assert arguments_of("ARG")[1:] == ["VERSION=", "VERSION= REVISION= CREATED="]


def test_a_version_that_is_not_that_of_the_code_is_not_built() -> None:
    """A label cannot be read from the code, so the build compares them."""
    builds = " ".join(arguments_of("RUN"))
    assert 'test "$(/opt/fw-mcp/bin/fw-mcp --version)" = "fw-mcp ${VERSION}"' in builds


def test_a_user_that_may_not_enter_the_volume_is_not_in_its_way() -> None:
    """A runtime refuses to start in a folder that the user may not enter."""
    assert final_stage()["WORKDIR"] == "/"


def health() -> dict[str, Any]:
    """What the health check runs."""
    command = json.loads(final_stage()["HEALTHCHECK"].partition("CMD ")[2])
    assert command == ["python", "-I", "/opt/fw-mcp/health.py"]
    assert "packaging/health.py /opt/fw-mcp/health.py" in arguments_of("COPY")
    return runpy.run_path(str(ROOT / "packaging" / "health.py"))


@pytest.mark.parametrize(
    ("started", "variable", "at"),
    [
        ("fw-mcp --sandbox", "", None),
        ("fw-mcp", "0.0.0.0:8000", ("127.0.0.1", 8000)),
        ("fw-mcp --http [::]:81", "0.0.0.0:8000", ("::1", 81)),
        ("fw-mcp --http=10.0.0.7:82 --sandbox", "", ("10.0.0.7", 82)),
    ],
)
def test_health_is_asked_where_the_server_listens(
    started: str, variable: str, at: tuple[str, int] | None
) -> None:
    """And nowhere over stdio; the command line goes before the variable, as in the server."""
    assert health()["address"](started.split(), {"FW_MCP_HTTP": variable}) == at


def test_only_an_answer_of_200_is_healthy() -> None:
    """Neither another one, nor a port where nobody listens."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response({"/livez": 200}.get(self.path, 503))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    is_healthy = health()["is_healthy"]
    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        at = ("127.0.0.1", server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        answers = [is_healthy(at, path) for path in ("/livez", "/readyz")]
        server.shutdown()
        thread.join()
    assert [*answers, is_healthy(at, "/livez")] == [True, False, False]


def test_only_what_the_build_copies_is_sent_to_it() -> None:
    """A store, a `.env` or a checkout's history cannot end up in a layer."""
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    assert "*" in rules
    assert allowed == set(copied())
    assert [name for name in copied() if not (ROOT / name).exists()] == []


def test_no_secret_is_part_of_the_image() -> None:
    """Keys come with `docker run`, never with the build."""
    text = " ".join(rest for word, rest in instructions() if word in {"ARG", "ENV", "LABEL"})
    assert not re.search(r"key|token|secret|password", text, re.IGNORECASE)
