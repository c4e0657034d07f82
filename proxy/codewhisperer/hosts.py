"""Where an account's calls go, and under which id its hosts know a model."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings

from accounts.outcomes import Credential
from proxy.catalog import Model


def data_url(credential: Credential) -> str:
    """Where replies and searches come from."""
    match credential.endpoint:
        case "q":
            template = settings.KIRO_API_URL
        case "runtime":
            template = settings.KIRO_RUNTIME_URL
    url: str = template.replace("{region}", credential.region)
    return url


def as_known_to(model: Model, credential: Credential) -> Model:
    """The upper-case ids are the q hosts' own; the runtime hosts know a model by
    the id that the accounts' lists have."""
    if credential.endpoint == "q" or not model.listed_id:
        return model
    return replace(model, upstream_id=model.listed_id)
