"""What a person saw of an account, and what others changed of it since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, TypeAlias

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import ExpressionWrapper, F, TextField

from accounts.models import Account, ImportedToken

FIELDS = (
    "name",
    "enabled",
    "max_concurrent",
    "requests_per_minute",
    "credit_floor",
    "region",
    "profile_arn",
    "endpoint",
)
COLUMNS = (*FIELDS, "served_models")

Seen: TypeAlias = Mapping[str, Any]


def as_seen(account: Account) -> dict[str, Any]:
    """All that a person can change, by field of the form, as JSON has it. Of secrets:
    whether it is still the same one that a person put there."""
    logins = ImportedToken.objects.filter(account=account)
    return {
        **{name: getattr(account, name) for name in FIELDS},
        "groups": sorted(account.groups.values_list("pk", flat=True)),
        "served_models": sorted(account.served_models),
        "new_refresh_token": logins.count(),
        "new_proxy_url": _proxy_fingerprint(account),
        "deed": _deeds(account).order_by("-pk").values_list("pk", flat=True).first(),
    }


def read(text: str) -> Seen | None:
    """What a form brought back; None: it is none of ours."""
    try:
        seen = json.loads(text)
    except ValueError:
        return None
    return seen if isinstance(seen, dict) else None


def changed_by_others(seen: Seen, now: Seen) -> list[str]:
    """The fields that are not as they were seen."""
    return [name for name in now if name != "deed" and seen.get(name) != now[name]]


def who(account: Account, seen: Seen) -> list[str]:
    """Those who did something to the account since then, in the admin."""
    deed = seen.get("deed")
    deeds = _deeds(account).filter(pk__gt=deed if isinstance(deed, int) else 0)
    names = deeds.order_by("user__username").values_list("user__username", flat=True)
    return list(names.distinct())


def _deeds(account: Account) -> Any:
    kind = ContentType.objects.get_for_model(Account)
    return LogEntry.objects.filter(content_type=kind, object_id=str(account.pk))


def _proxy_fingerprint(account: Account) -> str:
    """Of the ciphertext, which is another one each time it is written."""
    stored = ExpressionWrapper(F("proxy_url"), output_field=TextField())
    rows = Account.objects.filter(pk=account.pk).annotate(stored=stored)
    ciphertext = rows.values_list("stored", flat=True).first()
    return sha256(ciphertext.encode()).hexdigest()[:16] if ciphertext else ""
