"""Form and model validators for what gets near a host name."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts import addresses, regions


def validate_region(text: str) -> None:
    if not regions.is_region(text):
        raise ValidationError(_("This is not a region. One looks like: us-east-1"))


def validate_profile_arn(text: str) -> None:
    if not regions.is_profile_arn(text):
        raise ValidationError(
            _(
                "This is not a profile ARN. One looks like: "
                "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGHIJKL"
            )
        )


def validate_token_endpoint(text: str) -> None:
    if not addresses.is_token_endpoint(text):
        raise ValidationError(_("This is not an https address."))


def validate_proxy_url(text: str) -> None:
    if not addresses.is_proxy_url(text):
        raise ValidationError(
            _(
                "This is not the address of a proxy. One looks like: "
                "http://user:password@proxy.example.com:3128; https and socks5 go too."
            )
        )
