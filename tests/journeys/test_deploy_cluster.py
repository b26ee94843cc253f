"""The files for several servers match this version, each other, and the schemas of Kubernetes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrepot.server.metrics import Metrics
from entrepot.settings import SETTINGS, load_settings
from tests.journeys.test_deploy import DEPLOY, ROOT, VARIABLES, check_command

KUBERNETES = DEPLOY / "kubernetes"
MANIFESTS = sorted(path.name for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml")
CREDENTIALS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
SECRET = {"ENTREPOT_DATABASE": "postgresql://hub:x@db/hub"}


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((KUBERNETES / name).read_text()))


def manifest(kind: str, name: str) -> dict[str, Any]:
    found = [
        found
        for file in MANIFESTS
        for found in documents(file)
        if (found["kind"], found["metadata"]["name"]) == (kind, name)
    ]
    assert len(found) == 1
    return found[0]


def check_settings(environ: dict[str, str], tmp_path: Path) -> None:
    """Fail unless every variable is a setting with a valid value, or a credential of the bucket."""
    assert {name for name in environ if name.startswith("ENTREPOT_")} <= VARIABLES
    assert {name for name in environ if not name.startswith("ENTREPOT_")} <= CREDENTIALS
    found = load_settings(flags={}, environ=environ, toml_path=None, default_data=tmp_path).settings
    assert found.store
    assert found.database
    assert found.drain_s >= 10


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_has_the_shape_that_kubernetes_expects(name: str) -> None:
    validator = pytest.importorskip("kubernetes_validate")
    for found in documents(name):
        validator.validate(found, "1.33", strict=True)


def test_every_manifest_is_applied_and_they_fit_together(tmp_path: Path) -> None:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    assert sorted(kustomization["resources"]) == MANIFESTS
    settings = manifest("ConfigMap", "entrepot-settings")
    check_settings(settings["data"] | SECRET, tmp_path)
    for name in ("server", "worker"):
        pod = manifest("Deployment", f"entrepot-{name}")["spec"]["template"]
        [container] = pod["spec"]["containers"]
        check_command(container["args"])
        assert {image["name"] for image in kustomization["images"]} == {container["image"]}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["envFrom"][0]["configMapRef"]["name"] == settings["metadata"]["name"]
        assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {
            "/data",
            settings["data"]["ENTREPOT_SCRATCH"],
            "/tmp",
        }
    drain_s = int(settings["data"]["ENTREPOT_DRAIN_S"].removesuffix("s"))
    server = manifest("Deployment", "entrepot-server")
    pod = server["spec"]["template"]
    assert pod["spec"]["terminationGracePeriodSeconds"] >= drain_s + 40
    probe = pod["spec"]["containers"][0]["readinessProbe"]
    assert probe["httpGet"]["path"] == "/readyz"
    assert probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"] < drain_s
    labels = pod["metadata"]["labels"]
    assert server["spec"]["selector"]["matchLabels"] == labels
    assert manifest("Service", "entrepot-server")["spec"]["selector"] == labels
    assert manifest("PodDisruptionBudget", "entrepot-server")["spec"]["selector"]["matchLabels"] == labels
    ingress = manifest("Ingress", "entrepot")
    [rule] = ingress["spec"]["rules"]
    assert settings["data"]["ENTREPOT_BASE_URL"] == f"https://{rule['host']}"
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"] == "0"


def test_servers_are_added_by_figures_that_exist() -> None:
    scaler = manifest("HorizontalPodAutoscaler", "entrepot-server")["spec"]
    assert manifest(scaler["scaleTargetRef"]["kind"], scaler["scaleTargetRef"]["name"])
    names = {metric["pods"]["metric"]["name"] for metric in scaler["metrics"] if metric["type"] == "Pods"}
    assert names
    known = set(re.findall(r"^(\w+)", Metrics().render().decode(), re.MULTILINE))
    assert names <= known


def test_the_cluster_on_one_machine_has_two_servers_and_a_worker(tmp_path: Path) -> None:
    text = (DEPLOY / "cluster/compose.yaml").read_text()
    services = yaml.safe_load(text)["services"]
    named = set(re.findall(r"\$\{(\w+):\?", text))
    assert named == set(re.findall(r"^(\w+)=$", (DEPLOY / "cluster/env.example").read_text(), re.MULTILINE))
    for name in ("server1", "server2", "worker"):
        hub = services[name]
        environ = {
            key: re.sub(r"\$\{\w+:(?:-([^}]*)|\?[^}]*)\}", r"\1", value) for key, value in hub["environment"].items()
        }
        check_settings(environ, tmp_path)
        check_command(hub.get("command", ["serve"]))
        assert hub["volumes"] == [f"{name}:/data"]
        assert (DEPLOY / "cluster" / hub["build"]["context"] / hub["build"]["dockerfile"]).is_file()
        assert f"ARG {next(iter(hub['build']['args']))}" in (DEPLOY / "docker/Dockerfile").read_text()
    assert all(":" in service["image"] for name, service in services.items() if "build" not in service)
    assert all(port.startswith("127.0.0.1:") for port in services["nginx"]["ports"])
    proxy = (DEPLOY / "cluster/nginx.conf").read_text()
    assert set(re.findall(r"^    server (\w+):8080", proxy, re.MULTILINE)) == {"server1", "server2"}
    for line in ("client_max_body_size 0;", "proxy_request_buffering off;", "proxy_buffering off;", "gzip off;"):
        assert line in proxy
    assert "$proxy_add_x_forwarded_for" not in proxy


def test_the_page_names_settings_and_files_that_exist() -> None:
    text = (ROOT / "docs/cluster.md").read_text("utf-8")
    for name in re.findall(r"`(deploy/[^`]+)`", text):
        assert (ROOT / name).exists(), name
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert "://" in target or (ROOT / "docs" / target).exists(), target
    names = {setting.name for setting in SETTINGS}
    assert set(re.findall(r"`((?:database|drain|block|store|run|rate)_\w+)`", text)) <= names
