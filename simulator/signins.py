"""What the auth services remember between the steps of a sign-in."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Literal

from simulator.accounts import Kind
from simulator.recent import Recent

REGISTRATION_SECONDS = 90 * 24 * 3600
DEVICE_SECONDS = 600
POLL_SECONDS = 1

Answer = Literal["pending", "approved", "denied", "expired"]


class NoSuchDevice(LookupError):
    pass


@dataclass(slots=True)
class Device:
    user_code: str
    kind: Kind
    """Of the accounts that may sign in with it."""
    answer: Answer = "pending"
    account: str = ""
    expires: float = field(default_factory=lambda: time.time() + DEVICE_SECONDS)

    def status(self) -> Answer:
        return "expired" if self.expires < time.time() else self.answer


@dataclass(frozen=True, slots=True)
class Ticket:
    """An authorization code: once, for this redirect, with this verifier."""

    account: str
    redirect_uri: str
    challenge: str


@dataclass(slots=True)
class SignIns:
    clients: Recent[str, str] = field(default_factory=Recent)
    """Registered client ids with their secrets."""
    devices: Recent[str, Device] = field(default_factory=Recent)
    """By device code."""
    tickets: Recent[str, Ticket] = field(default_factory=Recent)
    as_account: str | None = None

    def register(self) -> tuple[str, str]:
        client_id = f"registered-{secrets.token_urlsafe(16)}"
        self.clients[client_id] = secrets.token_urlsafe(48)
        return client_id, self.clients[client_id]

    def begin_device(self, kind: Kind) -> tuple[str, Device]:
        code = secrets.token_urlsafe(32)
        letters = secrets.token_hex(4).upper()
        self.devices[code] = Device(f"{letters[:4]}-{letters[4:]}", kind)
        return code, self.devices[code]

    def shown_as(self, user_code: str) -> Device:
        for device in self.devices.values():
            if device.user_code == user_code:
                return device
        raise NoSuchDevice(user_code)

    def decide(self, user_code: str, answer: Answer, account: str = "") -> None:
        device = self.shown_as(user_code)
        device.answer, device.account = answer, account
