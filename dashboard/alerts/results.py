"""How the sending of an alert ended: a code, as the channel's row keeps it, and what
a person is told of it. Never anything of what the other side wrote."""

from __future__ import annotations

import ssl
from typing import Literal, TypeAlias

from django.utils.translation import gettext as _

Why: TypeAlias = Literal[
    "sent", "timeout", "unreachable", "certificate", "unreadable", "not_set_up"
]
Result: TypeAlias = str
"""A Why, or one of them with what the other side answered: `status:404`."""


def status(code: int) -> Result:
    return f"status:{code}"


def refused(code: object) -> Result:
    """A robot of a chat answers 200 and says in the body that it did not like it."""
    return f"refused:{code}"[:40]


def mail(code: int) -> Result:
    """An answer of the mail server that means no."""
    return f"mail:{code}"


def is_sent(result: Result) -> bool:
    return result == "sent" or result.startswith("status:2")


def of_fault(error: BaseException | None) -> Why:
    """Of what a connection has raised, and what was beneath it."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "certificate"
        error = error.__cause__ or error.__context__
    return "unreachable"


def words(result: Result) -> str:
    what, _colon, code = result.partition(":")
    told = {
        "sent": _("sent"),
        "timeout": _("no answer in time"),
        "unreachable": _("cannot be reached"),
        "certificate": _("its certificate is not trusted"),
        "unreadable": _("no encryption key opens its address"),
        "not_set_up": _("EMAIL_URL is not set"),
        "status": _("the answer was %(code)s"),
        "refused": _("refused with code %(code)s"),
        "mail": _("the mail server answered %(code)s"),
    }
    return told[what] % {"code": code}
