"""EncryptedTextField: text that is ciphertext in the database and nowhere else.

Encrypted with the newest of SECRET_ENCRYPTION_KEYS, read with any of them. A
value that none of them opens raises SecretUnreadable: ciphertext never passes
for a secret. The empty string stays empty, so that "is it set" is a plain query.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class SecretUnreadable(Exception):
    """A stored secret that no key in SECRET_ENCRYPTION_KEYS opens."""


def cipher() -> MultiFernet:
    return _cipher(tuple(settings.SECRET_ENCRYPTION_KEYS))


@lru_cache(maxsize=8)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("SECRET_ENCRYPTION_KEYS is empty.")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "SECRET_ENCRYPTION_KEYS: one of them is not a Fernet key."
        ) from error


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    def from_db_value(
        self, value: str | None, expression: object, connection: BaseDatabaseWrapper
    ) -> str | None:
        if not value:
            return value
        try:
            return cipher().decrypt(value).decode()
        except InvalidToken as error:
            # The cause names nothing: not the value, not the keys.
            raise SecretUnreadable(
                f"{self.model.__name__}.{self.attname} cannot be read: "
                "none of SECRET_ENCRYPTION_KEYS opens it."
            ) from error

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        prepared = super().get_db_prep_save(value, connection)
        if not prepared or not isinstance(prepared, str):
            return prepared  # empty, or an expression
        return cipher().encrypt(prepared.encode()).decode()
