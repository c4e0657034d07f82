"""Which model a client's name means in this installation."""

from __future__ import annotations

from django.conf import settings

from proxy import catalog


def model_for(name: str) -> catalog.Model:
    """Raises ModelUnknown."""
    wanted = settings.MODEL_ALIASES.get(name, name)
    return catalog.resolve(wanted, settings.MODEL_FAMILY_FALLBACK)
