"""Sign-in: registration, device code, and codes for browsers."""

import base64
import hashlib
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
VERIFIER = "a-verifier-of-thirty-two-bytes-or-more"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
    .rstrip(b"=")
    .decode()
)


def register(caller):
    body = {"clientName": "gateway", "clientType": "public"}
    client = caller.call("POST", "/client/register", body).json()
    return {"clientId": client["clientId"], "clientSecret": client["clientSecret"]}


def start_device(caller, client):
    body = client | {"startUrl": "https://view.awsapps.com/start"}
    return caller.call("POST", "/device_authorization", body).json()


def poll(caller, client, device):
    body = client | {"grantType": DEVICE_GRANT, "deviceCode": device["deviceCode"]}
    return caller.call("POST", "/token", body)


def test_a_device_code_is_pending_until_it_is_approved(caller, control):
    client = register(caller)
    device = start_device(caller, client)
    pending = poll(caller, client, device)
    assert (pending.status, pending.json()["error"]) == (400, "authorization_pending")
    control.approve_device(device["userCode"], "carol")
    tokens = poll(caller, client, device).json()
    account = control.account("carol")
    assert tokens["refreshToken"] == account["refresh_token"]
    assert account["client_id"] == client["clientId"]
    refreshed = caller.call(
        "POST",
        "/token",
        client | {"grantType": "refresh_token", "refreshToken": tokens["refreshToken"]},
    )
    assert refreshed.status == 200


def test_signing_in_again_kills_the_login_before(caller, control):
    before = control.account("carol")
    client = register(caller)
    device = start_device(caller, client)
    control.approve_device(device["userCode"], "carol")
    poll(caller, client, device)
    old = {
        "clientId": before["client_id"],
        "clientSecret": before["client_secret"],
        "grantType": "refresh_token",
        "refreshToken": before["refresh_token"],
    }
    assert caller.call("POST", "/token", old).status == 401


def test_a_denied_device_code_is_access_denied(caller, control):
    client = register(caller)
    device = start_device(caller, client)
    control.deny_device(device["userCode"])
    assert poll(caller, client, device).json()["error"] == "access_denied"


def test_a_device_code_serves_once(caller, control):
    client = register(caller)
    device = start_device(caller, client)
    control.approve_device(device["userCode"], "carol")
    assert poll(caller, client, device).status == 200
    assert poll(caller, client, device).json()["error"] == "expired_token"


def test_an_unknown_client_cannot_begin(caller):
    body = {"clientId": "x", "clientSecret": "y", "startUrl": "z"}
    answer = caller.call("POST", "/device_authorization", body)
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")


def test_only_public_clients_register(caller):
    body = {"clientName": "gateway", "clientType": "confidential"}
    assert caller.call("POST", "/client/register", body).status == 400


def test_an_unknown_grant_type_is_refused(caller):
    body = register(caller) | {"grantType": "password"}
    answer = caller.call("POST", "/token", body)
    assert answer.json()["error"] == "unsupported_grant_type"


