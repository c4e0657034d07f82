from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from accounts.answers import (
    Answer,
    CallFailed,
    SignInAgain,
    SignInAway,
    control_fault,
    plain_words,
    read_model_page,
    read_profile_arns,
    read_tokens,
    retry_after,
)
from accounts.login import Login, Tokens
from accounts.modellist import ModelLimits
from accounts.outcomes import (
    Failed,
    NotPermitted,
    Suspended,
    Throttled,
    TokenRefused,
)

NOW = datetime(2026, 4, 10, 12, tzinfo=UTC)
ARN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGHIJKL"
HTML = b"<html><body>403 ERROR The request could not be satisfied</body></html>"


def answer(status: int, body: object = None, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, raw)


def hour(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


WRONG_REGION = "InvalidRequestRegionException"


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (
            {
                "accessToken": "aoa",
                "refreshToken": "aor",
                "expiresIn": 1800,
                "profileArn": ARN,
            },
            Tokens("aoa", hour(1800), "aor", ARN),
        ),
        ({"accessToken": "aoa"}, Tokens("aoa", hour(3600))),
        (
            {"accessToken": "aoa", "refreshToken": None, "expiresIn": None},
            Tokens("aoa", hour(3600)),
        ),
        ({"accessToken": "aoa", "expiresIn": True}, Tokens("aoa", hour(3600))),
        ({"accessToken": "aoa", "expiresIn": -5}, Tokens("aoa", hour(60))),
        ({"accessToken": "aoa", "expiresIn": 1e12}, Tokens("aoa", hour(7 * 86400))),
        ({"accessToken": "aoa", "profileArn": "arn:x"}, Tokens("aoa", hour(3600))),
        (
            {"access_token": "eyJ", "refresh_token": "new", "expires_in": 600},
            Tokens("eyJ", hour(600), "new"),
        ),
        ({"access_token": "eyJ", "expires_in": "3599"}, Tokens("eyJ", hour(3599))),
        ({"access_token": "eyJ", "expires_in": "soon"}, Tokens("eyJ", hour(3600))),
    ],
)
def test_tokens_are_read(body, tokens):
    assert read_tokens(answer(200, body), NOW) == tokens


@pytest.mark.parametrize(
    "body", [{}, {"accessToken": ""}, {"accessToken": "a\r\nb"}, HTML, b"[1]"]
)
def test_an_answer_without_a_usable_token_is_the_services_fault(body):
    with pytest.raises(SignInAway, match="without a token"):
        read_tokens(answer(200, body), NOW)


@pytest.mark.parametrize(
    "refusal",
    [
        answer(400, {"error": "invalid_grant", "error_description": "x"}),
        answer(401, {"error": "invalid_client"}),
        answer(400, {"error": "expired_token"}),
        answer(400, {"message": "x"}, x_amzn_errortype="InvalidGrantException:http"),
        answer(400, {"__type": "com.amazonaws.ssooidc#InvalidClientException"}),
        answer(400, {"message": "Invalid refresh token provided"}),
        answer(400, b"invalid_grant"),
        answer(401, {"message": "Unauthorized"}),
        answer(401, HTML),
        answer(500, {"error": "invalid_grant"}),
        answer(400, {"error": "interaction_required"}),
    ],
)
def test_a_refresh_refused_for_good_needs_a_person(refusal):
    with pytest.raises(SignInAgain):
        read_tokens(refusal, NOW)


@pytest.mark.parametrize(
    ("fault", "pause"),
    [
        (answer(429, {"message": "x"}), 60.0),
        (answer(429, {"message": "x"}, retry_after="7"), 7.0),
        (answer(400, {"error": "slow_down"}), 60.0),
        (answer(401, {"error": "server_error"}), 0.0),
        (answer(400, {"error": "invalid_request"}), 0.0),
        (answer(400, {"__type": "a#InvalidRequestRegionException"}), 900.0),
        (answer(403, HTML), 0.0),
        (answer(500), 0.0),
        (answer(503, HTML), 0.0),
        (answer(301), 0.0),
    ],
)
def test_any_other_failure_of_a_refresh_leaves_the_account_alone(fault, pause):
    with pytest.raises(SignInAway) as raised:
        read_tokens(fault, NOW)
    assert raised.value.retry_after == pause


