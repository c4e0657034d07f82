"""What the sign-in services may say, and what is read from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.answers import Answer
from accounts.signin.answers import (
    NotSignedIn,
    read_device,
    read_registration,
    read_tokens,
)
from accounts.signin.forms import start_url
from accounts.signin.social import REDIRECT_URI, WrongAddress, new_errand, read_address

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DEVICE = {
    "deviceCode": "dc",
    "userCode": "ABCD-EFGH",
    "verificationUri": "https://device.example.com/",
    "verificationUriComplete": "https://device.example.com/?user_code=ABCD-EFGH",
}


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(body).encode())


def refusal(reader: Any, *arguments: Any) -> NotSignedIn:
    with pytest.raises(NotSignedIn) as refused:
        reader(*arguments)
    return refused.value


@pytest.mark.parametrize(
    ("members", "interval", "life"),
    [
        ({}, 5, 600),
        ({"interval": 7, "expiresIn": 900}, 7, 900),
        ({"intervalInMilliseconds": 2000, "expiresInMilliseconds": 300_000}, 2, 300),
        ({"interval": 0, "expiresIn": 1}, 1, 60),
        ({"interval": 10**400, "expiresIn": 10**9}, 5, 1800),
        ({"interval": float("nan"), "expiresIn": "soon"}, 5, 600),
        ({"interval": True}, 5, 600),
    ],
)
def test_times_come_in_seconds_or_milliseconds_and_within_bounds(
    members, interval, life
):
    device = read_device(answer(DEVICE | members), NOW)
    assert device.interval == interval
    assert device.expires_at == NOW + timedelta(seconds=life)
    assert device.link == DEVICE["verificationUriComplete"]


@pytest.mark.parametrize(
    ("complete", "plain", "link"),
    [
        (None, "https://d.example/", "https://d.example/"),
        ("javascript:alert(1)", "https://d.example/", "https://d.example/"),
        ("http://d.example/", "http://127.0.0.1:9/d", "http://127.0.0.1:9/d"),
        ("https://[", "https://d.example/", "https://d.example/"),
    ],
)
def test_a_person_is_sent_over_https_only(complete, plain, link):
    body = DEVICE | {"verificationUriComplete": complete, "verificationUri": plain}
    assert read_device(answer(body), NOW).link == link


@pytest.mark.parametrize(
    "member",
    [
        {"deviceCode": ""},
        {"deviceCode": "with space"},
        {"userCode": ""},
        {"userCode": "A" * 41},
        {"userCode": "A\nB"},
        {"verificationUri": "data:x", "verificationUriComplete": "//d.example"},
        {"verificationUri": 5, "verificationUriComplete": None},
    ],
)
def test_a_code_that_cannot_be_used_is_refused(member):
    assert refusal(read_device, answer(DEVICE | member), NOW).why == "refused"


def test_a_registration_says_until_when_it_holds():
    body = {
        "clientId": "c",
        "clientSecret": "s",
        "clientSecretExpiresAt": 1_800_000_000,
    }
    assert read_registration(answer(body)).expires_at == datetime(
        2027, 1, 15, 8, tzinfo=UTC
    )
    for odd in (None, "soon", 10**40, -(10**12)):
        odd_body = body | {"clientSecretExpiresAt": odd}
        assert read_registration(answer(odd_body)).expires_at is None
    assert refusal(read_registration, answer(body | {"clientId": 1})).why == "refused"


TOKENS = {"accessToken": "aoa", "refreshToken": "aor", "expiresIn": 3600}


def test_tokens_are_read_and_a_refresh_token_is_a_must():
    tokens = read_tokens(answer(TOKENS), NOW)
    assert (tokens.access_token, tokens.refresh_token) == ("aoa", "aor")
    assert tokens.expires_at == NOW + timedelta(hours=1)
    for missing in ({"refreshToken": None}, {"accessToken": "a b"}):
        assert refusal(read_tokens, answer(TOKENS | missing), NOW).why == "refused"


@pytest.mark.parametrize(
    ("status", "body", "errortype", "why"),
    [
        (400, {"error": "authorization_pending"}, "", "pending"),
        (200, {"error": "authorization_pending"}, "", "pending"),
        (200, {"status": "AUTHORIZATION_PENDING"}, "", "pending"),
        (200, {"status": "pending"}, "", "pending"),
        (200, {}, "", "pending"),
        (400, {}, "AuthorizationPendingException", "pending"),
        (400, {"error": "slow_down"}, "SlowDownException", "slow_down"),
        (429, {}, "", "slow_down"),
        (400, {"error": "expired_token"}, "", "expired"),
        (200, {"status": "expired_token"}, "", "expired"),
        (400, {"error": "access_denied"}, "AccessDeniedException", "denied"),
        (200, {"status": "ACCESS_DENIED"}, "", "denied"),
        (400, {"error": "invalid_grant"}, "", "refused"),
        (401, {"error": "invalid_client"}, "InvalidClientException", "refused"),
        (400, {"error": "invalid_request"}, "", "refused"),
        (400, {"error": "server_error"}, "", "away"),
        (500, {"error": "what"}, "", "away"),
        (503, "<html>", "", "away"),
        (403, "<html>", "", "away"),
    ],
)
def test_refusals_are_told_by_code_first_and_status_last(status, body, errortype, why):
    headers = {"x-amzn-errortype": errortype} if errortype else {}
    assert refusal(read_tokens, answer(body, status, **headers), NOW).why == why


@pytest.mark.parametrize(
    ("named", "region"),
    [("eu-central-1", "eu-central-1"), ("x.evil.com", ""), (None, ""), (5, "")],
)
def test_a_wrong_region_names_the_right_one(named, region):
    body = {"error": "invalid_request", "region": named}
    said = answer(body, 400, **{"x-amzn-errortype": "InvalidRequestRegionException"})
    refused = refusal(read_registration, said)
    assert (refused.why, refused.region) == ("region", region)


BACK = f"{REDIRECT_URI}/oauth/callback?login_option=google"


@pytest.mark.parametrize(
    ("address", "redirect_uri"),
    [
        (f"{BACK}&code=c&state=s", BACK),
        (f"  {BACK}&state=s&code=c\n", BACK),
        (f"{BACK.removeprefix('http://')}&code=c&state=s", BACK),
        (
            f"{REDIRECT_URI}/signin/callback?code=c&state=s&login_option=github",
            f"{REDIRECT_URI}/signin/callback?login_option=github",
        ),
    ],
)
def test_the_code_is_read_from_where_the_browser_ended(address, redirect_uri):
    returned = read_address(address, "s")
    assert (returned.code, returned.redirect_uri) == ("c", redirect_uri)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "other"),
        ("hello", "other"),
        ("https://app.kiro.dev/signin?state=s", "other"),
        ("http://localhost:3129/oauth/callback?code=c&state=s", "other"),
        ("http://localhost:3128/elsewhere?code=c&state=s", "other"),
        ("http://u@localhost:3128/oauth/callback?code=c&state=s", "other"),
        ("http://[/oauth/callback", "other"),
        (f"{BACK}&state=s", "other"),
        (f"{BACK}&code=c", "state"),
        (f"{BACK}&code=c&state=other", "state"),
        (f"{BACK}&code=c&state=%C3%A9", "state"),
        (f"{REDIRECT_URI}/oauth/callback?code=c&state=s", "option"),
        (
            f"{REDIRECT_URI}/oauth/callback?login_option=awsidc&code=c&state=s",
            "option",
        ),
    ],
)
def test_an_address_of_something_else_is_named(address, why):
    with pytest.raises(WrongAddress, match=f"^{why}$"):
        read_address(address, "s")


def test_a_person_who_was_refused_is_not_asked_for_a_code():
    refused = refusal(read_address, f"{BACK}&error=access_denied&state=s", "s")
    assert refused.why == "denied"


def test_each_errand_has_its_own_secrets_and_does_not_show_the_verifier():
    one, other = new_errand(), new_errand()
    assert one.state != other.state
    assert one.verifier != other.verifier
    assert one.verifier not in one.link + repr(one)


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        (" https://acme.awsapps.com/start ", "https://acme.awsapps.com/start"),
        ("https://acme.awsapps.com/start/#/?tab=x", "https://acme.awsapps.com/start"),
    ],
)
def test_a_start_url_comes_without_what_browsers_put_behind_it(typed, url):
    assert start_url(typed) == url
