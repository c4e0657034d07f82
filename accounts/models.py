"""Accounts: the one place where the truth about the pool is kept.

Rows are read without their secrets unless these are asked for, so that accounts
whose secrets cannot be read can still be listed and named.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Count, Exists, F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import regions
from accounts.login import Login
from accounts.outcomes import Credential, Endpoint, Kind, Need
from accounts.validators import validate_profile_arn, validate_region
from kiro2api.encryption import EncryptedTextField

SECRETS = (
    "refresh_token",
    "access_token",
    "client_id",
    "client_secret",
    "api_key",
    "proxy_url",
)
# What a call to the service needs of them.
CALLING = ("access_token", "api_key", "proxy_url")

# AWS's own client renews a token in the last minute of its life.
STALE_BEFORE = timedelta(seconds=60)
USAGE_EVERY = timedelta(minutes=5)

# A new account gets its first requests one after the other.
WARM_UP_REQUESTS = 20
JUST_BEGUN = timedelta(seconds=5)
# A request that nobody has told the end of is taken as over by then.
SURELY_OVER = timedelta(minutes=5)

MINUTE = timedelta(minutes=1)

# Read along only when asked for: too much for the rows of a page or a request.
DEFERRED = (*SECRETS, "offered_models")


class AccountQuerySet(models.QuerySet["Account"]):
    def usable(self, now: datetime) -> AccountQuerySet:
        """Enabled, not blocked or healed by time, and above its floor of credits."""
        above_floor = (
            Q(credit_floor__lte=0)
            | Q(available=None)
            | Q(available__gt=F("credit_floor"))
            | Q(resets_at__lte=now)
        )
        return self._not_blocked(now).filter(above_floor)

    def at_floor(self, now: datetime) -> AccountQuerySet:
        """Left alone for the few credits they have, and for that alone."""
        low = Q(credit_floor__gt=0, available__lte=F("credit_floor"))
        to_reset = Q(resets_at=None) | Q(resets_at__gt=now)
        return self._not_blocked(now).filter(low, to_reset)

    def _not_blocked(self, now: datetime) -> AccountQuerySet:
        healed = Q(blocked_reason="") | Q(blocked_until__lte=now)
        return self.filter(healed, enabled=True)

    def fresh(self, now: datetime) -> AccountQuerySet:
        """With an access token that is good for a while yet, or an API key."""
        return self.filter(
            Q(kind=Account.Kinds.API_KEY) | Q(access_expires_at__gt=now + STALE_BEFORE)
        )

    def in_service(self) -> AccountQuerySet:
        """Usable, or so again by the mere passing of time."""
        return self.filter(
            Q(blocked_reason="") | Q(blocked_until__isnull=False), enabled=True
        )

    def serving(self, need: Need) -> AccountQuerySet:
        return self.in_group(need.group).offering(need.model)

    def in_group(self, name: str) -> AccountQuerySet:
        """Empty: those that are in no group."""
        memberships = Account.groups.through.objects.filter(account=OuterRef("pk"))
        if not name:
            return self.filter(~Exists(memberships))
        return self.filter(Exists(memberships.filter(accountgroup__name=name)))

    def offering(self, model_id: str) -> AccountQuerySet:
        """Those that list the model or have not been asked yet, and are meant to
        serve it; "" is on no list."""
        if not model_id:
            return self
        return self.filter(
            Q(models_read_at=None) | Q(offered_models__has_key=model_id),
            Q(served_models={}) | Q(served_models__has_key=model_id),
        )

    def with_room(self, now: datetime) -> AccountQuerySet:
        """Below their limits. Slots are counted only for accounts that have one."""
        slots = Slot.objects.filter(account=OuterRef("pk")).order_by()
        running = slots.filter(released=False, until__gt=now)
        begun = slots.filter(taken_at__gt=now - MINUTE)
        return self.filter(
            Q(max_concurrent=None) | Q(max_concurrent__gt=_count(running)),
            Q(requests_per_minute=None) | Q(requests_per_minute__gt=_count(begun)),
        )

    def warm(self, now: datetime) -> AccountQuerySet:
        """But for new accounts that have a request running, or just begun."""
        over = Q(chosen_at__lte=now - JUST_BEGUN, last_used_at__gte=F("chosen_at"))
        return self.filter(
            Q(requests__gte=WARM_UP_REQUESTS)
            | Q(chosen_at=None)
            | Q(chosen_at__lte=now - SURELY_OVER)
            | over
        )

    def with_status(self, status: str, now: datetime) -> AccountQuerySet:
        if status == Account.Status.DISABLED:
            return self.filter(enabled=False)
        if status == Account.Status.READY:
            return self.usable(now)
        if status == Account.Status.AT_FLOOR:
            return self.at_floor(now)
        reasons = [block for block, of in _STATUS_OF_BLOCK.items() if of == status]
        blocked = self.filter(enabled=True, blocked_reason__in=reasons)
        return blocked.exclude(blocked_until__lte=now)

    def in_order(self) -> AccountQuerySet:
        return self.order_by("position", "pk")

    def by_share(self) -> AccountQuerySet:
        """Who has done least comes first."""
        return self.order_by("share", "position", "pk")

    def with_secrets(self, *names: str) -> AccountQuerySet:
        """Secrets come along: those named, else all."""
        unasked = [name for name in SECRETS if names and name not in names]
        return self.defer(None).defer(*unasked, "offered_models")

    def next_position(self) -> int:
        last: int | None = self.aggregate(last=Max("position"))["last"]
        return 0 if last is None else last + 1


def _count(slots: models.QuerySet[Slot]) -> Coalesce:
    counted = slots.values("account").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), 0)


_Manager = models.Manager.from_queryset(AccountQuerySet)


class AccountManager(_Manager["Account"]):
    def get_queryset(self) -> AccountQuerySet:
        return AccountQuerySet(self.model, using=self._db).defer(*DEFERRED)


class PoolSettings(models.Model):
    """How the pool chooses; one row, which the first migration makes."""

    class Strategy(models.TextChoices):
        SEQUENTIAL = "sequential", _("in order: the first account until it is out")
        LEAST_USED = "least_used", _("the account that was used least")
        ROUND_ROBIN = "round_robin", _("in turn")

    strategy = models.CharField(
        _("strategy"), max_length=20, choices=Strategy, default=Strategy.SEQUENTIAL
    )

    class Meta:
        verbose_name = _("choice of accounts")
        verbose_name_plural = _("choice of accounts")

    def __str__(self) -> str:
        return str(self.Strategy(self.strategy).label)


class AccountGroup(models.Model):
    """Accounts kept for the client keys that name the group."""

    name = models.CharField(_("name"), max_length=50, unique=True)

    class Meta:
        verbose_name = _("account group")
        verbose_name_plural = _("account groups")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """One Kiro login."""

    class Kinds(models.TextChoices):
        SOCIAL = "social", _("Social")
        IDC = "idc", _("IdC")
        BUILDER_ID = "builder_id", _("Builder ID")
        API_KEY = "api_key", _("API key")
        EXTERNAL_IDP = "external_idp", _("external identity provider")

    class Endpoints(models.TextChoices):
        Q = "q", _("Amazon Q")
        RUNTIME = "runtime", _("Kiro runtime")

    class Block(models.TextChoices):
        """Why an account may not be used. Those above the line heal by time."""

        QUOTA = "quota", _("out of credits")
        THROTTLED = "throttled", _("told to slow down")
        TOKEN = "token", _("new access token refused")
        SIGN_IN_AWAY = "sign_in_away", _("the sign-in service did not renew it")
        # ----
        REJECTED = "rejected", _("sign in again: the refresh token is dead")
        SUSPENDED = "suspended", _("suspended by the service")
        PROFILE = "profile", _("not permitted: wrong profile or region")
        APPLICATION = "application", _("subscription does not cover this use")
        FEATURE = "feature", _("feature not available to this account")

    class Status(models.TextChoices):
        READY = "ready", _("ready")
        EXHAUSTED = "exhausted", _("out of credits")
        AT_FLOOR = "at_floor", _("at its floor")
        COOLING = "cooling", _("pausing")
        REJECTED = "rejected", _("sign in again")
        SUSPENDED = "suspended", _("suspended")
        FORBIDDEN = "forbidden", _("not permitted")
        DISABLED = "disabled", _("disabled")

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(
        _("kind"), max_length=20, choices=Kinds, default=Kinds.SOCIAL
    )
    position = models.PositiveIntegerField(
        _("position"), default=0, help_text=_("Accounts are used in this order.")
    )
    enabled = models.BooleanField(_("enabled"), default=True)

    refresh_token = EncryptedTextField(_("refresh token"), blank=True)
    access_token = EncryptedTextField(blank=True, editable=False)
    client_id = EncryptedTextField(_("client id"), blank=True)
    client_secret = EncryptedTextField(_("client secret"), blank=True)
    api_key = EncryptedTextField(_("API key"), blank=True)
    # Of an external identity provider; always https.
    token_endpoint = models.CharField(_("token endpoint"), max_length=300, blank=True)
    scopes = models.CharField(_("scopes"), max_length=500, blank=True)
    # Of IdC and Builder ID: where a person signs in, and how long that will do.
    start_url = models.CharField(_("start URL"), max_length=200, blank=True)
    registration_expires_at = models.DateTimeField(
        _("client registration expires"), null=True, blank=True
    )
    access_token_tail = models.CharField(max_length=4, blank=True, editable=False)
    access_expires_at = models.DateTimeField(_("token expires"), null=True, blank=True)
    refreshed_at = models.DateTimeField(_("token renewed"), null=True, blank=True)
    # Counts the logins and tokens this row has had: whoever holds an older one
    # must not change what belongs to the newer.
    token_version = models.PositiveIntegerField(default=0, editable=False)
    refusals = models.PositiveSmallIntegerField(default=0, editable=False)

    profile_arn = models.CharField(
        _("profile ARN"), max_length=200, blank=True, validators=[validate_profile_arn]
    )
    region = models.CharField(
        _("region"),
        max_length=30,
        default=regions.DEFAULT_REGION,
        validators=[validate_region],
        help_text=_("Of the sign-in service."),
    )

    endpoint = models.CharField(
        _("endpoint"), max_length=10, choices=Endpoints, default=Endpoints.Q
    )
    proxy_url = EncryptedTextField(
        _("outbound proxy"),
        blank=True,
        help_text=_("http://, https:// or socks5://, with user and password if any."),
    )

    # What it is used for, and how much.
    groups = models.ManyToManyField(
        AccountGroup, verbose_name=_("groups"), blank=True, related_name="accounts"
    )
    # A set of listed ids, as keys: both databases can look for one. Empty: all.
    served_models = models.JSONField(_("models served"), default=dict, blank=True)
    max_concurrent = models.PositiveSmallIntegerField(
        _("requests at once"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    requests_per_minute = models.PositiveSmallIntegerField(
        _("requests per minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
    )
    credit_floor = models.FloatField(
        _("credits left alone"),
        default=0.0,
        validators=[MinValueValidator(0.0)],
        help_text=_("With no more credits left than these it is not used."),
    )

    blocked_reason = models.CharField(
        _("blocked"), max_length=20, choices=Block, blank=True
    )
    blocked_since = models.DateTimeField(_("blocked since"), null=True, blank=True)
    # Empty with a reason: until a person helps.
    blocked_until = models.DateTimeField(_("blocked until"), null=True, blank=True)

    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    plan = models.CharField(_("plan"), max_length=100, blank=True)
    credits_limit = models.FloatField(_("credits"), null=True, blank=True)
    credits_used = models.FloatField(_("credits used"), null=True, blank=True)
    available = models.FloatField(_("credits left"), null=True, blank=True)
    # Plan, trial, bonuses and overage, one entry each (usage.Source).
    credit_sources = models.JSONField(default=list, blank=True, editable=False)
    resets_at = models.DateTimeField(_("credits reset"), null=True, blank=True)
    usage_read_at = models.DateTimeField(_("usage read"), null=True, blank=True)
    usage_asked_at = models.DateTimeField(null=True, blank=True, editable=False)

    # By id, what the service says of each (ModelLimits); empty until it was asked.
    offered_models = models.JSONField(_("models"), default=dict, blank=True)
    models_read_at = models.DateTimeField(_("models read"), null=True, blank=True)
    models_asked_at = models.DateTimeField(null=True, blank=True, editable=False)

    requests = models.PositiveBigIntegerField(_("requests"), default=0)
    failures = models.PositiveBigIntegerField(_("failures"), default=0)
    credits_spent = models.FloatField(_("credits spent here"), default=0.0)
    # What the strategies go by: when it was chosen last, and its share of the work,
    # which follows that of the others for whoever was not there.
    chosen_at = models.DateTimeField(null=True, blank=True, editable=False)
    share = models.FloatField(default=0.0, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
    last_error_at = models.DateTimeField(_("last error at"), null=True, blank=True)

    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease_owner = models.CharField(max_length=32, blank=True, editable=False)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = AccountManager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["position", "pk"]
        permissions = [("export_account", "Can download a backup of all accounts")]
        indexes = [
            models.Index(
                name="account_in_order",
                fields=["position", "id"],
                condition=Q(enabled=True),
            ),
            models.Index(
                name="account_by_share",
                fields=["share", "position", "id"],
                condition=Q(enabled=True),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="account_blocked_has_reason",
                condition=Q(blocked_until=None) | ~Q(blocked_reason=""),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def blocked(self) -> bool:
        healed = self.blocked_until is not None and self.blocked_until <= timezone.now()
        return self.blocked_reason != "" and not healed

    @property
    def healed_by(self) -> Literal["", "time", "person"]:
        if not self.blocked:
            return ""
        return "person" if self.blocked_until is None else "time"

    @property
    def at_floor(self) -> bool:
        """So few credits are left that it is left alone, until there are new ones."""
        if self.credit_floor <= 0 or self.available is None:
            return False
        renewed = self.resets_at is not None and self.resets_at <= timezone.now()
        return self.available <= self.credit_floor and not renewed

    @property
    def limited(self) -> bool:
        return self.max_concurrent is not None or self.requests_per_minute is not None

    @property
    def status(self) -> Status:
        if not self.enabled:
            return self.Status.DISABLED
        if not self.blocked and self.at_floor:
            return self.Status.AT_FLOOR
        return _STATUS_OF_BLOCK[self.blocked_reason if self.blocked else ""]

    @property
    def fresh(self) -> bool:
        if self.kind == self.Kinds.API_KEY:
            return True
        expires = self.access_expires_at
        return expires is not None and expires > timezone.now() + STALE_BEFORE

    @property
    def usage_due(self) -> bool:
        asked = self.usage_asked_at
        return asked is None or asked <= timezone.now() - USAGE_EVERY

    def credential(self) -> Credential:
        return Credential(
            account_id=self.pk,
            account=self.name,
            kind=_KINDS[self.kind],
            access_token=self._bearer,
            profile_arn=self.profile_arn,
            region=self._data_region,
            endpoint=_ENDPOINTS[self.endpoint],
            proxy_url=self.proxy_url,
            token_version=self.token_version,
            usage_due=self.usage_due,
            credit_floor=self.credit_floor,
        )

    @property
    def _bearer(self) -> str:
        if self.kind == self.Kinds.API_KEY:
            return str(self.api_key)
        return str(self.access_token)

    @property
    def _data_region(self) -> str:
        """Without a sign-in service, an API key's region is that of its calls."""
        if self.kind == self.Kinds.API_KEY and not self.profile_arn:
            return self.region
        return regions.data_region(self.profile_arn)

    def login(self) -> Login:
        return Login(
            kind=_KINDS[self.kind],
            refresh_token=self.refresh_token,
            client_id=self.client_id,
            client_secret=self.client_secret,
            region=self.region,
            token_endpoint=self.token_endpoint,
            scopes=self.scopes,
            registration_expires_at=self.registration_expires_at,
            proxy_url=self.proxy_url,
        )


