"""Models as the accounts have them: learned, listed, and routed by."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import httpx
import pytest

from proxy.catalog import MODELS
from simulator.control import Control
from tests.calls import BODY, anthropic_error, ask, caller, text_of
from tests.conftest import ACCOUNTS, StartGateway
from tests.processes import Gateway, until

OPUS = "claude-opus-4-6"
SONNETS = ["claude-sonnet-4", "claude-sonnet-4.5", "claude-sonnet-4.6"]
PLAIN = ["auto", *SONNETS]
RICH = [*PLAIN, "claude-opus-4.6", {"id": "claude-sonnet-6.1", "window": 400_000}]
LIST = "ListAvailableModels"


@pytest.fixture
def two_plans(start_gateway: StartGateway, upstream: Control) -> Gateway:
    """A gateway that has asked its three accounts: the second has more models."""
    for account, models in zip(ACCOUNTS, (PLAIN, RICH, PLAIN), strict=True):
        upstream.update_account(account["name"], models=models)
    gateway = start_gateway()
    for account in ACCOUNTS:
        gateway.sql(
            f"UPDATE accounts_account SET enabled = (name = '{account['name']}')"
        )
        assert text_of(ask(gateway)) == "You said: Hi"
        until(partial(has_told, gateway, account["name"]))
    gateway.sql("UPDATE accounts_account SET enabled = 1")
    until(lambda: len(listed(gateway)) < len(MODELS))
    return gateway


def has_told(gateway: Gateway, account: str) -> bool:
    [(read_at,)] = gateway.sql(
        f"SELECT models_read_at FROM accounts_account WHERE name = '{account}'"
    )
    return read_at is not None


def listed(gateway: Gateway) -> dict[str, dict[str, Any]]:
    with caller(gateway) as http:
        answer = http.get("/v1/models", params={"limit": 1000})
    assert answer.status_code == 200
    return {entry["id"]: entry for entry in answer.json()["data"]}


def asked_for(upstream: Control) -> tuple[str, str]:
    """The account and the model of the last call."""
    last = upstream.requests("GenerateAssistantResponse")[-1]
    state = last["body"]["conversationState"]
    return last["account"], state["currentMessage"]["userInputMessage"]["modelId"]


def test_models_are_learned_and_routed_by(two_plans: Gateway, upstream: Control):
    # What only the second has is served by the second, and tried nowhere else.
    before = upstream.calls()
    assert text_of(ask(two_plans, BODY | {"model": OPUS})) == "You said: Hi"
    assert asked_for(upstream) == ("second", "claude-opus-4.6")
    assert upstream.calls() == before + 1

    # What all have, by the first, under the id of old.
    assert text_of(ask(two_plans)) == "You said: Hi"
    assert asked_for(upstream) == ("first", "CLAUDE_SONNET_4_20250514_V1_0")

    # What is on no list is asked of any.
    unlisted = BODY | {"model": "claude-3-7-sonnet-20250219"}
    assert text_of(ask(two_plans, unlisted)) == "You said: Hi"
    assert asked_for(upstream) == ("first", "CLAUDE_3_7_SONNET_20250219_V1_0")

    # What nobody has: told at once, without a call.
    before = upstream.calls()
    refused = ask(two_plans, BODY | {"model": "claude-opus-5-5"})
    assert "no account of the pool has the model claude-opus-5.5" in anthropic_error(
        refused, 503, "api_error"
    )
    assert refused.headers["x-should-retry"] == "false"
    assert upstream.calls() == before

    # A name nobody knows goes to the newest of its family that there is.
    assert text_of(ask(two_plans, BODY | {"model": "claude-sonnet-9"}))
    assert asked_for(upstream) == ("second", "claude-sonnet-6.1")
    assert text_of(ask(two_plans, BODY | {"model": "claude-opus-9"}))
    assert asked_for(upstream) == ("second", "claude-opus-4.6")

    # A window that no account offers is not insisted on.
    assert text_of(ask(two_plans, BODY | {"model": "claude-sonnet-4-5[1m]"}))
    assert asked_for(upstream)[1] == "CLAUDE_SONNET_4_5_20250929_V1_0"

    # A family nobody knows is refused with what there is.
    unknown = anthropic_error(
        ask(two_plans, BODY | {"model": "claude-banana"}), 404, "not_found_error"
    )
    assert OPUS in unknown
    assert "claude-opus-5" not in unknown


def test_the_list_is_what_the_accounts_have(two_plans: Gateway, upstream: Control):
    entries = listed(two_plans)
    assert list(entries) == [
        "claude-sonnet-4-5-20250929",
        "claude-sonnet-4-20250514",
        "claude-3-7-sonnet-20250219",
        "claude-3-5-haiku-20241022",
        "claude-sonnet-4-5",
        "claude-haiku-4-5-20251001",
        "auto",
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "claude-sonnet-6.1",
    ]
    new = entries["claude-sonnet-6.1"]
    assert new["max_input_tokens"] == new["context_length"] == 400_000
    assert new["max_tokens"] == 64_000
    assert entries["claude-opus-4-6"]["max_input_tokens"] == 1_000_000
    with caller(two_plans) as http:
        assert http.get("/v1/models/claude-sonnet-6-1").json() == new | {
            "id": "claude-sonnet-6-1"
        }
        gone = http.get("/v1/models/claude-opus-5-5")
    assert gone.status_code == 404
    counted = count(two_plans, "claude-sonnet-9")
    assert counted.status_code == 200, counted.text
    assert upstream.calls(LIST) == 3


def count(gateway: Gateway, model: str) -> httpx.Response:
    body = {"model": model, "messages": BODY["messages"]}
    with caller(gateway) as http:
        return http.post("/v1/messages/count_tokens", json=body)


def test_before_an_account_was_asked_the_catalog_is_listed(gateway: Gateway):
    until(lambda: list(listed(gateway)) == [model.name for model in MODELS])


def test_an_account_that_refuses_a_model_it_lists_is_asked_again(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway()
    stale = json.dumps({"claude-opus-4.6": {}})
    gateway.sql(
        "UPDATE accounts_account SET models_read_at = datetime('now', '-1 day'),"
        f" models_asked_at = datetime('now', '-1 day'), offered_models = '{stale}'"
    )
    upstream.enqueue("invalid_model", account="first")
    assert text_of(ask(gateway, BODY | {"model": OPUS})) == "You said: Hi"
    assert asked_for(upstream)[0] == "second"

    def learned() -> set[str]:
        [(models,)] = gateway.sql(
            "SELECT offered_models FROM accounts_account WHERE name = 'first'"
        )
        return set(json.loads(models))

    until(lambda: learned() > {"claude-opus-4.6"})
