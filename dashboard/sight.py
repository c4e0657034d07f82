"""How much of the whole somebody gets to see."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin

from clients.reports import Choice


@dataclass(frozen=True, slots=True)
class Sight:
    person: int | None = None
    """None: nobody is logged in."""
    accounts: bool = False
    """Their names, and what is wrong with them."""
    everybody: bool = False
    """What all people use; else only what the person does."""

    def narrow(self, choice: Choice) -> Choice:
        """What of it may be seen."""
        if self.everybody:
            return choice
        assert self.person, "nobody is logged in"
        return replace(choice, owner_id=self.person, account_id=None)


def sight_of(user: AbstractBaseUser | AnonymousUser) -> Sight:
    """Reads the session, if nothing has, and rights: in a thread for that."""
    if not user.is_authenticated:
        return Sight()
    assert isinstance(user, PermissionsMixin), "Django's own, or one like it"
    return Sight(
        user.pk,
        accounts=user.has_perm("accounts.view_account"),
        everybody=user.has_perm("clients.view_usagerecord"),
    )
