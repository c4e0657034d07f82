"""Encryption keys: changed, lost, wrong."""

from __future__ import annotations

import io

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from accounts.models import SECRETS, Account
from accounts.rotation import rotate_secrets, stored_secrets, unreadable_accounts
from accounts.tests.conftest import add_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(settings):
    """Set the keys by number; the same number is the same key."""
    made = [Fernet.generate_key().decode() for _ in range(3)]

    def use(*numbers: int) -> None:
        settings.SECRET_ENCRYPTION_KEYS = [made[number] for number in numbers]

    use(0)
    return use


def secrets_of(name: str) -> list[str]:
    """Refresh token, access token, client id, client secret."""
    account = Account.objects.with_secrets().get(name=name)
    return [getattr(account, field) for field in SECRETS][:4]


def rotate(*args: str) -> str:
    out = io.StringIO()
    call_command("rotate_secrets", *args, stdout=out)
    return out.getvalue()


def test_after_a_rotation_the_old_key_can_go(keys):
    add_account("ann", client_id="c", client_secret="s")
    add_account("bob")
    before = secrets_of("ann")
    keys(1, 0)
    assert rotate() == (
        "6 secrets, 0 stored responses and 0 alert channels are under the newest key.\n"
    )
    keys(1)
    assert secrets_of("ann") == before
    assert secrets_of("bob") == ["aor-bob", "aoa-bob", "", ""]


def test_a_secret_that_changed_meanwhile_is_not_put_back(
    keys, django_assert_num_queries
):
    """Only the ciphertext that was read is replaced."""
    account = add_account("ann")
    keys(1, 0)
    stored = list(stored_secrets())
    Account.objects.filter(pk=account.pk).update(refresh_token="rotated by a refresh")
    assert [secret.replace("x") for secret in stored] == [0, 1]


def test_unreadable_accounts_are_named_and_left_alone(keys):
    add_account("ann")
    keys(1)
    add_account("bob")
    assert unreadable_accounts() == ["ann"]
    with pytest.raises(CommandError, match="No key opens secrets of: ann"):
        rotate()
    keys(1, 0)
    assert secrets_of("ann")[0] == "aor-ann"
    assert unreadable_accounts() == []


def test_forgetting_empties_the_unreadable_and_keeps_the_rows(keys):
    add_account("ann")
    keys(1)
    add_account("bob")
    assert "Emptied, to be signed in again: ann" in rotate("--forget-unreadable")
    assert secrets_of("ann") == ["", "", "", ""]
    assert secrets_of("bob")[0] == "aor-bob"
    ann = Account.objects.get(name="ann")
    assert ann.status == Account.Status.REJECTED
    assert (ann.access_token_tail, ann.access_expires_at) == ("", None)
    assert "keys" in ann.last_error
    assert unreadable_accounts() == []
    assert rotate_secrets().unreadable == []


def test_the_start_names_the_accounts_that_no_key_opens(keys):
    assert run_checks(databases=["default"], tags=["database"]) == []
    for number in range(12):
        add_account(f"a{number}")
    keys(1)
    [warning] = run_checks(databases=["default"], tags=["database"])
    assert warning.id == "accounts.W001"
    assert "a0, a1, " in warning.msg
    assert warning.msg.endswith("a9 and 2 more.")
    assert warning.hint is not None
    assert "--forget-unreadable" in warning.hint


@pytest.mark.parametrize(
    ("setting", "value", "fault"),
    [
        ("SECRET_ENCRYPTION_KEYS", ["nonsense"], "accounts.E003"),
        ("SECRET_ENCRYPTION_KEYS", [], "accounts.E002"),
        ("SECRET_KEY", "", "accounts.E001"),
    ],
)
def test_wrong_set_ups_are_said_at_start(settings, setting, value, fault):
    setattr(settings, setting, value)
    found = [c for c in run_checks() if c.id and c.id.startswith("accounts.")]
    assert [check.id for check in found] == [fault]
    assert found[0].hint
    assert run_checks(databases=["default"], tags=["database"]) == []


def test_a_right_set_up_is_silent():
    assert [c for c in run_checks() if c.id and c.id.startswith("accounts.")] == []
