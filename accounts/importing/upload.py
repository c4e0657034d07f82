"""Keeps what a person uploaded between the dry run and the import: encrypted, for
ten minutes, for nobody else."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from accounts.importing.files import Source
from accounts.models import Upload

KEPT = timedelta(minutes=10)


def keep(user: AbstractBaseUser, sources: Sequence[Source]) -> UUID:
    """In place of what the person uploaded before."""
    forget_old()
    Upload.objects.filter(uploaded_by_id=user.pk).delete()
    content = json.dumps(
        [[source.name, b64encode(source.content).decode()] for source in sources]
    )
    return Upload.objects.create(content=content, uploaded_by_id=user.pk).pk


def look(user: AbstractBaseUser, upload: UUID) -> list[Source] | None:
    """None: there is none (any more)."""
    kept = _of(user, upload).first()
    if kept is None:
        return None
    return [
        Source(name, b64decode(content)) for name, content in json.loads(kept.content)
    ]


def forget(user: AbstractBaseUser, upload: UUID) -> bool:
    """False: another was faster."""
    return _of(user, upload).delete()[0] > 0


def forget_old() -> int:
    """For the background worker."""
    old = timezone.now() - KEPT
    return Upload.objects.filter(uploaded_at__lte=old).delete()[0]


def _of(user: AbstractBaseUser, upload: UUID) -> QuerySet[Upload]:
    young = timezone.now() - KEPT
    return Upload.objects.filter(
        pk=upload, uploaded_by_id=user.pk, uploaded_at__gt=young
    )
