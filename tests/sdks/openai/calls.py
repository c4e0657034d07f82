"""One call of an SDK, and what it must have come to."""

from __future__ import annotations

from typing import Any

from tests.drivers import Driver
from tests.sdks.openai.outcome import MODEL, Json


def play(driver: Driver, call: str, asked: Json, key: str = "") -> Json:
    return driver.play({"call": call, "asked": {"model": MODEL} | asked, "key": key})


def answered(driver: Driver, call: str, **asked: Any) -> Any:
    """What the SDK made of the answer: an object, of iteration a list of them."""
    told = play(driver, call, asked)
    assert told["error"] is None
    return told["answer"]


def refused(driver: Driver, call: str, key: str = "", **asked: Any) -> Json:
    """The members of the error, its "class" in the SDK, and its "status"."""
    told = play(driver, call, asked, key)
    assert told["answer"] is None
    error: Json = told["error"]
    assert error.keys() == {"message", "type", "param", "code", "class", "status"}
    return error
