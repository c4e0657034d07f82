"""Encryption keys of the accounts' secrets: which rows cannot be read, and how all
are brought under the newest key. Works on ciphertext, below the field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cryptography.fernet import InvalidToken
from django.db.models import ExpressionWrapper, F, TextField, Value
from django.db.models.expressions import Combinable

from accounts.blocking import block
from accounts.models import SECRETS, Account, AccountQuerySet
from kiro2api.encryption import cipher

SecretState = Literal["set", "not set", "unreadable"]


@dataclass(frozen=True, slots=True)
class Rotation:
    rotated: int
    """Secrets now under the newest key."""
    unreadable: list[str]
    """Names of the accounts with a secret that no key opens."""


def unreadable_accounts() -> list[str]:
    """Names of the accounts with a secret that no key opens."""
    names = {}
    for secret in stored_secrets():
        try:
            cipher().decrypt(secret.ciphertext)
        except InvalidToken:
            names[secret.account_id] = secret.account
    return list(names.values())


def secret_states(account_id: int) -> dict[str, SecretState]:
    """Of one account, by field; nothing of a secret gets out of here."""
    states: dict[str, SecretState] = dict.fromkeys(SECRETS, "not set")
    for secret in stored_secrets(Account.objects.filter(pk=account_id)):
        try:
            cipher().decrypt(secret.ciphertext)
        except InvalidToken:
            states[secret.field] = "unreadable"
        else:
            states[secret.field] = "set"
    return states


def rotate_secrets(*, forget_unreadable: bool = False) -> Rotation:
    """Re-encrypt with the newest key. What cannot be read stays, or is emptied and
    the account then waits for a new login."""
    rotated, unreadable = 0, {}
    for secret in stored_secrets():
        try:
            rotated += secret.replace(cipher().rotate(secret.ciphertext).decode())
        except InvalidToken:
            unreadable[secret.account_id] = secret.account
            if forget_unreadable:
                secret.replace("")
    if forget_unreadable:
        for account_id in unreadable:
            _ask_to_sign_in(account_id)
    return Rotation(rotated, list(unreadable.values()))


def _ask_to_sign_in(account_id: int) -> None:
    rows = Account.objects.filter(pk=account_id)
    rows.update(access_token_tail="", access_expires_at=None)
    told = "its secrets could not be read with the present keys and were emptied"
    block(rows, Account.Block.REJECTED, None, last_error=told)


@dataclass(frozen=True, slots=True)
class StoredSecret:
    account_id: int
    account: str
    field: str
    ciphertext: str

    def replace(self, ciphertext: str) -> int:
        """Only while it is still the same: a refresh may store a new one."""
        return (
            Account.objects.filter(pk=self.account_id)
            .annotate(stored=_as_stored(self.field))
            .filter(stored=self.ciphertext)
            .update(**{self.field: Value(ciphertext, output_field=TextField())})
        )


def stored_secrets(
    accounts: AccountQuerySet | None = None,
) -> Iterator[StoredSecret]:
    """Of these accounts, else of all."""
    accounts = Account.objects.all() if accounts is None else accounts
    for field in SECRETS:
        rows = accounts.exclude(**{field: ""}).in_order()
        stored = rows.annotate(stored=_as_stored(field))
        for pk, name, ciphertext in stored.values_list("pk", "name", "stored"):
            yield StoredSecret(pk, name, field, ciphertext)


def _as_stored(field: str) -> Combinable:
    return ExpressionWrapper(F(field), output_field=TextField())
