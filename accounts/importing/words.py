"""Says what a plan is about, in the words of the page and of the command."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import backup
from accounts.backup import Record
from accounts.importing.files import Unusable
from accounts.importing.plan import MOST_ENTRIES, Fate, Line, Plan, Written
from accounts.models import Account


@dataclass(frozen=True, slots=True)
class Row:
    """A line as people read it; nothing of a secret is in it."""

    number: int
    fate: Fate
    place: str
    name: str
    kind: str
    region: str
    profile: str
    told: str


def row(line: Line) -> Row:
    item = line.item
    place = f"{item.file}: {item.number}" if item.number else item.file
    match item.found:
        case Unusable(fault, detail):
            told = f"{_(fault)}: {detail}" if detail else _(fault)
            return Row(line.number, line.fate, place, "", "", "", "", told)
        case found:
            return Row(
                number=line.number,
                fate=line.fate,
                place=place,
                name=found.name,
                kind=str(Account.Kinds(found.kind).label),
                region=found.region,
                profile=found.profile_arn.rpartition("/")[2],
                told=_fate(line),
            )


def _fate(line: Line) -> str:
    if line.fate == Fate.REPEATED:
        return _("the same as line %(line)s") % {"line": line.first}
    if line.account is None:
        return _("new")
    about = {"account": line.account.name}
    if line.fate == Fate.KNOWN:
        return _("known: %(account)s stays as it is") % about
    match line.item.found:
        case Record() as record if backup.login_is_older(record, line.account):
            return (
                _("known: %(account)s as in the backup, but it keeps its newer login")
                % about
            )
        case Record():
            return _("known: %(account)s as in the backup") % about
        case _entry:
            return (
                _("known: this replaces the login of %(account)s, which is dead")
                % about
            )


def counts(plan: Plan) -> str:
    """For instance: 2 new, 1 known. What there is none of is not named."""
    counted = ((fate, plan.count(fate)) for fate in Fate)
    return ", ".join(f"{count} {fate.label}" for fate, count in counted if count)


def refusal(plan: Plan) -> str:
    """Why nothing can be done; empty: something can."""
    if plan.too_many:
        told = _("These are more than %(most)s entries: nothing is done. Split them.")
        return told % {"most": f"{MOST_ENTRIES:,}"}
    if not plan.changes:
        return _("There is nothing to import.")
    return ""


def outcome(written: Written) -> str:
    added, replaced = len(written.added), len(written.replaced)
    told = ngettext("%(count)s account added", "%(count)s accounts added", added)
    words = told % {"count": added}
    if replaced:
        told = ngettext(
            "%(count)s account replaced", "%(count)s accounts replaced", replaced
        )
        words = f"{words}, {told % {'count': replaced}}"
    return f"{words}."
