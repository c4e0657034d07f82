from __future__ import annotations

import json

import pytest

from accounts.importers import Entry, NotJson, read_entries

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
SOCIAL_ENTRY = Entry(kind="social", refresh_token="aor-1")
IDC_ENTRY = Entry(
    kind="idc", refresh_token="aor-2", client_id="client", client_secret="secret"
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
        (SOCIAL | {"auth": "api_key"}, "accounts of this kind are not supported"),
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
    found = read_entries(json.dumps([item, item | {"refreshToken": "hush..."}]))
    assert len(found.faults) == 2
    assert "hush" not in repr(found)


def test_secrets_do_not_show_in_an_entry():
    assert "aor-2" not in repr(IDC_ENTRY)
    assert "client" not in repr(IDC_ENTRY).replace("client_", "")


@pytest.mark.parametrize("order", ["after", "before"])
def test_the_ides_token_takes_its_client_from_the_registration(order):
    files = [json.dumps(IDE_IDC, indent=2), json.dumps(REGISTRATION)]
    if order == "before":
        files.reverse()
    found = read_entries("\n".join(files))
    assert found.faults == []
    assert found.entries == [
        Entry("idc", "aor-2", "client", "secret", region="eu-west-1")
    ]


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
