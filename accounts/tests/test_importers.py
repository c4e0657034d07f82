from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from accounts.importers import Entry, NotJson, in_order_of_use, read_entries

ARN = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"

SOCIAL = {"auth": "Social", "refreshToken": "aor-1"}
IDC = {
    "auth": "IdC",
    "refreshToken": "aor-2",
    "clientId": "client",
    "clientSecret": "secret",
}
IDE_SOCIAL = {
    "accessToken": "aoa-1",
    "refreshToken": "aor-1",
    "expiresAt": "2026-04-10T12:00:00.000Z",
    "authMethod": "social",
    "provider": "Google",
    "profileArn": ARN,
}
IDE_IDC = {
    "accessToken": "aoa-1",
    "refreshToken": "aor-2",
    "expiresAt": "2026-04-10T12:00:00.000Z",
    "authMethod": "IdC",
    "provider": "Enterprise",
    "region": "eu-west-1",
    "clientIdHash": "0123456789abcdef0123456789abcdef01234567",
}
REGISTRATION = {
    "clientId": "client",
    "clientSecret": "secret",
    "expiresAt": "2026-06-10T12:00:00",
    "scopes": ["codewhisperer:completions"],
}
EXTERNAL = {
    "authMethod": "external_idp",
    "refreshToken": "aor-3",
    "clientId": "client",
    "tokenEndpoint": "https://id.example.com/oauth2/token",
    "scopes": "api://x offline_access",
}
SOCIAL_ENTRY = Entry(kind="social", refresh_token="aor-1")
IDC_ENTRY = Entry(
    kind="idc", refresh_token="aor-2", client_id="client", client_secret="secret"
)

BUILDER_ID_ENTRY = replace(
    IDC_ENTRY, kind="builder_id", start_url="https://view.awsapps.com/start"
)
API_KEY_ENTRY = Entry("api_key", "", api_key="ksk_1")
EXTERNAL_ENTRY = Entry(
    "external_idp",
    "aor-3",
    "client",
    token_endpoint="https://id.example.com/oauth2/token",
    scopes="api://x offline_access",
)


@pytest.mark.parametrize(
    ("item", "entry"),
    [
        (SOCIAL, SOCIAL_ENTRY),
        (IDC, IDC_ENTRY),
        ({"refreshToken": "aor-1"}, SOCIAL_ENTRY),
        ({"refreshToken": " aor-1\n", "auth": "SOCIAL"}, SOCIAL_ENTRY),
        ({k: v for k, v in IDC.items() if k != "auth"}, IDC_ENTRY),
        (
            SOCIAL | {"clientId": "x", "clientSecret": "y"},
            SOCIAL_ENTRY,
        ),
        (
            SOCIAL | {"description": "Ann's\n own ", "disabled": True},
            Entry("social", "aor-1", name="Ann's own", enabled=False),
        ),
        (SOCIAL | {"disabled": False}, SOCIAL_ENTRY),
        (IDE_SOCIAL, Entry("social", "aor-1", profile_arn=ARN)),
        (
            {
                "id": 7,
                "refreshToken": "aor-2",
                "authMethod": "builder-id",
                "clientId": "client",
                "clientSecret": "secret",
                "region": "eu-central-1",
                "authRegion": "us-west-2",
                "email": "ann@example.com",
                "priority": 0,
                "machineId": "ignored",
            },
            Entry(
                "idc",
                "aor-2",
                "client",
                "secret",
                name="ann@example.com",
                region="us-west-2",
            ),
        ),
        (IDC | {"auth": "builder-id"}, BUILDER_ID_ENTRY),
        (IDC | {"provider": "BuilderId"}, BUILDER_ID_ENTRY),
        (IDC | {"startUrl": BUILDER_ID_ENTRY.start_url}, BUILDER_ID_ENTRY),
        (
            IDC | {"startUrl": "https://acme.awsapps.com/start"},
            replace(IDC_ENTRY, start_url="https://acme.awsapps.com/start"),
        ),
        (
            IDC | {"clientSecretExpiresAt": 1_780_000_000, "expiresAt": "2026-01-01"},
            replace(
                IDC_ENTRY,
                registration_expires_at=datetime.fromtimestamp(1_780_000_000, UTC),
            ),
        ),
        (IDC | {"idcRegion": "eu-west-1"}, replace(IDC_ENTRY, region="eu-west-1")),
        ({"kiroApiKey": "ksk_1"}, API_KEY_ENTRY),
        (
            {
                "authMethod": "api_key",
                "kiroApiKey": "ksk_1",
                "apiRegion": "eu-central-1",
                "endpoint": "runtime",
                "profileArn": ARN,
            },
            replace(
                API_KEY_ENTRY,
                region="eu-central-1",
                endpoint="runtime",
                profile_arn=ARN,
            ),
        ),
        (EXTERNAL, EXTERNAL_ENTRY),
        (
            EXTERNAL | {"scopes": ["api://x", "offline_access"], "authMethod": None},
            replace(EXTERNAL_ENTRY, scopes="api://x offline_access"),
        ),
        (
            SOCIAL
            | {
                "priority": 3,
                "endpoint": "ide",
                "proxyUrl": "socks5://proxy.example.com:1080",
                "proxyUsername": "ann",
                "proxyPassword": "p@ss/word",
                "machineId": "ignored",
            },
            replace(
                SOCIAL_ENTRY,
                priority=3,
                proxy_url="socks5://ann:p%40ss%2Fword@proxy.example.com:1080",
            ),
        ),
        (SOCIAL | {"proxyUrl": "direct", "endpoint": "cli"}, SOCIAL_ENTRY),
    ],
)
def test_one_account_in_every_shape(item, entry):
    for text in (json.dumps(item), json.dumps([item]), "\ufeff " + json.dumps(item)):
        found = read_entries(text)
        assert found.entries == [entry]
        assert found.faults == []


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ({"auth": "Social"}, "refreshToken is missing"),
        ({"refreshToken": ""}, "refreshToken is missing"),
        ({"refreshToken": 5}, "refreshToken is not text"),
        ({"refreshToken": "aor-1..."}, "refreshToken is cut off"),
        ({"refreshToken": "a b"}, "refreshToken holds characters that it cannot have"),
        ({"auth": "IdC", "refreshToken": "r"}, "IdC needs clientId and clientSecret"),
        (IDC | {"clientSecret": ""}, "IdC needs clientId and clientSecret"),
        (SOCIAL | {"auth": "Basic"}, "auth is neither Social nor IdC"),
        ({"auth": "api_key"}, "kiroApiKey is missing"),
        (
            {"kiroApiKey": "ksk_1", "endpoint": "runtime"},
            "with an API key the runtime endpoint needs profileArn",
        ),
        (SOCIAL | {"endpoint": "moon"}, "endpoint is neither q nor runtime"),
        (
            EXTERNAL | {"tokenEndpoint": "http://id.example.com/token"},
            "tokenEndpoint is not an https address",
        ),
        (
            EXTERNAL | {"tokenEndpoint": "https://ann:hush@id.example.com/token"},
            "tokenEndpoint is not an https address",
        ),
        (
            EXTERNAL | {"tokenEndpoint": ""},
            "an external login needs clientId and tokenEndpoint",
        ),
        (
            EXTERNAL | {"scopes": "x" * 501},
            "scopes are longer than any real ones",
        ),
        (
            SOCIAL | {"proxyUrl": "ftp://proxy.example.com"},
            "proxyUrl is not the address of an http, https or socks5 proxy",
        ),
        (IDC | {"startUrl": "http://x"}, "startUrl is not an https address"),
        (IDC | {"region": "us-east-1.evil.com"}, "region is not a region"),
        (IDC | {"idcRegion": "eu"}, "idcRegion is not a region"),
        (
            SOCIAL | {"profileArn": ARN.replace("eu-central-1", "x/y")},
            "profileArn is not the ARN of a profile",
        ),
        (
            SOCIAL | {"profileArn": ARN.replace("eu-central-1", "evil.com")},
            "profileArn is not the ARN of a profile",
        ),
        ("aor-1", "not an object"),
        (None, "not an object"),
        ([], "not an object"),
    ],
)
def test_a_bad_entry_is_named_and_the_good_ones_serve(item, fault):
    found = read_entries(json.dumps([SOCIAL, item, IDC]))
    assert found.entries == [SOCIAL_ENTRY, IDC_ENTRY]
    assert [str(f) for f in found.faults] == [f"entry 2: {fault}"]


