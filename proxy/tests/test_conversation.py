"""Which conversation a request belongs to."""

from __future__ import annotations

import uuid

import pytest

from clients.keys import SHARED, Client
from proxy.conversation import conversation_id

ADA = Client("Ada", key_id=1)
BOB = Client("Bob", key_id=2)
SESSION = "0b5e2f7e-6d5e-4a7e-9d3b-2f6f0c1a2b3c"
HEADER = {"x-claude-code-session-id": SESSION}


def test_a_request_that_names_no_conversation_has_none():
    assert conversation_id(ADA, {}) == ""


def test_it_is_a_uuid_that_does_not_show_the_session():
    found = conversation_id(ADA, HEADER)
    assert str(uuid.UUID(found)) == found
    assert found != SESSION


def test_the_same_session_of_the_same_key_is_the_same_conversation():
    assert conversation_id(ADA, HEADER) == conversation_id(ADA, dict(HEADER))


def test_two_keys_never_share_a_conversation():
    found = {conversation_id(client, HEADER) for client in (ADA, BOB, SHARED)}
    assert len(found) == 3


@pytest.mark.parametrize(
    "user_id",
    [
        f"user_{'ab' * 32}_account__session_{SESSION}",
        f'{{"device_id":"ab","account_uuid":"","session_id":"{SESSION}"}}',
    ],
)
def test_the_session_in_the_user_id_is_that_of_the_header(user_id):
    assert conversation_id(ADA, {}, user_id) == conversation_id(ADA, HEADER)


def test_any_other_user_id_is_a_conversation_of_its_own():
    found = {conversation_id(ADA, {}, user) for user in ("one", "two", "12", "[1]")}
    assert len(found) == 4


@pytest.mark.parametrize("user_id", ["{}", '{"session_id":null}'])
def test_a_user_id_without_a_session_names_no_conversation(user_id):
    assert conversation_id(ADA, {}, user_id) == ""


@pytest.mark.parametrize(
    "user_id", ['{"session_id":', '{"session_id":7}', '{"a":' * 5_000]
)
def test_a_user_id_of_an_unknown_form_is_taken_as_it_stands(user_id):
    assert conversation_id(ADA, {}, user_id)


def test_an_id_the_client_chose_goes_before_its_session():
    chosen = {"x-conversation-id": "task-7"}
    assert conversation_id(ADA, chosen | HEADER) == conversation_id(ADA, chosen)
    assert conversation_id(ADA, chosen) != conversation_id(BOB, chosen)


@pytest.mark.parametrize("chosen", ["", "a b", "a\nb", "x" * 129, "ü"])
def test_an_id_that_is_not_harmless_is_passed_over(chosen):
    headers = {"x-conversation-id": chosen}
    assert conversation_id(ADA, headers) == ""
    assert conversation_id(ADA, headers | HEADER) == conversation_id(ADA, HEADER)
