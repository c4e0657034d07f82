"""Sends what there is to tell, each piece by one process.

Three tries, with pauses between them. A channel's news goes in its order; while its
first piece has to wait the others wait behind it.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import assert_never

from django.db.models import F, Q
from django.utils import timezone, translation

from dashboard.alerts import mail, results, webhook
from dashboard.alerts.events import News
from dashboard.alerts.results import Result
from dashboard.models import AlertChannel, OutgoingAlert
from kiro2api.database import in_database
from kiro2api.encryption import SecretUnreadable

logger = logging.getLogger(__name__)

AT_ONCE = 4
PAUSES = (timedelta(minutes=1), timedelta(minutes=5))
TRIES = len(PAUSES) + 1
# Longer than a try takes: then the process that made it has died.
SURELY_OVER = timedelta(minutes=1)
NO_NEWS_ANY_MORE = timedelta(days=1)


async def deliver() -> None:
    """All that is due."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(channel_id: int) -> None:
        async with turns:
            try:
                await _deliver_to(channel_id)
            except AlertChannel.DoesNotExist:
                pass  # it was deleted a moment ago, and its news with it
            except Exception:
                # Whatever it is, the others are told all the same.
                logger.exception("an alert channel fails")

    await asyncio.gather(*map(one, await _waiting()))


async def send(channel_id: int, news: News, at: datetime) -> Result:
    """One try, now; how it ended is kept with the channel."""
    try:
        channel = await in_database(AlertChannel.objects.with_secrets().get)(
            pk=channel_id
        )
    except SecretUnreadable:
        result: Result = "unreadable"
    else:
        with translation.override(channel.language):
            result = await _send(channel, news, at)
    await _note(channel_id, result)
    return result


async def _send(channel: AlertChannel, news: News, at: datetime) -> Result:
    kind = AlertChannel.Kinds(channel.kind)
    match kind:
        case AlertChannel.Kinds.WEBHOOK:
            return await webhook.post(channel, news, at)
        case AlertChannel.Kinds.EMAIL:
            return await mail.send(channel, news, at)
        case _:
            assert_never(kind)


async def _deliver_to(channel_id: int) -> None:
    while (alert := await _claim(channel_id)) is not None:
        result = await send(channel_id, News(**alert.news), alert.at)
        if results.is_sent(result):
            await in_database(alert.delete)()
        else:
            await _put_off(alert, result)
            return


@in_database
def _waiting() -> list[int]:
    """The channels that have something to send."""
    now = timezone.now()
    given_up = Q(tries__gte=TRIES, due_at__lte=now) | Q(at__lt=now - NO_NEWS_ANY_MORE)
    OutgoingAlert.objects.filter(given_up).delete()
    due = OutgoingAlert.objects.filter(due_at__lte=now, channel__enabled=True)
    return list(due.order_by().values_list("channel_id", flat=True).distinct())


@in_database
def _claim(channel_id: int) -> OutgoingAlert | None:
    """The channel's next piece of news, for this process alone."""
    now = timezone.now()
    alert = OutgoingAlert.objects.filter(channel=channel_id).order_by("pk").first()
    if alert is None or alert.due_at > now:
        return None
    unclaimed = OutgoingAlert.objects.filter(pk=alert.pk, due_at=alert.due_at)
    if not unclaimed.update(due_at=now + SURELY_OVER, tries=F("tries") + 1):
        return None
    alert.tries += 1
    return alert


@in_database
def _put_off(alert: OutgoingAlert, result: Result) -> None:
    logger.warning(
        "alert %s: try %d of %d failed: %s",
        alert.news["event"],
        alert.tries,
        TRIES,
        result,
    )
    if alert.tries >= TRIES:
        alert.delete()
        return
    due_at = timezone.now() + PAUSES[alert.tries - 1]
    OutgoingAlert.objects.filter(pk=alert.pk).update(due_at=due_at)


@in_database
def _note(channel_id: int, result: Result) -> None:
    AlertChannel.objects.filter(pk=channel_id).update(
        last_result=result, last_sent_at=timezone.now()
    )
