from __future__ import annotations

import threading

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import F

from accounts.models import Account
from accounts.tests.conftest import add_account
from kiro2api.encryption import SecretUnreadable

pytestmark = pytest.mark.django_db


def stored(field: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {field} FROM accounts_account")
        return str(cursor.fetchone()[0])


def test_a_secret_is_ciphertext_in_the_database_and_plain_in_python():
    account = add_account(refresh_token="hush")
    assert "hush" not in stored("refresh_token")
    assert Account.objects.with_secrets().get(pk=account.pk).refresh_token == "hush"


def test_an_update_encrypts_too():
    account = add_account()
    Account.objects.update(access_token="hush")
    assert "hush" not in stored("access_token")
    assert Account.objects.with_secrets().get(pk=account.pk).access_token == "hush"


def test_an_expression_is_left_to_the_database():
    account = add_account(refresh_token="hush")
    Account.objects.update(access_token=F("refresh_token"))
    assert Account.objects.with_secrets().get(pk=account.pk).access_token == "hush"


def test_the_empty_string_stays_empty():
    add_account(client_secret="")
    assert stored("client_secret") == ""
    assert Account.objects.filter(client_secret="").count() == 1


def test_an_older_key_still_opens(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.SECRET_ENCRYPTION_KEYS = [old]
    account = add_account(refresh_token="hush")
    settings.SECRET_ENCRYPTION_KEYS = [new, old]
    assert Account.objects.with_secrets().get(pk=account.pk).refresh_token == "hush"


def test_a_wrong_key_raises_and_names_no_secret(settings):
    account = add_account(refresh_token="hush")
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(SecretUnreadable, match="SECRET_ENCRYPTION_KEYS") as raised:
        Account.objects.with_secrets().get(pk=account.pk)
    assert stored("refresh_token") not in str(raised.value)


def test_an_account_with_a_wrong_key_can_still_be_named_and_changed(settings):
    add_account("ann")
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    account = Account.objects.get()
    account.enabled = False
    account.save()
    assert [str(a) for a in Account.objects.filter(enabled=False)] == ["ann"]


@pytest.mark.parametrize("keys", [[], ["not a key"]])
def test_without_a_usable_key_nothing_is_written(settings, keys):
    settings.SECRET_ENCRYPTION_KEYS = keys
    with (
        pytest.raises(ImproperlyConfigured, match="SECRET_ENCRYPTION_KEYS"),
        transaction.atomic(),
    ):
        add_account()
    assert not Account.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_reading_is_right_while_another_thread_validates():
    """No state on the field: a form that is being checked changes no reading."""
    account = add_account(refresh_token="hush")
    done = threading.Event()

    def validate() -> None:
        form_side = Account(name="bob", refresh_token="other")
        while not done.is_set():
            form_side.full_clean()

    thread = threading.Thread(target=validate)
    thread.start()
    try:
        reading = Account.objects.with_secrets()
        seen = {reading.get(pk=account.pk).refresh_token for _ in range(200)}
    finally:
        done.set()
        thread.join()
    assert seen == {"hush"}
