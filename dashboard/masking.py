"""E-mail addresses as anybody may see them, masked as the original masks them."""

from __future__ import annotations

KEPT = 2


def mask_email(email: str) -> str:
    """Two characters at each end of the user part, the last label of the domain,
    or the last two of three and more."""
    user, at, domain = email.partition("@")
    return _mask_user(user) + at + _mask_domain(domain)


def _mask_user(user: str) -> str:
    if len(user) <= 2 * KEPT:
        return "*" * len(user)
    return user[:KEPT] + "*" * (len(user) - 2 * KEPT) + user[-KEPT:]


def _mask_domain(domain: str) -> str:
    labels = domain.split(".")
    shown = min(len(labels) - 1, 2 if len(labels) > 2 else 1)
    hidden = len(labels) - shown
    return ".".join("*" * len(label) for label in labels[:hidden]) + "".join(
        f".{label}" for label in labels[hidden:]
    )
