"""What may be formatted into a host name: regions and profile ARNs."""

from __future__ import annotations

import re

DEFAULT_REGION = "us-east-1"

REGION = re.compile(r"[a-z]{2,4}(-[a-z]{2,12}){1,2}-[0-9]{1,2}")
PROFILE_ARN = re.compile(
    r"arn:aws:(codewhisperer|transform):(?P<region>[-.a-z0-9]{1,63})"
    r":[0-9]{12}:profile/[a-zA-Z0-9]{12}"
)

# Where everybody with a Builder ID signs in.
BUILDER_ID_START = "https://view.awsapps.com/start"
# Every Builder ID account uses this one; the service lists none for them.
BUILDER_ID_PROFILE = "arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX"
# Where a profile of an organisation may live.
PROFILE_REGIONS = ("us-east-1", "eu-central-1")


def is_region(text: str) -> bool:
    return REGION.fullmatch(text) is not None


def is_profile_arn(text: str) -> bool:
    match = PROFILE_ARN.fullmatch(text)
    return match is not None and is_region(match["region"])


def data_region(profile_arn: str) -> str:
    """The region of the data plane: the profile's, not the identity provider's."""
    return profile_arn.split(":")[3] if is_profile_arn(profile_arn) else DEFAULT_REGION
