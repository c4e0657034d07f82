"""Refreshing, per kind of account: tokens rotate, expire, and die."""

from urllib.parse import urlencode

import pytest

from simulator.refreshfaults import REFRESH_FAULTS
from simulator.tests.caller import conversation

GENERATE = "/generateAssistantResponse"


def refresh_social(caller, token):
    return caller.call("POST", "/refreshToken", {"refreshToken": token})


def refresh_oidc(caller, account, **members):
    body = {
        "clientId": account["client_id"],
        "clientSecret": account["client_secret"],
        "grantType": "refresh_token",
        "refreshToken": account["refresh_token"],
    }
    return caller.call("POST", "/token", body | members)


def chat(caller, token):
    headers = {"Authorization": f"Bearer {token}"}
    return caller.call("POST", GENERATE, conversation(), headers)


def test_a_social_refresh_gives_a_token_that_serves(caller, control):
    account = control.account("alice")
    answer = refresh_social(caller, account["refresh_token"])
    assert answer.status == 200
    body = answer.json()
    assert body["accessToken"].startswith("aoa")
    assert body["refreshToken"].startswith("aor")
    assert len(body["refreshToken"]) > 100
    assert body["expiresIn"] == 3600
    assert body["profileArn"] == account["profile_arn"]
    assert chat(caller, body["accessToken"]).status == 200


def test_a_rotated_refresh_token_is_dead(caller, control):
    first = control.account("alice")["refresh_token"]
    second = refresh_social(caller, first).json()["refreshToken"]
    again = refresh_social(caller, first)
    assert again.status == 400
    assert again.json() == {
        "error": "invalid_grant",
        "message": "Invalid refresh token provided",
    }
    assert refresh_social(caller, second).status == 200
    state = control.account("alice")
    assert (state["refreshes"], state["refresh_attempts"]) == (2, 3)
    assert (state["access_generation"], state["refresh_generation"]) == (2, 3)


def test_without_rotation_the_old_token_stays_and_is_not_sent_again(caller, control):
    control.update_account("alice", rotates=False)
    token = control.account("alice")["refresh_token"]
    for _ in range(2):
        answer = refresh_social(caller, token)
        assert answer.status == 200
        assert "refreshToken" not in answer.json()


@pytest.mark.parametrize("name", ["bob", "carol"])
def test_an_oidc_refresh_gives_a_token_and_no_profile(caller, control, name):
    account = control.account(name)
    answer = refresh_oidc(caller, account)
    body = answer.json()
    assert body["tokenType"] == "Bearer"
    assert "profileArn" not in body
    assert body["refreshToken"] != account["refresh_token"]
    assert chat(caller, body["accessToken"]).status == 200
    dead = refresh_oidc(caller, account)
    assert (dead.status, dead.json()["error"]) == (400, "invalid_grant")
    assert dead.headers["x-amzn-errortype"] == "InvalidGrantException"


def test_an_oidc_refresh_is_bound_to_its_registration(caller, control):
    bob, carol = control.account("bob"), control.account("carol")
    unknown = refresh_oidc(caller, bob, clientId="nobody's")
    assert (unknown.status, unknown.json()["error"]) == (401, "invalid_client")
    wrong_secret = refresh_oidc(caller, bob, clientSecret="guessed")
    assert wrong_secret.status == 401
    others = refresh_oidc(
        caller,
        bob,
        clientId=carol["client_id"],
        clientSecret=carol["client_secret"],
    )
    assert (others.status, others.json()["error"]) == (400, "invalid_grant")
    assert refresh_oidc(caller, bob).status == 200


def test_a_token_of_another_kind_is_an_invalid_grant(caller, control):
    token = control.account("bob")["refresh_token"]
    assert refresh_social(caller, token).json()["error"] == "invalid_grant"


def test_an_external_login_refreshes_by_a_form(caller, control):
    account = control.account("dave")
    form = urlencode(
        {
            "grant_type": "refresh_token",
            "client_id": account["client_id"],
            "refresh_token": account["refresh_token"],
            "scope": "x",
        }
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = caller.call("POST", "/external/token", form.encode(), headers)
    assert answer.json()["expires_in"] == 3600
    assert answer.json()["refresh_token"] != account["refresh_token"]
    captured = control.requests()[-1]["body"]
    assert captured["refresh_token"] == "dave refresh 1"


def test_a_killed_refresh_token_is_dead_and_a_new_one_lives(caller, control):
    control.kill_refresh_token("alice")
    token = control.account("alice")["refresh_token"]
    assert refresh_social(caller, token).json()["error"] == "invalid_grant"
    control.update_account("alice", refresh_token="aor-signed-in-again")
    assert refresh_social(caller, "aor-signed-in-again").status == 200


def test_an_access_token_lives_as_long_as_it_says(caller, control):
    control.update_account("alice", token_seconds=0)
    token = control.account("alice")["refresh_token"]
    body = refresh_social(caller, token).json()
    assert body["expiresIn"] == 0
    assert chat(caller, body["accessToken"]).status == 403


def test_a_refresh_leaves_earlier_access_tokens_alive(caller, control):
    first = control.issue_access_token("alice")
    refresh_social(caller, control.account("alice")["refresh_token"])
    assert chat(caller, first).status == 200


@pytest.mark.parametrize("name", sorted(REFRESH_FAULTS.keys() - {"network"}))
def test_every_fault_of_the_auth_services_can_be_had(caller, control, name):
    fault = REFRESH_FAULTS[name]
    for account in ("alice", "bob"):
        control.update_account(account, refresh_fault={"fault": name, "times": 1})
    social = refresh_social(caller, control.account("alice")["refresh_token"])
    oidc = refresh_oidc(caller, control.account("bob"))
    assert social.status == oidc.status == fault.status
    if fault.html:
        assert b"<h1>" in social.body
    else:
        assert social.json()["error"] == oidc.json()["error"] == fault.error
        assert oidc.headers["x-amzn-errortype"] == fault.type
    token = control.account("alice")["refresh_token"]
    assert refresh_social(caller, token).status == 200


def test_the_auth_service_can_drop_the_connection(caller, control):
    control.update_account("alice", refresh_fault="network")
    with pytest.raises(ConnectionError):
        refresh_social(caller, control.account("alice")["refresh_token"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/refreshToken", {}),
        ("/refreshToken", b"{"),
        ("/refreshToken", []),
        ("/refreshToken", {"refreshToken": None}),
        ("/token", {"grantType": "refresh_token"}),
    ],
)
def test_a_request_without_what_is_needed_is_invalid(caller, path, body):
    answer = caller.call("POST", path, body)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_an_unknown_refresh_token_is_an_invalid_grant(caller):
    assert refresh_social(caller, "aor-unknown").json()["error"] == "invalid_grant"


def test_captures_show_labels_in_place_of_tokens(caller, control):
    account = control.account("bob")
    token = refresh_oidc(caller, account).json()["accessToken"]
    chat(caller, token)
    refreshed, chatted = control.requests()
    assert refreshed["body"]["refreshToken"] == "bob refresh 1"
    assert refreshed["account"] == "bob"
    assert chatted["bearer"] == "bob access 1"
    shown = str(control.requests())
    for secret in (token, account["refresh_token"], account["client_secret"]):
        assert secret not in shown