_KINDS: dict[str, Kind] = {
    "social": "social",
    "idc": "idc",
    "builder_id": "builder_id",
    "api_key": "api_key",
    "external_idp": "external_idp",
}
_ENDPOINTS: dict[str, Endpoint] = {"q": "q", "runtime": "runtime"}

_STATUS_OF_BLOCK = {
    "": Account.Status.READY,
    Account.Block.QUOTA: Account.Status.EXHAUSTED,
    Account.Block.THROTTLED: Account.Status.COOLING,
    Account.Block.TOKEN: Account.Status.COOLING,
    Account.Block.SIGN_IN_AWAY: Account.Status.COOLING,
    Account.Block.REJECTED: Account.Status.REJECTED,
    Account.Block.SUSPENDED: Account.Status.SUSPENDED,
    Account.Block.PROFILE: Account.Status.FORBIDDEN,
    Account.Block.APPLICATION: Account.Status.FORBIDDEN,
    Account.Block.FEATURE: Account.Status.FORBIDDEN,
}


class ImportedToken(models.Model):
    """The SHA-256 of a refresh token as it was first imported.

    It outlives the account: what was deleted does not come back with the next
    start, and what was rotated since is still known.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    account = models.ForeignKey(
        Account, models.SET_NULL, null=True, related_name="imported_tokens"
    )
    imported_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:8]


class Slot(models.Model):
    """One request on an account that takes only so many at once or a minute."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="slots")
    taken_at = models.DateTimeField()
    # A killed process gives nothing back: then time does.
    until = models.DateTimeField()
    released = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(name="slot_of_account", fields=["account", "taken_at"])]

    def __str__(self) -> str:
        return f"{self.account_id} {self.taken_at:%H:%M:%S}"


