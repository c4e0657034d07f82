"""Settings from the environment: what they accept, and what they say if not."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from kiro2api import environment


def fault_of(read, *arguments) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        read(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        ("plain", "plain"),
        ("  padded  ", "padded"),
        ("'quoted'", "quoted"),
        ('"[{\\"a\\": 1}]"', '[{\\"a\\": 1}]'),
        ("'", "'"),
        ("", "default"),
        ("''", "default"),
    ],
)
def test_text_loses_one_pair_of_outer_quotes(monkeypatch, value, read_as):
    monkeypatch.setenv("SOMETHING", value)
    assert environment.text("SOMETHING", "default") == read_as


def test_a_number_that_is_none_is_named_with_what_is_allowed(monkeypatch):
    monkeypatch.setenv("PORT", "eighty")
    assert fault_of(environment.number, "PORT", 8080, 0, 65535) == (
        "PORT: 'eighty' is not a whole number from 0 to 65535."
    )
    monkeypatch.setenv("PORT", "70000")
    assert "from 0 to 65535" in fault_of(environment.number, "PORT", 8080, 0, 65535)
    monkeypatch.setenv("PORT", "80")
    assert environment.number("PORT", 8080, 0, 65535) == 80
    monkeypatch.delenv("PORT")
    assert environment.number("PORT", 8080, 0, 65535) == 8080


def test_not_a_number_is_no_number(monkeypatch):
    monkeypatch.setenv("SECONDS", "nan")
    assert "of at least 1" in fault_of(environment.number, "SECONDS", 2.0, 1)


@pytest.mark.parametrize("value", ["true", "1", "Yes", "ON"])
def test_a_flag_is_on(monkeypatch, value):
    monkeypatch.setenv("FLAG", value)
    assert environment.flag("FLAG", False) is True


def test_a_flag_that_is_neither_is_named(monkeypatch):
    monkeypatch.setenv("FLAG", "perhaps")
    assert fault_of(environment.flag, "FLAG", False).startswith("FLAG: 'perhaps'")


def test_a_choice_names_what_is_allowed(monkeypatch):
    monkeypatch.setenv("GIN_MODE", "Debug")
    allowed = ("debug", "release")
    assert environment.choice("GIN_MODE", "release", allowed) == "debug"
    monkeypatch.setenv("GIN_MODE", "loud")
    fault = fault_of(environment.choice, "GIN_MODE", "release", allowed)
    assert fault == "GIN_MODE: 'loud' is not one of debug, release."


def test_pairs_are_read_and_a_broken_one_is_named(monkeypatch):
    monkeypatch.setenv("MODEL_ALIASES", "gpt-4o = claude-sonnet-4-5, fast=auto,")
    assert environment.pairs("MODEL_ALIASES") == {
        "gpt-4o": "claude-sonnet-4-5",
        "fast": "auto",
    }
    monkeypatch.setenv("MODEL_ALIASES", "gpt-4o")
    assert "'gpt-4o' is not of the form a=b" in fault_of(
        environment.pairs, "MODEL_ALIASES"
    )


def test_a_secret_may_come_from_a_file(monkeypatch, tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text("from the file\n")
    monkeypatch.setenv("TOKEN_FILE", str(path))
    assert environment.secret("TOKEN") == "from the file"
    monkeypatch.setenv("TOKEN", "inline")
    assert "both set" in fault_of(environment.secret, "TOKEN")
    monkeypatch.delenv("TOKEN")
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "missing"))
    assert fault_of(environment.secret, "TOKEN").startswith("TOKEN_FILE: cannot read")


def test_a_missing_secret_is_made_once_and_only_its_owner_reads_it(
    monkeypatch, tmp_path: Path
):
    path = tmp_path / "new" / "key"
    made = iter(["first", "second"])

    def read() -> str:
        return environment.secret_made_once("KEY", path, lambda: next(made))

    assert read() == "first"
    assert read() == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    monkeypatch.setenv("KEY", "from the environment")
    assert read() == "from the environment"


@pytest.mark.parametrize(
    "address",
    [
        "https://q.{region}.amazonaws.com",
        "http://127.0.0.1:9000/",
        "http://localhost:9000",
        "http://[::1]:9000",
    ],
)
def test_a_service_address_is_taken(monkeypatch, address):
    monkeypatch.setenv("KIRO_API_URL", address)
    read = environment.service_address("KIRO_API_URL", "https://default.example")
    assert read == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    ["http://q.example.com", "ftp://127.0.0.1", "q.example.com", "http://127.0.0.1.x"],
)
def test_credentials_do_not_travel_in_clear(monkeypatch, address):
    monkeypatch.setenv("KIRO_API_URL", address)
    fault = fault_of(environment.service_address, "KIRO_API_URL", "https://d.example")
    assert fault.startswith("KIRO_API_URL: ")


def test_networks_may_be_addresses(monkeypatch):
    monkeypatch.setenv("PROXIES", "10.0.0.7, 172.16.0.0/12,::1")
    found = [str(network) for network in environment.networks("PROXIES")]
    assert found == ["10.0.0.7/32", "172.16.0.0/12", "::1/128"]
    monkeypatch.delenv("PROXIES")
    assert environment.networks("PROXIES") == []


@pytest.mark.parametrize("value", ["nginx", "10.0.0.7/8", "10.0.0.0/33"])
def test_a_network_that_is_none_is_named(monkeypatch, value):
    monkeypatch.setenv("PROXIES", f"10.0.0.7,{value}")
    assert f"PROXIES: {value!r}" in fault_of(environment.networks, "PROXIES")


@pytest.mark.parametrize(
    "value",
    [
        "kiro.example.com",
        "ftp://kiro.example.com",
        "https://",
        "https://me:password@example.com",
        "https://example.com/?a=b",
    ],
)
def test_an_address_that_is_none_is_refused(value):
    fault = fault_of(environment.address_parts, "PUBLIC_URL", value)
    assert fault.startswith("PUBLIC_URL: ")
    assert "https://kiro.example.com" in fault


def test_an_address_may_have_a_path():
    parts = environment.address_parts("PUBLIC_URL", "https://example.com:8443/kiro")
    assert (parts.hostname, parts.netloc) == ("example.com", "example.com:8443")
    assert parts.path == "/kiro"
    assert environment.address_parts("PUBLIC_URL", "").path == ""
