"""Files into a plan, a plan into accounts."""

from __future__ import annotations

import json
import sqlite3
import tracemalloc
from contextlib import closing
from typing import Any

import pytest
from cryptography.fernet import Fernet

from accounts import backup
from accounts.importing import words
from accounts.importing.files import Source
from accounts.importing.plan import MOST_ENTRIES, Fate, carry_out, make_plan
from accounts.intake import replace_login
from accounts.models import Account
from accounts.rotation import rotate_secrets

pytestmark = pytest.mark.django_db

Block = Account.Block
TOKEN = {"refreshToken": "aor-org", "authMethod": "IdC", "clientIdHash": "0a" * 20}
CLIENT = {"clientId": "client", "clientSecret": "secret"}


def source(content: Any, name: str = "file.json") -> Source:
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    return Source(name, content)


def social(number: int, **more: Any) -> dict[str, Any]:
    return {"refreshToken": f"aor-{number}", "description": f"n{number}"} | more


def idc(**more: Any) -> dict[str, Any]:
    return {"auth": "IdC", "refreshToken": "aor-idc", "description": "org"} | more


def told(*sources: Source, **options: Any) -> list[str]:
    return [words.row(line).told for line in make_plan(sources, **options).lines]


def take_in(*contents: Any) -> list[Account]:
    return list(carry_out(make_plan([source(content) for content in contents])).added)


def names() -> list[str]:
    return [account.name for account in Account.objects.in_order()]


def test_each_line_says_what_would_happen_and_nothing_is_written():
    take_in(social(1))
    entries = [social(2), social(1), social(2), {"auth": "Social"}]
    assert told(source(entries)) == [
        "new",
        "known: n1 stays as it is",
        "the same as line 1",
        "refreshToken is missing",
    ]
    assert names() == ["n1"]


def test_a_line_has_name_kind_region_and_profile_and_no_secret():
    arn = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"
    entry = idc(**CLIENT, region="eu-west-1", profileArn=arn)
    plan = make_plan([source([social(1), entry], "all.json")])
    row = words.row(plan.lines[1])
    assert (row.place, row.name, row.kind) == ("all.json: 2", "org", "IdC")
    assert (row.region, row.profile) == ("eu-west-1", "ABCDEFGHIJKL")
    shown = repr([plan, [words.row(line) for line in plan.lines]])
    assert not [secret for secret in ("aor-", "secret") if secret in shown]


def test_what_the_plan_says_is_what_is_written():
    take_in(social(1))
    plan = make_plan([source([social(2), social(1), {}]), source(social(3))])
    assert words.counts(plan) == "2 new, 1 known, 1 unusable"
    written = carry_out(plan)
    assert [account.name for account in written.added] == ["n2", "n3"]
    assert words.outcome(written) == "2 accounts added."
    assert names() == ["n1", "n2", "n3"]


def test_what_came_in_after_the_plan_was_made_is_left_alone():
    plan = make_plan([source([social(1), social(2)])])
    take_in(social(1))
    assert [account.name for account in carry_out(plan).added] == ["n2"]


def test_the_same_account_in_two_files_is_taken_once():
    files = [source(social(1), "a.json"), source(social(1), "b.json")]
    assert told(*files) == ["new", "the same as line 1"]


def test_accounts_with_a_priority_come_in_by_it():
    take_in([social(1, priority=5), social(2, priority=1)], social(3, priority=3))
    assert names() == ["n2", "n3", "n1"]


def test_what_was_deleted_comes_back_when_a_person_imports_it():
    take_in(social(1))
    Account.objects.all().delete()
    assert told(source(social(1))) == ["new"]
    assert take_in(social(1)) == list(Account.objects.all())


def test_each_token_file_finds_its_registration_by_name():
    first = TOKEN | {"refreshToken": "aor-1", "clientIdHash": "0a" * 20}
    second = TOKEN | {"refreshToken": "aor-2", "clientIdHash": "0b" * 20}
    files = [
        source(CLIENT | {"clientId": "for-b"}, f"{'0b' * 20}.json"),
        source(first, "kiro-auth-token.json"),
        source(second, "kiro-auth-token.json"),
        source(CLIENT | {"clientId": "for-a"}, f"{'0a' * 20}.json"),
    ]
    carry_out(make_plan(files))
    accounts = Account.objects.with_secrets().in_order()
    assert [(a.refresh_token, a.client_id) for a in accounts] == [
        ("aor-1", "for-a"),
        ("aor-2", "for-b"),
    ]


def test_a_single_registration_needs_no_name():
    assert told(source(TOKEN), source(CLIENT, "client (1).json")) == ["new"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([source(TOKEN)], ["IdC needs clientId and clientSecret"]),
        ([source(CLIENT)], ["there is no account in it"]),
        (
            [source(TOKEN), source(CLIENT, "a"), source(CLIENT, "b")],
            [
                "IdC needs clientId and clientSecret",
                "there is no account in it",
                "there is no account in it",
            ],
        ),
    ],
)
def test_a_registration_goes_to_nobody_else(files, said):
    assert told(*files) == said


def kiro_cli() -> bytes:
    token = {
        "refresh_token": "aor-cli",
        "region": "eu-west-1",
        "start_url": "https://a",
    }
    client = {"client_id": "client", "client_secret": "secret"}
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE auth_kv (key TEXT PRIMARY KEY, value TEXT)")
        database.executemany(
            "INSERT INTO auth_kv VALUES (?, ?)",
            [
                ("kirocli:odic:token", json.dumps(token)),
                ("kirocli:odic:device-registration", json.dumps(client)),
                ("kirocli:social:token", json.dumps({"refresh_token": "aor-social"})),
            ],
        )
        database.commit()
        return database.serialize()