class SessionHome(models.Model):
    """The account that a session's requests have met, so that upstream's cache of
    the conversation is found again."""

    session = models.CharField(max_length=64, primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE)
    used_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.session


class SignIn(models.Model):
    """A sign-in that a person began in the admin, and that ends by itself."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for you")
        DONE = "done", _("signed in")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Account.Kinds)
    # Signing in again; empty: a new account of this name.
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True)
    name = models.CharField(max_length=100, blank=True)
    region = models.CharField(max_length=30, default=regions.DEFAULT_REGION)
    start_url = models.CharField(max_length=200, blank=True)
    # Of a social sign-in by code: Google or Github.
    provider = models.CharField(max_length=10, blank=True)
    proxy_url = EncryptedTextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    told = models.CharField(max_length=300, blank=True)

    client_id = EncryptedTextField(blank=True)
    client_secret = EncryptedTextField(blank=True)
    registration_expires_at = models.DateTimeField(null=True, blank=True)
    device_code = EncryptedTextField(blank=True)
    code_verifier = EncryptedTextField(blank=True)
    # What comes back in the address must be what we sent.
    nonce = models.CharField(max_length=64, blank=True)
    user_code = models.CharField(max_length=40, blank=True)
    link = models.CharField(max_length=2000, blank=True)
    interval = models.PositiveSmallIntegerField(default=5)
    asked_at = models.DateTimeField(null=True, blank=True)

    begun_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+"
    )
    begun_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Upload(models.Model):
    """A file of credentials between its dry run and its import."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    content = EncryptedTextField()
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+"
    )
    uploaded_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.uploaded_at:%H:%M}"
