"""What the two auth services say when they refuse to give tokens.

OIDC says `{"error", "error_description"}` with the type in `x-amzn-errortype`; the
social service says `{"error", "message"}`; HTML comes from the edge before either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.eventstream import encode_payload
from simulator.faults import HttpAnswer


@dataclass(frozen=True, slots=True)
class AuthFault:
    status: int
    error: str
    type: str
    text: str
    members: Mapping[str, str] = field(default_factory=dict)
    html: bool = False
    drops: bool = False


class AuthRefused(Exception):
    def __init__(self, fault: AuthFault) -> None:
        super().__init__(fault.text)
        self.fault = fault


REFRESH_FAULTS: dict[str, AuthFault] = {
    "invalid_grant": AuthFault(
        400, "invalid_grant", "InvalidGrantException", "Invalid refresh token provided"
    ),
    "invalid_client": AuthFault(
        401, "invalid_client", "InvalidClientException", "Invalid client provided"
    ),
    "invalid_request": AuthFault(
        400, "invalid_request", "InvalidRequestException", "A parameter is missing"
    ),
    "unsupported_grant_type": AuthFault(
        400,
        "unsupported_grant_type",
        "UnsupportedGrantTypeException",
        "The grant type is not supported",
    ),
    "expired_token": AuthFault(
        400, "expired_token", "ExpiredTokenException", "The token has expired"
    ),
    "access_denied": AuthFault(
        400, "access_denied", "AccessDeniedException", "Access was denied"
    ),
    "authorization_pending": AuthFault(
        400,
        "authorization_pending",
        "AuthorizationPendingException",
        "The request has not been approved yet",
    ),
    "slow_down": AuthFault(
        400, "slow_down", "SlowDownException", "Polling too frequently"
    ),
    "wrong_region": AuthFault(
        400,
        "invalid_request",
        "InvalidRequestRegionException",
        "The registration belongs to another region",
        {
            "endpoint": "https://oidc.eu-central-1.amazonaws.com",
            "region": "eu-central-1",
        },
    ),
    "unauthorized": AuthFault(
        401, "unauthorized", "UnauthorizedException", "Bad credentials"
    ),
    "forbidden": AuthFault(
        403, "", "", "ERROR: The request could not be satisfied", html=True
    ),
    "throttled": AuthFault(
        429, "too_many_requests", "TooManyRequestsException", "Too many requests"
    ),
    "server_error": AuthFault(
        500, "server_error", "InternalServerException", "Internal server error"
    ),
    "unavailable": AuthFault(503, "", "", "Service Unavailable", html=True),
    "network": AuthFault(0, "", "", "connection reset", drops=True),
}


def write_auth_fault(fault: AuthFault, social: bool) -> HttpAnswer:
    if fault.html:
        headers = {"Content-Type": "text/html; charset=utf-8"}
        page = f"<html><body><h1>{fault.status} {fault.text}</h1></body></html>"
        return HttpAnswer(fault.status, headers, page.encode())
    headers = {"Content-Type": "application/json"}
    if social:
        body = {"error": fault.error, "message": fault.text}
    else:
        headers["x-amzn-errortype"] = fault.type
        body = {"error": fault.error, "error_description": fault.text}
    return HttpAnswer(fault.status, headers, encode_payload({**body, **fault.members}))
