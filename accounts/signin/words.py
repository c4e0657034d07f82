"""What a sign-in tells a person: what the matter is, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Of a sign-in that did not begin, or has ended.
TROUBLE: dict[str, StrOrPromise] = {
    "away": gettext_lazy(
        "The sign-in service cannot be reached. Try again in a moment; if it stays so, "
        "see whether this server may connect to it."
    ),
    "slow_down": gettext_lazy(
        "The sign-in service says slow down. Wait a minute, then start again."
    ),
    "expired": gettext_lazy("The time is over. Start again for a new code."),
    "denied": gettext_lazy(
        "The sign-in was denied in the browser. Start again if that was a mistake."
    ),
    "region": gettext_lazy(
        "The organisation's sign-in is in another region. Ask for its name, then start "
        "again with that one."
    ),
    "refused": gettext_lazy(
        "The sign-in service does not accept this. For an organisation, see whether "
        "the start URL and the region are right; then start again."
    ),
    "not_allowed": gettext_lazy(
        "You may no longer do this. Ask somebody who keeps the accounts."
    ),
    "unreadable": gettext_lazy(
        "No encryption key opens what was kept of this sign-in. Start again."
    ),
    "proxy": gettext_lazy(
        "The account's outbound proxy cannot be reached. See whether it runs and its "
        "address is right; then start again."
    ),
    "too_many": gettext_lazy(
        "Too many sign-ins of yours are waiting. Finish one of them, or wait until "
        "their time is over."
    ),
    "proxy_unreadable": gettext_lazy(
        "No encryption key opens the account's outbound proxy. Enter it again first."
    ),
}
# Of one that goes on.
WAITING: dict[str, StrOrPromise] = {
    "": gettext_lazy("Waiting for you"),
    "away": gettext_lazy("The sign-in service does not answer just now; still trying"),
    "proxy": gettext_lazy(
        "The account's outbound proxy cannot be reached; still trying"
    ),
}
PASTED: dict[str, StrOrPromise] = {
    "other": gettext_lazy(
        "This is not the address on which the sign-in ends. It begins with "
        "http://localhost:3128/ and is long: copy all of it."
    ),
    "state": gettext_lazy(
        "This address is of another sign-in. Open the link of this page, sign in, and "
        "paste the address on which that ends."
    ),
    "option": gettext_lazy(
        "This was not a sign-in with Google or GitHub. Start again and choose "
        "Builder ID or your organisation."
    ),
}


def trouble(why: str, detail: str = "") -> str:
    match why:
        case "region" if detail:
            return _(
                "The organisation's sign-in is in another region, %(region)s. Start "
                "again with that one."
            ) % {"region": detail}
        case "known":
            return _(
                "This login belongs to the account %(name)s already. Sign in there "
                "again, or start again as somebody else."
            ) % {"name": detail}
        case _:
            return str(TROUBLE[why])
