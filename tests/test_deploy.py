"""The files people deploy with: that they are valid, fit the program, and work."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate  # type: ignore[import-untyped]
import psutil
import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands
from django.urls import resolve

from simulator.control import Control
from tests import image
from tests.calls import BODY, text_of
from tests.processes import (
    KEY,
    ROOT,
    SECONDS,
    Gateway,
    copy_of,
    environment,
    free_port,
    until,
    upstream_settings,
)
from tests.supervised import Supervised, supervised

Json = dict[str, Any]

MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
COMPOSE: Json = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = ("prepare", "gateway", "worker")
# What a stop takes beside DRAIN_SECONDS: what waits to be written gets 10 s.
AFTER_DRAIN = 15


# The image


def test_the_image_runs_as_nobody_in_particular_and_is_asked_how_it_is():
    final = image.stages()[-1]
    assert image.instructions(final, "USER") == ["10001"]
    assert any("healthcheck" in line for line in image.instructions(final, "CMD")) or (
        "manage.py" in image.instructions(final, "HEALTHCHECK")[0]
    )
    assert not re.search(r"(SECRET|PASSWORD|TOKEN|KEY)\w*=", final)


def test_the_image_has_every_app(tmp_path: Path):
    image.copy_files(tmp_path)
    ours = {app for app in settings.INSTALLED_APPS if (ROOT / app).is_dir()}
    assert ours < {path.name for path in tmp_path.iterdir()}
    assert not list(tmp_path.rglob("tests"))


# Root writes to what it may not, as long as it has this capability.
UNPRIVILEGED = [] if os.geteuid() else ["setpriv", "--bounding-set=-all", "--"]


@pytest.mark.real_client
def test_the_built_image_serves_and_writes_to_data_and_scratch_alone(
    tmp_path: Path, upstream: Control
):
    app = image.build(tmp_path / "app")
    for path in [app, *app.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    data, scratch = tmp_path / "data", tmp_path / "tmp"
    data.mkdir()
    scratch.mkdir()
    env = {
        "PATH": f"{app}/.venv/bin:/usr/bin:/bin",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DATA_DIR": str(data),
        "HOME": str(data),
        "TMPDIR": str(scratch),
        "KIRO_CLIENT_TOKEN": KEY,
        **upstream_settings(upstream.url),
    }
    assert set(image.final_environment()) - {"HOST", "PORT"} <= set(env)
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([*UNPRIVILEGED, "touch", app / "written"], check=True)
    before = snapshot(app)
    gateway = Gateway(env, free_port())
    with gateway.log_file.open("wb") as output:
        gateway.process = subprocess.Popen(
            [*UNPRIVILEGED, "deploy/entrypoint"],
            cwd=app,
            env={**env, "PORT": str(gateway.port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        gateway.wait_until_it_answers()
        answer = httpx.get(f"{gateway.url}/admin/login/", trust_env=False)
        assert answer.status_code == 200
    finally:
        assert gateway.stop() == 0
    assert "Permission denied" not in gateway.log
    assert snapshot(app) == before


def snapshot(folder: Path) -> set[tuple[str, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {(str(path), path.stat().st_mtime_ns) for path in files}


# docker-compose.yml


def test_compose_is_what_its_schema_says():
    done = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", "docker-compose.yml"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", OURS)
def test_the_composed_programs_are_confined(name: str):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["command"] in get_commands()
    assert "ports" not in service
    assert set(service["environment"]) <= documented_settings()


def test_compose_has_no_secret_of_its_own():
    """Each is demanded from .env: a start without it fails with its name."""
    text = (ROOT / "docker-compose.yml").read_text()
    assert re.findall(r"PASSWORD: (.*)", text) == [
        "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD in .env}"
    ]
    assert not re.search(r"PASSWORD:-", text)


def test_the_composed_gateway_may_be_many_and_gets_time_to_stop():
    gateway = COMPOSE["services"]["gateway"]
    assert gateway["deploy"]["replicas"] == "${GATEWAYS:-2}"
    assert "container_name" not in gateway
    grace = int(gateway["stop_grace_period"].removesuffix("s"))
    assert grace >= settings.DRAIN_SECONDS + AFTER_DRAIN
    assert COMPOSE["services"]["worker"].get("deploy", {}).get("replicas", 1) == 1


def documented_settings() -> set[str]:
    text = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^# ([A-Z][A-Z0-9_]*)=", text, re.MULTILINE))


# Kubernetes


def resources(*kinds: str) -> list[Json]:
    found = [
        resource
        for manifest in MANIFESTS
        for resource in yaml.safe_load_all(manifest.read_text())
    ]
    return [resource for resource in found if not kinds or resource["kind"] in kinds]


def pod(resource: Json) -> Json:
    spec: Json = resource["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("resource", resources(), ids=lambda r: r["metadata"]["name"])
def test_a_manifest_is_what_its_schema_says(resource: Json):
    newest = kubernetes_validate.latest_version()
    kubernetes_validate.validate(resource, newest, strict=True)


@pytest.mark.parametrize(
    "resource", resources("Deployment", "Job"), ids=lambda r: r["metadata"]["name"]
)
def test_a_pod_is_confined_and_runs_what_there_is(resource: Json):
    spec = pod(resource)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    (container,) = spec["containers"]
    confined = container["securityContext"]
    assert confined["readOnlyRootFilesystem"] is True
    assert confined["allowPrivilegeEscalation"] is False
    assert confined["capabilities"] == {"drop": ["ALL"]}
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"/data", "/tmp"}
    (command,) = container["args"]
    assert command in get_commands()
    labels = resource["spec"]["template"]["metadata"]["labels"]
    selector = resource["spec"].get("selector", {"matchLabels": labels})
    assert selector["matchLabels"].items() <= labels.items()


def test_the_gateway_pod_is_probed_and_gets_time_to_stop():
    (gateway,) = (r for r in resources("Deployment") if "gateway" in str(r["metadata"]))
    (container,) = pod(gateway)["containers"]
    for probe, path in (
        ("startupProbe", "/livez"),
        ("livenessProbe", "/livez"),
        ("readinessProbe", "/readyz"),
    ):
        assert container[probe]["httpGet"]["path"] == path
        assert resolve(path)
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][-1])
    (config,) = resources("ConfigMap")
    drain = float(config["data"]["DRAIN_SECONDS"])
    grace = pod(gateway)["terminationGracePeriodSeconds"]
    assert grace >= pause + drain + AFTER_DRAIN
    (service,) = resources("Service")
    labels = gateway["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    ports = {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_there_is_one_worker():
    (worker,) = (r for r in resources("Deployment") if "worker" in str(r["metadata"]))
    assert worker["spec"]["replicas"] == 1
    assert worker["spec"]["strategy"] == {"type": "Recreate"}


def test_the_example_secret_holds_none_and_names_settings():
    (secret,) = resources("Secret")
    assert set(secret["stringData"].values()) == {""}
    (config,) = resources("ConfigMap")
    named = set(secret["stringData"]) | set(config["data"])
    assert named <= documented_settings()


# supervisord


@pytest.fixture
def one_machine(
    prepared: Path, upstream: Control, tmp_path: Path
) -> Iterator[Supervised]:
    data = copy_of(prepared, tmp_path / "data")
    env = environment(data, **upstream_settings(upstream.url))
    with supervised(tmp_path / "project", free_port(), env) as machine:
        until(machine.is_up)
        yield machine


def test_two_processes_and_a_worker_run_under_supervisord(one_machine: Supervised):
    before = one_machine.pids()
    assert set(before) == {"gateway:gateway_0", "gateway:gateway_1", "worker"}
    url = f"http://127.0.0.1:{one_machine.port}/v1/messages"

    def ask() -> None:
        headers = {"x-api-key": KEY}
        answer = httpx.post(
            url, json=BODY, headers=headers, trust_env=False, timeout=SECONDS
        )
        assert text_of(answer) == "You said: Hi"

    ask()
    # One that dies is started again, and meanwhile the other serves.
    os.kill(before["gateway:gateway_0"], signal.SIGKILL)
    ask()
    until(one_machine.is_up)

    told = one_machine.rolling_restart()
    assert told.count("started") == 3
    ask()
    after = one_machine.pids()
    assert not set(before.values()) & set(after.values())

    one_machine.process.terminate()
    assert one_machine.process.wait(SECONDS) == 0
    until(lambda: not any(psutil.pid_exists(pid) for pid in after.values()))
    assert "Traceback" not in one_machine.logs()