DENIED = {"x_amzn_errortype": "AccessDeniedException"}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (
            answer(
                403,
                {
                    "message": "The bearer token included in the request is invalid.",
                    "reason": None,
                },
                **DENIED,
            ),
            TokenRefused(),
        ),
        (
            answer(400, {"message": "The bearer token is invalid."}, **DENIED),
            TokenRefused(),
        ),
        (
            answer(
                403,
                {"Message": "The security token included in the request is expired"},
            ),
            TokenRefused(),
        ),
        (answer(403, {"__type": "a.b#ExpiredTokenException"}), TokenRefused()),
        (answer(401), TokenRefused()),
        (
            answer(403, {"message": "x", "reason": "TEMPORARILY_SUSPENDED"}, **DENIED),
            Suspended(),
        ),
        (
            answer(403, {"message": "Your User ID (u) temporarily is suspended."}),
            Suspended(),
        ),
        (
            answer(403, {"message": "x", "reason": "FEATURE_NOT_SUPPORTED"}),
            NotPermitted("feature"),
        ),
        (
            answer(
                403, {"message": "Your subscription does not support this application."}
            ),
            NotPermitted("application"),
        ),
        (
            answer(403, {"message": "User is not authorized to make this call."}),
            NotPermitted("profile"),
        ),
        (
            answer(400, {"message": "profileArn is required for this request."}),
            NotPermitted("profile"),
        ),
        (answer(403, HTML), Failed("the service failed (403)")),
        (answer(429, {"retryAfterMilliseconds": 300000}), Throttled(300.0)),
        (
            answer(400, {"__type": "a#ThrottlingException"}, retry_after="3"),
            Throttled(3.0),
        ),
        (answer(500), Failed("the service failed (500)")),
    ],
)
def test_a_refused_question_says_what_is_the_matter(fault, outcome):
    assert control_fault(fault) == outcome
    assert plain_words(outcome)


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (answer(429, retry_after="0"), 1.0),
        (answer(429, retry_after="99999"), 900.0),
        (answer(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), 60.0),
        (answer(429, {"retryAfterMilliseconds": 1500}, retry_after="9"), 1.5),
        (answer(429, {"retryAfterMilliseconds": "1500"}), 60.0),
    ],
)
def test_the_wait_is_bounded(fault, seconds):
    assert retry_after(fault) == seconds


def test_models_and_profiles_are_listed():
    models = answer(200, {"models": [{"modelId": "a"}, {}, 5], "nextToken": "n"})
    assert read_model_page(models) == ({"a": ModelLimits()}, "n")
    profiles = answer(200, {"profiles": [{"arn": ARN}, {"arn": "arn:x"}, {}]})
    assert read_profile_arns(profiles) == [ARN]


@pytest.mark.parametrize("read", [read_model_page, read_profile_arns])
@pytest.mark.parametrize("body", [HTML, {"models": None}, {"profiles": "x"}])
def test_a_list_that_is_none_is_a_failure(read, body):
    with pytest.raises(CallFailed):
        read(answer(200, body))


def test_no_secret_shows():
    login = Login("idc", "hush", "hush", "hush")
    assert "hush" not in repr(login) + repr(Tokens("hush", NOW, "hush"))


@pytest.mark.parametrize(
    ("named", "told"),
    [("eu-central-1", "another region: eu-central-1$"), ("x.evil", "another region$")],
)
def test_the_region_that_the_service_names_is_told(named, told):
    refusal = answer(400, {"region": named}, x_amzn_errortype=WRONG_REGION)
    with pytest.raises(SignInAway, match=told):
        read_tokens(refusal, NOW)