def test_no_fault_quotes_a_value():
    item = {"auth": "hush-1", "refreshToken": "hush 2", "clientId": "hush-3"}
    more = [
        item | {"refreshToken": "hush..."},
        SOCIAL | {"proxyUrl": "hush://ann:hush@proxy"},
        EXTERNAL | {"tokenEndpoint": "hush"},
        {"kiroApiKey": "hush hush"},
    ]
    found = read_entries(json.dumps([item, *more]))
    assert len(found.faults) == 5
    assert "hush" not in repr(found)


def test_secrets_do_not_show_in_an_entry():
    assert "aor-2" not in repr(IDC_ENTRY)
    assert "client" not in repr(IDC_ENTRY).replace("client_", "")
    assert "ksk" not in repr(API_KEY_ENTRY)
    assert "hush" not in repr(replace(SOCIAL_ENTRY, proxy_url="http://a:hush@proxy"))


@pytest.mark.parametrize("order", ["after", "before"])
def test_the_ides_token_takes_its_client_from_the_registration(order):
    files = [json.dumps(IDE_IDC, indent=2), json.dumps(REGISTRATION)]
    if order == "before":
        files.reverse()
    found = read_entries("\n".join(files))
    assert found.faults == []
    assert found.entries == [
        Entry(
            "idc",
            "aor-2",
            "client",
            "secret",
            region="eu-west-1",
            registration_expires_at=datetime(2026, 6, 10, 12, tzinfo=UTC),
        )
    ]


def test_entries_know_their_place_and_the_order_of_use_is_apart():
    items = [SOCIAL | {"priority": 9}, {}, IDC | {"priority": 1}, EXTERNAL]
    found = read_entries(json.dumps(items))
    assert [entry.index for entry in found.entries] == [1, 3, 4]
    assert [entry.index for entry in in_order_of_use(found.entries)] == [4, 3, 1]
    assert [fault.index for fault in found.faults] == [2]


def test_of_two_registrations_none_is_taken():
    texts = [IDE_IDC, REGISTRATION, REGISTRATION | {"clientId": "other"}]
    found = read_entries("".join(json.dumps(text) for text in texts))
    assert found.entries == []
    assert str(found.faults[0]) == "entry 1: IdC needs clientId and clientSecret"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[{"a": 1},\n {"b": }]', "Expecting value at line 2, column 8"),
        ("[", "Expecting value at line 1, column 2"),
        ("{} junk", "Expecting value at line 1, column 4"),
        ("[" * 100_000, "a number too long or nested too deep"),
        ('{"a":' + "9" * 5000 + "}", "a number too long or nested too deep"),
        (" " * (10 * 2**20 + 1), "larger than 10 MiB"),
    ],
)
def test_malformed_json_is_told_by_line_and_column(text, where):
    with pytest.raises(NotJson, match=f"^{where}$"):
        read_entries(text)


def test_nothing_is_nothing():
    assert read_entries("[]").entries == read_entries(" ").entries == []
