"""nginx as docs/teams.md has it, in front of servers of this machine."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import needed

DEPLOY = Path(__file__).parents[2] / "deploy"
_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/bin"
# Beside the configuration, whatever the folder is called.
_AROUND = """
daemon off;
master_process off;
pid pid;
error_log error.log;
events { }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include site.conf;
}
"""


def program() -> str:
    """Where nginx is; without it the test is skipped by name."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:{_PLACES}")
    needed("nginx", is_there=found is not None)
    return str(found)


def configured(folder: Path, port: int, servers: Sequence[str]) -> list[str]:
    """The command that serves the example there, nothing replaced in it but addresses."""
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    left = iter(servers)
    text, replaced = re.subn(r"\b(one|two):8000", lambda _: next(left), text)
    assert replaced == len(servers)
    assert text.count("listen 8080;") == 1
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    return command(folder, text)


def command(folder: Path, site: str) -> list[str]:
    """The command that serves a site."""
    (folder / "site.conf").write_text(site, encoding="utf-8")
    (folder / "nginx.conf").write_text(_AROUND, encoding="utf-8")
    return [program(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


@contextmanager
def proxying(words: Sequence[str], port: int) -> Iterator[str]:
    """The URL of the proxy that a command starts on a port."""
    with subprocess.Popen(words) as process:
        try:
            while process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=0.1).close()
                    break
                except OSError:
                    continue
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
