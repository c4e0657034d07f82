"""The admin's pages open, and show people what is theirs to see."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

PAGES = (
    "admin:index",
    "admin:accounts_account_changelist",
    "admin:accounts_account_add",
    "admin:clients_apikey_changelist",
    "admin:clients_apikey_add",
    "admin:auth_user_changelist",
    "admin:auth_user_add",
    "admin:auth_group_changelist",
    "admin:auth_group_add",
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
