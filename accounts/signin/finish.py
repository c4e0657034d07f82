"""The good end of a sign-in: the account that comes of it, written in the transaction
that ends the row, and then tried out."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db import transaction
from django.utils import timezone

from accounts import inspection
from accounts.answers import CallFailed
from accounts.intake import owner_of, replace_login, save_new
from accounts.login import Tokens
from accounts.models import Account, SignIn
from accounts.refresh import NotFresh
from accounts.regions import BUILDER_ID_PROFILE
from accounts.signin.rows import end, row_of
from kiro2api.database import in_database
from kiro2api.encryption import SecretUnreadable

logger = logging.getLogger(__name__)

WORKS = "works"


def may_finish(sign_in: SignIn) -> bool:
    """The person may have lost the right meanwhile."""
    right = "change" if sign_in.account_id else "add"
    return sign_in.begun_by.is_active and sign_in.begun_by.has_perm(
        f"accounts.{right}_account"
    )


@in_database
def store(sign_in: SignIn, tokens: Tokens) -> int | None:
    """The account's id; None if the sign-in came to nothing."""
    with transaction.atomic():
        if not may_finish(sign_in):
            end(row_of(sign_in), SignIn.State.FAILED, "not_allowed")
            return None
        again = sign_in.account_id
        owner = owner_of(tokens.refresh_token)
        if owner is not None and owner.pk != again:
            end(row_of(sign_in), SignIn.State.FAILED, f"known:{owner.name}")
            return None
        if not end(row_of(sign_in), SignIn.State.DONE):
            return None
        if again is None:
            account = _added(sign_in, tokens)
            row_of(sign_in).update(account=account)
            _note(sign_in, account, ADDITION, "Added by sign-in.")
        else:
            account = _renewed(sign_in, tokens, again)
            _note(sign_in, account, CHANGE, "Signed in again.")
            logger.info("account %s: signed in again (%s)", account, account.kind)
        return account.pk


def _login(sign_in: SignIn, tokens: Tokens) -> dict[str, Any]:
    """Client registration and refresh token belong together; what another kind of
    login had instead of them goes."""
    return {
        "api_key": "",
        "token_endpoint": "",
        "scopes": "",
        "kind": sign_in.kind,
        "refresh_token": tokens.refresh_token,
        "client_id": sign_in.client_id,
        "client_secret": sign_in.client_secret,
        "registration_expires_at": sign_in.registration_expires_at,
        "region": sign_in.region,
        "start_url": sign_in.start_url,
    }


def _access(tokens: Tokens) -> dict[str, Any]:
    return {
        "access_token": tokens.access_token,
        "access_token_tail": tokens.access_token[-4:],
        "access_expires_at": tokens.expires_at,
        "refreshed_at": timezone.now(),
    }


def _profile(sign_in: SignIn, tokens: Tokens) -> str:
    """Empty for an organisation: its profiles are asked for."""
    if sign_in.kind == Account.Kinds.BUILDER_ID:
        return BUILDER_ID_PROFILE
    return tokens.profile_arn


def _added(sign_in: SignIn, tokens: Tokens) -> Account:
    account = Account(
        name=sign_in.name,
        profile_arn=_profile(sign_in, tokens),
        proxy_url=sign_in.proxy_url,
        **_login(sign_in, tokens),
        **_access(tokens),
    )
    # Its refresh token was just looked for: it is nobody's.
    save_new(account, again=True)
    return account


def _renewed(sign_in: SignIn, tokens: Tokens, account_id: int) -> Account:
    account = Account.objects.get(pk=account_id)
    profile = _profile(sign_in, tokens)
    if (account.kind, account.start_url) == (sign_in.kind, sign_in.start_url):
        # The same organisation: a profile that a person has chosen stays.
        profile = profile or account.profile_arn
    replace_login(account_id, {**_login(sign_in, tokens), "profile_arn": profile})
    Account.objects.filter(pk=account_id).update(**_access(tokens))
    return Account.objects.get(pk=account_id)


def _note(sign_in: SignIn, account: Account, flag: int, message: str) -> None:
    LogEntry.objects.log_actions(
        sign_in.begun_by_id, [account], flag, message, single_object=True
    )


async def try_out(sign_in: SignIn, account_id: int) -> None:
    """Whether it works is told in the row: `WORKS`, or what the matter is. Renewing
    the token shows that the login lasts, and finds an organisation's profile."""
    try:
        await inspection.inspect(account_id)
        told = WORKS
    except (NotFresh, CallFailed, SecretUnreadable) as error:
        told = str(error)[:300]
    await _tell(sign_in, told)


@in_database
def _tell(sign_in: SignIn, told: str) -> None:
    row_of(sign_in).update(told=told)
