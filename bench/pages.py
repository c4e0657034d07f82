"""How long a person waits for a page, signed in, and what it costs."""

from __future__ import annotations

import re
import statistics
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar

from bench import names, proc
from bench.stage import Target

PAGES = ("/", "/api/tokens", "/admin/", "/admin/accounts/account/")
TIMES = 4


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