def browse(caller, path, redirect_uri):
    query = urlencode(
        {
            "redirect_uri": redirect_uri,
            "state": "s",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
    )
    answer = caller.call("GET", f"{path}?{query}")
    assert answer.status == 302
    return answer.headers["Location"]


def code_in(location):
    query = parse_qs(urlsplit(location).query)
    assert query["state"] == ["s"]
    return query["code"][0]


def redeem(caller, code, redirect_uri, verifier=VERIFIER):
    body = {"code": code, "code_verifier": verifier, "redirect_uri": redirect_uri}
    return caller.call("POST", "/oauth/token", body)


@pytest.mark.parametrize(
    ("path", "redirect_uri", "exact"),
    [
        (
            "/signin",
            "http://localhost:3128",
            "http://localhost:3128/oauth/callback?login_option=google",
        ),
        (
            "/login",
            "kiro://kiro.kiroAgent/authenticate-success",
            "kiro://kiro.kiroAgent/authenticate-success",
        ),
    ],
)
def test_a_social_sign_in_by_browser(caller, control, path, redirect_uri, exact):
    location = browse(caller, path, redirect_uri)
    assert location.startswith(exact)
    tokens = redeem(caller, code_in(location), exact).json()
    assert tokens["refreshToken"] == control.account("alice")["refresh_token"]
    assert tokens["profileArn"]


def test_a_code_serves_once_for_its_redirect_and_its_verifier(caller):
    target = "kiro://kiro.kiroAgent/authenticate-success"
    code = code_in(browse(caller, "/login", target))
    assert redeem(caller, code, target, "guessed").json()["error"] == "invalid_grant"
    code = code_in(browse(caller, "/login", target))
    assert redeem(caller, code, "http://elsewhere").status == 400
    code = code_in(browse(caller, "/login", target))
    assert redeem(caller, code, target).status == 200
    assert redeem(caller, code, target).status == 400


def test_an_oidc_code_is_redeemed_for_the_named_account(caller, control):
    control.sign_in_as("bob")
    target = "http://127.0.0.1:3128/oauth/callback"
    code = code_in(browse(caller, "/authorize", target))
    client = register(caller)
    body = client | {
        "grantType": "authorization_code",
        "code": code,
        "codeVerifier": VERIFIER,
        "redirectUri": target,
    }
    assert caller.call("POST", "/token", body).status == 200
    assert control.account("bob")["client_id"] == client["clientId"]


def test_a_page_without_redirect_is_refused(caller):
    assert caller.call("GET", "/login").status == 400


def test_a_social_device_code_is_polled_until_approved(caller, control):
    body = {"clientId": "kiro-cli", "loginProvider": "Google"}
    device = caller.call("POST", "/oauth/device/authorization", body).json()
    asked = {"clientId": "kiro-cli", "deviceCode": device["deviceCode"]}
    pending = caller.call("POST", "/oauth/device/poll", asked).json()
    assert pending == {"status": "authorization_pending"}
    control.approve_device(device["userCode"], "alice")
    done = caller.call("POST", "/oauth/device/poll", asked).json()
    assert done["refreshToken"] == control.account("alice")["refresh_token"]


def on_page(caller, device, **form):
    body = urlencode({"user_code": device["userCode"], **form}).encode()
    return caller.call("POST", "/device", body)


def test_a_person_sees_the_code_and_who_may_sign_in_with_it(caller):
    device = start_device(caller, register(caller))
    page = caller.call("GET", f"/device?user_code={device['userCode']}").body.decode()
    assert device["userCode"] in page
    assert "Sign in as carol" in page
    assert "alice" not in page
    unknown = caller.call("GET", "/device?user_code=NOBODY").body.decode()
    assert "No sign-in waits with this code." in unknown


@pytest.mark.parametrize(
    ("form", "name"), [({"account": "carol"}, "carol"), ({"new": "1"}, "guest-1")]
)
def test_a_person_approves_as_somebody_known_or_new(caller, control, form, name):
    client = register(caller)
    device = start_device(caller, client)
    assert f"Approved as {name}" in on_page(caller, device, **form).body.decode()
    tokens = poll(caller, client, device).json()
    account = control.account(name)
    assert tokens["refreshToken"] == account["refresh_token"]
    assert account["kind"] == "builder_id"


def test_a_person_denies(caller):
    client = register(caller)
    device = start_device(caller, client)
    on_page(caller, device, deny="1")
    assert poll(caller, client, device).json()["error"] == "access_denied"


def test_an_answer_to_a_program_may_be_scripted(caller, control):
    said = {"status": 400, "body": {"error": "slow_down"}}
    control.enqueue({"http": said}, operation="RegisterClient")
    body = {"clientName": "gateway", "clientType": "public"}
    assert caller.call("POST", "/client/register", body).json()["error"] == "slow_down"
    assert caller.call("POST", "/client/register", body).status == 200
