"""The pages of the strategy and of groups."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts import strategy
from accounts.models import Account, AccountGroup, PoolSettings
from accounts.tests.conftest import add_account

pytestmark = pytest.mark.django_db(transaction=True)

LIST = reverse("admin:accounts_poolsettings_changelist")
PAGE = reverse("admin:accounts_poolsettings_change", args=[1])
GROUPS = reverse("admin:accounts_accountgroup_changelist")
Strategy = PoolSettings.Strategy


def test_the_strategy_is_switched_on_its_one_page(admin_client, use_strategy):
    use_strategy(Strategy.SEQUENTIAL)
    assert strategy.current() == Strategy.SEQUENTIAL
    assert admin_client.get(LIST, follow=True).redirect_chain == [(PAGE, 302)]
    saved = admin_client.post(PAGE, {"strategy": "round_robin"})
    assert saved.status_code == 302
    assert strategy.current() == Strategy.ROUND_ROBIN


def test_there_is_one_row_and_it_stays(admin_client, use_strategy):
    use_strategy(Strategy.LEAST_USED)
    for name, arguments in (("add", []), ("delete", [1])):
        page = reverse(f"admin:accounts_poolsettings_{name}", args=arguments)
        assert admin_client.post(page, {"post": "yes"}).status_code == 403
    assert PoolSettings.objects.get().strategy == Strategy.LEAST_USED


def test_a_strategy_that_there_is_not_is_refused(admin_client, use_strategy):
    use_strategy(Strategy.LEAST_USED)
    answer = admin_client.post(PAGE, {"strategy": "luck"})
    assert answer.status_code == 200
    assert PoolSettings.objects.get().strategy == Strategy.LEAST_USED


def test_groups_say_how_many_accounts_they_have(admin_client):
    add = reverse("admin:accounts_accountgroup_add")
    assert admin_client.post(add, {"name": "team"}).status_code == 302
    group = AccountGroup.objects.get(name="team")
    for name in "abc":
        account = add_account(name)
        if name != "c":
            account.groups.add(group)
    listed = admin_client.get(GROUPS)
    assert listed.status_code == 200
    assert listed.context["cl"].result_list[0].size == 2
    group.delete()
    assert Account.objects.count() == 3