def test_kiro_clis_database_is_read():
    plan = make_plan([Source("data.sqlite3", kiro_cli())])
    rows = [words.row(line) for line in plan.lines]
    assert [(row.kind, row.told) for row in rows] == [("IdC", "new"), ("Social", "new")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encodings_that_editors_and_shells_write_are_read(encoding):
    text = json.dumps(social(1, description="小明"), ensure_ascii=False)
    take_in(text.encode(encoding))
    assert names() == ["小明"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "there is no account in it"),
        (b"[]", "there is no account in it"),
        (b"hello", "this is not JSON: Expecting value at line 1, column 1"),
        (b"[{},", "this is not JSON: Expecting value at line 1, column 5"),
        (b"[" * 50_000, "this is not JSON: a number too long or nested too deep"),
        (b"[" * 100_000, "this has more values than a file of accounts has"),
        (b"9" * 100_000, "this is not JSON: a number too long or nested too deep"),
        (bytes(range(256)), "this is neither text nor kiro-cli's database"),
        (
            '[{"a": 1}]'.encode("utf-16-le"),
            "this is neither text nor kiro-cli's database",
        ),
        (b"PK\x03\x04\xff", "this is neither text nor kiro-cli's database"),
        (b"SQLite format 3\x00" + b"\x01" * 5000, "kiro-cli's database cannot be read"),
        (kiro_cli()[:6000], "kiro-cli's database cannot be read"),
        (b"kiro2api-backup 1\nabc", "none of the SECRET_ENCRYPTION_KEYS opens this"),
        (b"kiro2api-backup 9\nabc", "made by another version of the program"),
    ],
)
def test_what_is_no_file_of_accounts_is_refused_in_words(content, said):
    [line] = told(source(content))
    assert said in line


TEN_MB = 10 * 1024 * 1024


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff" * (TEN_MB // 2),
        b"x" * TEN_MB,
        b"[" * TEN_MB,
        b"[" + b"1," * (TEN_MB // 2 - 1) + b"1]",
        b"[" + b"{}," * (TEN_MB // 3 - 1) + b"{}]",
        b"{}\n" * (TEN_MB // 3),
        b"1 " * (TEN_MB // 2),
        b"1\n" * (TEN_MB // 2),
        b'"' + b"a" * (TEN_MB - 2) + b'"',
        b"9" * TEN_MB,
        b" " * TEN_MB,
        b"kiro2api-backup 1\n" + b"a" * TEN_MB,
    ],
    ids=lambda content: content[:12].decode("latin-1"),
)
def test_ten_megabytes_of_garbage_fill_no_memory(garbage):
    tracemalloc.start()
    try:
        plan = make_plan([Source("garbage", garbage)])
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * TEN_MB
    assert words.refusal(plan)
    assert plan.changes == []
    assert [line.fate for line in plan.lines] == [Fate.FAULT]


def test_more_entries_than_one_import_takes_are_refused_and_the_first_named():
    entries: list[Any] = [{}] * 15_000
    plan = make_plan([source([*entries, social(1)])])
    assert plan.too_many and plan.changes == []
    assert len(plan.lines) == MOST_ENTRIES
    assert words.refusal(plan).startswith("These are more than 1,000 entries")
    assert carry_out(plan).added == []


def test_a_backup_of_more_accounts_than_one_import_takes_is_restored():
    Account.objects.bulk_create(
        Account(name=f"n{number}") for number in range(MOST_ENTRIES + 1)
    )
    content, _count = backup.make()
    Account.objects.all().delete()
    plan = make_plan([Source("saved.backup", content)])
    assert len(plan.changes) == MOST_ENTRIES + 1


def test_a_thousand_accounts_cost_as_many_queries_to_look_at_as_one(
    django_assert_num_queries,
):
    take_in(social(0))
    for count in (2, MOST_ENTRIES):
        entries = [social(number) for number in range(count)]
        with django_assert_num_queries(2):
            assert len(make_plan([source(entries)]).changes) == count - 1


def test_a_known_account_keeps_its_login_while_that_works():
    take_in(idc(**CLIENT))
    other = idc(clientId="other", clientSecret="other")
    assert told(source(other)) == ["known: org stays as it is"]


def test_another_client_mends_an_account_whose_login_is_dead():
    [account] = take_in(idc(**CLIENT))
    Account.objects.update(blocked_reason=Block.REJECTED)
    assert told(source(idc(**CLIENT))) == ["known: org stays as it is"]
    plan = make_plan([source(idc(clientId="right", clientSecret="right"))])
    assert [words.row(line).told for line in plan.lines] == [
        "known: this replaces the login of org, which is dead"
    ]
    assert words.outcome(carry_out(plan)) == "0 accounts added, 1 account replaced."
    mended = Account.objects.with_secrets().get()
    assert (mended.pk, mended.client_id) == (account.pk, "right")
    assert not mended.blocked


def test_an_import_mends_accounts_whose_secrets_were_lost(settings):
    take_in(social(1))
    settings.SECRET_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    rotate_secrets(forget_unreadable=True)
    carry_out(make_plan([source(social(1))]))
    account = Account.objects.with_secrets().get()
    assert account.refresh_token == "aor-1"
    assert account.status == Account.Status.READY


def test_a_backup_and_a_file_with_the_same_account_add_it_once():
    take_in(social(1))
    content, _count = backup.make()
    Account.objects.all().delete()
    saved = Source("saved.backup", content)
    assert told(saved, source(social(1))) == ["new", "the same as line 1"]


def test_an_account_that_signed_in_again_is_known_by_all_its_tokens():
    [account] = take_in(social(1))
    replace_login(account.pk, {"refresh_token": "aor-2"})
    assert told(source([social(1), social(2)])) == ["known: n1 stays as it is"] * 2
