"""Alerts as e-mail, by the server that EMAIL_URL names."""

from __future__ import annotations

import asyncio
import smtplib
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage

from dashboard.alerts import results, words
from dashboard.alerts.events import News
from dashboard.alerts.results import Result
from dashboard.models import AlertChannel

# Of the whole talk with the server; each of its answers has settings.EMAIL_TIMEOUT.
SECONDS = 30.0


async def send(channel: AlertChannel, news: News, at: datetime) -> Result:
    if not settings.ALERT_FROM:
        return "not_set_up"
    message = _message(channel.email, news, at)
    try:
        async with asyncio.timeout(SECONDS):
            await asyncio.to_thread(message.send)
    except TimeoutError:
        return "timeout"
    except smtplib.SMTPResponseException as error:
        return results.mail(error.smtp_code)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _said in error.recipients.values()]
        return results.mail(codes[0])
    except (OSError, smtplib.SMTPException) as error:
        return results.of_fault(error)
    return "sent"


def _message(address: str, news: News, at: datetime) -> EmailMessage:
    told = words.told(news)
    lines = [told.text, f"{at:%Y-%m-%d %H:%M} UTC", words.link(news)]
    return EmailMessage(
        # A name may have got a line break into it.
        " ".join(f"kiro2api: {told.title}".split()),
        "\n\n".join(filter(None, lines)) + "\n",
        settings.ALERT_FROM,
        [address],
        headers={"Auto-Submitted": "auto-generated"},
    )
