"""Metrics from outside, and that dashboards and rules name those there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dashboard.metricsview import GAUGES
from kiro2api import metrics
from simulator.control import Control
from tests.calls import BODY, STREAMED, ask, caller, text_of
from tests.conftest import StartGateway
from tests.processes import Gateway, copy_of, until
from tests.test_docs import ROOT, table
from tests.test_server import HELD, stream

TOKEN = "only-prometheus-knows"
DEFINED = {
    name: labels
    for name, _, labels in (
        *metrics.COUNTERS,
        *metrics.HISTOGRAMS,
        *metrics.GAUGES,
        *GAUGES,
    )
}
NAMES = re.compile(r"\bkiro2api_\w+")


def scraped(gateway: Gateway) -> dict[str, float]:
    """Samples by name and labels, as they are written."""
    with caller(gateway) as http:
        answer = http.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {
        sample.name + "".join(f" {k}={v}" for k, v in sorted(sample.labels.items())): (
            sample.value
        )
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def total(samples: dict[str, float], name: str, *labels: str) -> float:
    return sum(
        value
        for key, value in samples.items()
        if key.split()[0] == name and {*labels} <= {*key.split()}
    )


def test_without_a_token_there_is_no_such_page(start_gateway: StartGateway):
    gateway = start_gateway()
    with caller(gateway) as http:
        assert http.get("/metrics").status_code == 404
    assert not (gateway.data / "metrics").exists()


def test_whoever_has_not_the_token_is_told_nothing(start_gateway: StartGateway):
    gateway = start_gateway(METRICS_TOKEN=TOKEN)
    with caller(gateway) as http:
        for offered in ("", "Bearer wrong", TOKEN, f"Bearer {gateway.key}"):
            answer = http.get("/metrics", headers={"authorization": offered})
            assert answer.status_code == 401
            assert "kiro2api_" not in answer.text
    gateway.stop()
    assert "/metrics" not in gateway.log


def test_what_is_counted(start_gateway: StartGateway, upstream: Control):
    gateway = start_gateway(METRICS_TOKEN=TOKEN)
    upstream.enqueue("internal")
    assert text_of(ask(gateway)) == "You said: Hi"
    upstream.enqueue(HELD)
    with caller(gateway) as http, stream(http) as answer:
        heard = answer.iter_text()
        next(heard)
        assert total(scraped(gateway), "kiro2api_streams_open") == 1
        upstream.open_gate("held")
        "".join(heard)
    with caller(gateway) as http:
        http.post("/v1/messages", json=BODY | {"model": "no-such-model"})
    until(lambda: total(scraped(gateway), "kiro2api_requests_total") == 3)
    found = scraped(gateway)
    requests = "kiro2api_requests_total"
    assert total(found, requests, "status=200", "dialect=anthropic") == 2
    assert total(found, requests, "status=404", "model=") == 1
    assert total(found, "kiro2api_failovers_total") == 1
    assert total(found, "kiro2api_first_event_seconds_count") == 2
    assert total(found, "kiro2api_request_seconds_count") == 3
    assert total(found, "kiro2api_tokens_total", "kind=output") > 0
    assert total(found, "kiro2api_credits_total") > 0
    assert total(found, "kiro2api_refreshes_total", "result=renewed") == 2
    assert total(found, "kiro2api_streams_open") == 0
    assert total(found, "kiro2api_usable_accounts") == 3
    assert total(found, "kiro2api_accounts", "status=ready") == 3
    assert total(found, "kiro2api_database_up") == 1


def test_processes_count_together_and_a_restart_takes_nothing_away(
    start_gateway: StartGateway, prepared: Path, tmp_path: Path
):
    data = copy_of(prepared, tmp_path / "data")
    stays, goes = (start_gateway(data, METRICS_TOKEN=TOKEN) for _ in range(2))
    for gateway in (stays, goes, goes):
        assert text_of(ask(gateway)) == "You said: Hi"
    name = "kiro2api_requests_total"
    until(lambda: total(scraped(stays), name) == 3)
    assert total(scraped(goes), name) == 3
    goes.stop()
    assert total(scraped(stays), name) == 3
    comes = start_gateway(data, METRICS_TOKEN=TOKEN)
    assert text_of(ask(comes)) == "You said: Hi"
    until(lambda: total(scraped(stays), name) == 4)
    assert len(list(data.glob("metrics/*/*.lock"))) == 2
    stays.stop()
    comes.stop()
    anew = start_gateway(data, METRICS_TOKEN=TOKEN)
    assert total(scraped(anew), name) == 0


def test_the_table_has_every_metric():
    rows = {
        row[0].strip("`"): tuple(re.findall(r"`(\w+)`", row[2]))
        for row in table("docs/metrics.md", "metrics")
    }
    assert rows == DEFINED


def test_the_dashboard_shows_every_metric_and_no_other():
    board = json.loads((ROOT / "deploy/grafana/kiro2api.json").read_text())
    said = " ".join(
        target["expr"] for panel in board["panels"] for target in panel["targets"]
    )
    named = {name.removesuffix("_bucket") for name in NAMES.findall(said)}
    assert named == set(DEFINED)


def test_the_rules_name_metrics_and_labels_that_exist():
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        named = {name.removesuffix("_bucket") for name in NAMES.findall(rule["expr"])}
        assert named <= set(DEFINED), rule
        assert named
        known = {label for name in named for label in DEFINED[name]} | {"le"}
        used = re.findall(r"(\w+)(?:=~|!=|=)\"", rule["expr"])
        for grouped in re.findall(r"by \(([\w, ]+)\)", rule["expr"]):
            used += grouped.split(", ")
        assert set(used) <= known, rule


def test_once_told_to_stop_it_is_not_ready_though_it_lives(
    start_gateway: StartGateway, upstream: Control
):
    gateway = start_gateway()
    assert gateway.process is not None
    upstream.enqueue(HELD)
    kept = httpx.Client(base_url=gateway.url, trust_env=False)
    with kept, caller(gateway) as http:
        assert kept.get("/readyz").status_code == 200
        with http.stream("POST", "/v1/messages", json=STREAMED) as answer:
            heard = answer.iter_text()
            next(heard)
            gateway.process.terminate()
            until(lambda: "draining" in gateway.log)
            probe = kept.get("/readyz")
            assert (probe.status_code, probe.json()["status"]) == (503, "draining")
            upstream.open_gate("held")
            assert "message_stop" in "".join(heard)
    assert gateway.stop() == 0
