"""A Postgres as a team's is after a quarter: a million requests, and their hours."""

from __future__ import annotations

import httpx
import psycopg

from tests.processes import Gateway

RECORDS = 1_000_000
SECONDS_BETWEEN = 8
"""So they are of the last three months."""

PAGES = (
    "/",
    "/usage?span=hour",
    "/usage?span=day",
    "/usage?span=week",
    "/usage?span=month",
    "/usage?span=hour&split=key",
    "/usage?span=day&split=session",
    "/usage?span=week&split=model",
    "/usage?span=week&split=session",
    "/usage?span=month&split=key",
    "/usage?span=month&split=owner",
    "/usage?span=month&split=account",
    "/usage?span=month&key=3",
    "/requests",
    "/requests?key=3",
    "/requests?key=3&model=claude-opus-4-5",
    "/requests?account=2",
    "/requests?owner=4",
    "/requests?session=00000000000000000000000000000000002a",
    "/requests?status=failed",
    "/requests?status=5xx",
    "/requests?status=4xx&span=month",
    "/requests?span=day&model=claude-haiku-4-5",
    "/me",
)

# A key is its owner's laptop: it mostly asks for one model, in one dialect. Sessions
# are of about twenty requests; one request in fifty fails.
FILL = f"""
INSERT INTO clients_usagerecord (
    at, request_id, key_id, key_name, owner_id, owner_name, account_id, account,
    model, dialect, session, stream, status, failed, error, estimated,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, credits,
    ttfb_ms, duration_ms, unhonoured, rolled_up
)
SELECT
    now() - n * interval '{SECONDS_BETWEEN} seconds',
    'req_' || n, k, 'key ' || k, 1 + k / 2, 'person ' || (1 + k / 2),
    1 + n / 40 %% 5, 'account ' || (1 + n / 40 %% 5),
    (ARRAY['claude-sonnet-4', 'claude-opus-4-5', 'claude-haiku-4-5'])
        [CASE WHEN n %% 10 = 0 THEN 1 + n / 10 %% 3 ELSE 1 + k %% 3 END],
    (ARRAY['anthropic', 'openai', 'responses'])[1 + k %% 3],
    lpad(to_hex(n / 20), 36, '0'), true,
    CASE n %% 50 WHEN 0 THEN CASE n %% 100 WHEN 0 THEN 502 ELSE 429 END ELSE 200 END,
    n %% 50 = 0, CASE n %% 50 WHEN 0 THEN 'UpstreamFailed' ELSE '' END, n %% 70 = 0,
    2000 + n %% 7000, 100 + n %% 900, n %% 20000, 0, 0.01 + n %% 100 * 0.001,
    500 + n %% 1500, 2000 + n %% 20000, '', n > 200
FROM (SELECT n, 1 + n / 7 %% 20 AS k FROM generate_series(1, %s) AS s(n)) AS numbers
"""
KINDS = "key_id, owner_id, account_id, model, dialect"
ROLL_UP = f"""
INSERT INTO clients_usagehour (
    hour, {KINDS}, key_name, owner_name, account, requests, errors, estimated,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, credits,
    ttfb_ms, ttfb_count, duration_ms
)
SELECT date_trunc('hour', at), {KINDS}, max(key_name), max(owner_name), max(account),
    count(*), count(*) FILTER (WHERE failed), count(*) FILTER (WHERE estimated),
    sum(input_tokens), sum(output_tokens), sum(cache_read_tokens),
    sum(cache_write_tokens), sum(credits), sum(ttfb_ms), count(ttfb_ms),
    sum(duration_ms)
FROM clients_usagerecord WHERE rolled_up GROUP BY 1, {KINDS}
"""


def fill(address: str, records: int = RECORDS) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(FILL, [records])
        connection.execute(ROLL_UP)
        connection.execute("VACUUM ANALYZE")


def signed_in(gateway: Gateway) -> httpx.Client:
    """The administrator's browser."""
    http = httpx.Client(base_url=gateway.url, timeout=60, trust_env=False)
    http.get("/login")
    answer = http.post(
        "/login",
        data={
            "username": "admin",
            "password": gateway.env["ADMIN_PASSWORD"],
            "csrfmiddlewaretoken": http.cookies["kiro2api_csrf"],
            "next": "/me",
        },
        headers={"referer": gateway.url},
    )
    assert answer.status_code == 302, answer.text
    return http
