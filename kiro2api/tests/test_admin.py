"""The admin's pages open, and show people what is theirs to see."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

PAGES = (
    "admin:index",
    "admin:accounts_account_changelist",
    "admin:accounts_account_add",
    "admin:accounts_accountgroup_changelist",
    "admin:accounts_accountgroup_add",
    "admin:clients_apikey_changelist",
    "admin:clients_apikey_add",
    "admin:dashboard_alertchannel_changelist",
    "admin:dashboard_alertchannel_add",
    "admin:auth_user_changelist",
    "admin:auth_user_add",
    "admin:auth_group_changelist",
    "admin:auth_group_add",
    "admin:admin_logentry_changelist",
)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_for_an_administrator(admin_client: Client, page: str):
    answer = admin_client.get(reverse(page))
    assert answer.status_code == 200
    assert "kiro2api" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_no_page_opens_for_nobody(client: Client, page: str):
    answer = client.get(reverse(page))
    assert answer.status_code == 302
    assert answer["location"].startswith(reverse("admin:login"))


@pytest.mark.django_db
def test_the_side_bar_leads_where_a_person_may_go(client: Client):
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_account"))
    client.force_login(person)
    page = client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:accounts_account_changelist") in page
    assert reverse("admin:auth_user_changelist") not in page


def test_the_demo_is_marked_on_every_page(admin_client: Client, settings):
    address = reverse("admin:accounts_account_changelist")
    assert ">demo<" not in admin_client.get(address).content.decode().replace("\n", "")
    settings.DEMO = True
    page = "".join(admin_client.get(address).content.decode().split())
    assert ">demo<" in page


def rights_of(role: str) -> set[str]:
    person = User.objects.create(username=role, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    return person.get_all_permissions()


@pytest.mark.django_db
def test_every_role_may_do_more_than_the_one_before():
    viewer, operator, owner = map(rights_of, ("viewer", "operator", "owner"))
    assert viewer < operator < owner
    assert all(".view_" in right for right in viewer)
    assert "accounts.change_account" in operator
    assert "accounts.change_accountgroup" in operator
    assert "accounts.delete_account" in owner - operator
    assert "accounts.export_account" in owner - operator
    assert "accounts.change_poolsettings" in owner - operator
    assert "auth.add_user" in owner - operator


@pytest.mark.django_db
def test_a_role_that_was_changed_is_put_right_by_the_next_migrate():
    Group.objects.get(name="viewer").permissions.set(Permission.objects.all())
    call_command("migrate", verbosity=0)
    assert all(".view_" in right for right in rights_of("viewer"))


def test_what_was_done_stands_in_the_log_and_nobody_can_change_it(
    admin_client: Client, admin_user: User
):
    admin_client.post(reverse("admin:auth_group_add"), {"name": "night shift"})
    page = admin_client.get(reverse("admin:admin_logentry_changelist"))
    assert "night shift" in page.content.decode()
    entry = LogEntry.objects.get()
    assert entry.user == admin_user
    address = reverse("admin:admin_logentry_delete", args=[entry.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 403
