"""Who gets in, and where: keys, paths, methods, versions."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.calls import BODY, anthropic_error, caller, openai_error
from tests.processes import Gateway

# Keys


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "sk-kiro-wrong-0123456789"},
        {"authorization": "Bearer sk-kiro-wrong-0123456789"},
        {"authorization": "Basic dXNlcjpwYXNzd29yZA=="},
        {"x-api-key": "", "authorization": "Bearer"},
        {"x-api-key": "clé à molette".encode()},
    ],
    ids=lambda headers: ",".join(headers) or "none",
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_without_a_known_key_nobody_gets_in(
    gateway: Gateway, headers: dict[str, Any], path: str
):
    response = httpx.post(gateway.url + path, json=BODY, headers=headers)
    assert anthropic_error(response, 401, "authentication_error")


def test_a_wrong_key_is_told_in_the_shape_of_the_callers_dialect(
    gateway: Gateway,
):
    response = httpx.get(
        f"{gateway.url}/v1/models", headers={"authorization": "Bearer wrong"}
    )
    assert openai_error(response, 401)["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "KEY"},
        {"authorization": "Bearer KEY"},
        {"authorization": "bearer KEY"},
        {"x-api-key": "KEY", "authorization": "Bearer KEY"},
        {"x-api-key": "another", "authorization": "Bearer KEY"},
        {"x-api-key": "KEY", "authorization": "Bearer another"},
    ],
)
def test_the_key_is_taken_from_either_header(gateway: Gateway, headers: dict[str, str]):
    sent = {name: value.replace("KEY", gateway.key) for name, value in headers.items()}
    response = httpx.get(f"{gateway.url}/v1/models", headers=sent)
    assert response.status_code == 200


# Paths


@pytest.mark.parametrize("path", ["/v1/complete", "/v1/", "/v1", "/v1/messages/"])
def test_an_unknown_path_is_not_found_in_the_callers_dialect(
    gateway: Gateway, path: str
):
    url = gateway.url + path
    key = {"x-api-key": gateway.key}
    assert path in anthropic_error(httpx.post(url, headers=key), 404, "not_found_error")
    if "/messages" not in path:
        bearer = {"authorization": f"Bearer {gateway.key}"}
        assert path in openai_error(httpx.post(url, headers=bearer), 404)["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_wrong_method_is_refused(gateway: Gateway, method: str):
    with caller(gateway) as http:
        response = http.request(method, "/v1/messages")
    assert anthropic_error(response, 405, "not_found_error")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/v1", "/v1/messages", "/api/hello"])
def test_a_head_request_without_a_key_is_answered_below_500(
    gateway: Gateway, path: str
):
    response = httpx.head(gateway.url + path)
    assert response.status_code < 500
    assert response.content == b""


@pytest.mark.parametrize("query", ["", "?beta=true"])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/v1/messages"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"anthropic-version": "2023-06-01"},
        {"anthropic-version": "2026-10-21"},
        {"anthropic-version": "next year's", "anthropic-beta": "a-2099-01-01,b,,c"},
    ],
    ids=lambda headers: headers.get("anthropic-version", "none"),
)
def test_any_version_any_beta_and_a_doubled_v1_are_served(
    gateway: Gateway, path: str, query: str, headers: dict[str, str]
):
    body = BODY | {"field_of_tomorrow": {"a": 1}}
    with caller(gateway) as http:
        response = http.post(path + query, json=body, headers=headers)
    assert response.status_code == 200, response.text
