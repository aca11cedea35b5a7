"""The flag server as the chart renders it: started as the command line takes it, configured as the models read it."""

from __future__ import annotations

from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from tests.integration.chart.render import Object, of_kind, one_of_kind, render
from tests.integration.installation import NAMESPACE
from truststream.api import names
from truststream.api.configuration import load
from truststream.api.serverconfiguration import ServerConfiguration
from truststream.cli import server as server_verb

SERVER = "truststream-server"
_DATABASE = {"store": {"type": "postgresql", "postgresql": {"secretName": "database", "key": "dsn"}}}
_FILE = {"replicas": 1, "store": {"type": "sqlite", "sqlite": {"size": "3Gi", "storageClass": "fast"}}}


def _deployment(values: Object | None = None) -> Any:
    return one_of_kind(render(values), "Deployment", SERVER)["spec"]


def _pod(values: Object | None = None) -> Any:
    return _deployment(values)["template"]["spec"]


def _volumes(values: Object | None) -> dict[str, Any]:
    return {volume["name"]: volume for volume in _pod(values)["volumes"]}


def _configuration(values: Object | None) -> ServerConfiguration:
    text = one_of_kind(render(values), "ConfigMap")["data"]["config.yaml"]
    return load(text, "config.yaml").server


def test_its_arguments_are_those_of_the_verb() -> None:
    app = typer.Typer()
    server_verb.register(app)
    known = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "300", "TERM": "dumb"}).output
    (container,) = _pod({"server": {"namespaces": ["shop"], "drainSeconds": 7}})["containers"]
    assert container["command"][:2] == ["truststream", "server"]
    assert "--namespaces=shop" in container["command"]
    assert "--drain=7" in container["command"]
    for argument in container["command"][2:]:
        assert argument.partition("=")[0] in known
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 8016, "evaluation": 8013, "sync": 8015, "health": 8080}


def test_a_rolling_restart_takes_nobody_away_first() -> None:
    spec = _deployment()
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    (container,) = spec["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}
    patient = _pod({"server": {"drainSeconds": 60}})["terminationGracePeriodSeconds"]
    assert patient - spec["template"]["spec"]["terminationGracePeriodSeconds"] == 55


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"server": {"environment": "prod", "anonymous": ["shop"], "origins": ["*"], "limits": {"body": 2048}}},
        {"server": {"apiKeys": {"secretName": "keys"}, "tls": {"secretName": "certificate"}, **_DATABASE}},
        {"server": _FILE},
    ],
    ids=["defaults", "scopes", "secrets", "file"],
)
def test_the_configuration_is_one_that_the_server_reads(values: Object) -> None:
    configuration, given = _configuration(values), values.get("server", {})
    assert (configuration.environment or "") == given.get("environment", "")
    assert configuration.anonymous == given.get("anonymous", [])
    assert configuration.limits.body == given.get("limits", {}).get("body", 1_048_576)
    assert (configuration.store is None) is ("store" not in given)
    assert (configuration.tls is None) is ("tls" not in given)


def test_what_the_configuration_says_itself_wins() -> None:
    own = {
        "configuration": {"server": {"environment": "stage", "audience": "flags"}},
        "server": {"environment": "prod"},
    }
    configuration = _configuration(own)
    assert (configuration.environment, configuration.audience) == ("stage", "flags")


def test_only_its_own_part_of_the_configuration_restarts_it() -> None:
    def template(values: Object) -> Any:
        return _deployment(values)["template"]

    other = {"configuration": {"prometheus": {"address": "http://other:9090"}}}
    assert template(other) == template({})
    assert template({"server": {"environment": "prod"}}) != template({})


def test_every_file_that_the_configuration_names_is_mounted() -> None:
    values = {"server": {"apiKeys": {"secretName": "keys"}, "tls": {"secretName": "certificate"}, **_DATABASE}}
    configuration = _configuration(values)
    assert configuration.store is not None
    assert configuration.tls is not None
    (container,) = _pod(values)["containers"]
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
    tls, store = configuration.tls, configuration.store
    for path in (configuration.api_keys, tls.certificate_file, tls.key_file, store.url_file, store.spool_directory):
        assert path is not None
        assert any(path == folder or path.startswith(f"{folder}/") for folder in mounted), path
    items = _volumes(values)["database"]["secret"]["items"]
    assert items == [{"key": "dsn", "path": "url"}]


def test_exposures_wait_on_a_volume_that_holds_the_spool() -> None:
    volume = _volumes({"server": _DATABASE})["exposures"]
    configuration = _configuration({"server": _DATABASE})
    assert configuration.store is not None
    assert volume["emptyDir"]["sizeLimit"] == "576Mi"
    assert configuration.store.spool_bytes == 256 * 2**20
    assert "exposures" not in _volumes(None)


def test_a_file_database_has_a_volume_and_never_two_pods() -> None:
    documents = render({"server": _FILE})
    spec = one_of_kind(documents, "Deployment", SERVER)["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    claim = one_of_kind(documents, "PersistentVolumeClaim")
    assert claim["spec"]["resources"]["requests"]["storage"] == "3Gi"
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    configuration = _configuration({"server": _FILE})
    assert configuration.store is not None
    assert configuration.store.url == "sqlite:////var/lib/truststream/exposures.db"


@pytest.mark.parametrize("tls", [False, True])
def test_the_service_says_what_its_ports_speak(tls: bool) -> None:
    values: Object = {"server": {"tls": {"secretName": "certificate"}}} if tls else {}
    documents = render(values)
    service = one_of_kind(documents, "Service", SERVER)["spec"]
    ports = {port["name"]: (port["port"], port["appProtocol"]) for port in service["ports"]}
    grpc = "https" if tls else "kubernetes.io/h2c"
    assert ports == {
        "http": (8016, "https" if tls else "http"),
        "evaluation": (8013, grpc),
        "sync": (8015, grpc),
        "health": (8080, "http"),
    }
    labels = one_of_kind(documents, "Deployment", SERVER)["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    operator = one_of_kind(documents, "Service")["spec"]["selector"]
    assert not operator.items() <= labels.items()


def test_the_operator_can_ask_the_servers_what_they_counted() -> None:
    pod = one_of_kind(render({"server": {"tls": {"secretName": "certificate"}}}), "Deployment")["spec"]["template"][
        "spec"
    ]
    (container,) = pod["containers"]
    assert f"--server-service={NAMESPACE}/{SERVER}" in container["command"]
    assert "--server-ca=/etc/truststream-server/tls/ca.crt" in container["command"]
    (projected,) = (volume["projected"]["sources"] for volume in pod["volumes"] if "projected" in volume)
    assert projected == [
        {"serviceAccountToken": {"audience": "truststream", "expirationSeconds": 3600, "path": "token"}}
    ]
    alone = one_of_kind(render({"server": {"enabled": False}}), "Deployment")["spec"]["template"]["spec"]
    assert alone["containers"][0]["command"] == ["truststream", "run", "--config=/etc/truststream/config.yaml"]
    assert not any("projected" in volume for volume in alone["volumes"])


def test_without_the_server_nothing_of_it_is_there() -> None:
    documents = render({"server": {"enabled": False}})
    assert not [one for one in documents if SERVER in one["metadata"]["name"]]
    (configuration,) = of_kind(documents, "ConfigMap")
    assert "server" not in yaml.safe_load(configuration["data"]["config.yaml"])


def _rights(documents: list[Object]) -> set[tuple[str, str]]:
    roles = [role for role in of_kind(documents, "ClusterRole") if SERVER in role["metadata"]["name"]]
    return {
        (verb, resource)
        for role in roles
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }


def test_it_may_read_flags_and_ask_for_reviews_and_nothing_else() -> None:
    assert _rights(render()) == {
        ("get", "featureflags"),
        ("list", "featureflags"),
        ("watch", "featureflags"),
        ("list", "configmaps"),
        ("watch", "configmaps"),
        ("create", "tokenreviews"),
        ("create", "subjectaccessreviews"),
    }


def test_for_some_namespaces_it_may_read_only_theirs() -> None:
    documents = render({"server": {"namespaces": ["shop", "blog"]}})
    everywhere = [one["metadata"]["name"] for one in of_kind(documents, "ClusterRoleBinding")]
    assert f"{SERVER}-flags" not in everywhere
    bound = {
        one["metadata"]["namespace"]: one["roleRef"]["name"]
        for one in of_kind(documents, "RoleBinding")
        if one["metadata"]["name"].startswith(SERVER)
    }
    assert bound == {"shop": f"{SERVER}-flags", "blog": f"{SERVER}-flags"}


def test_flagd_takes_one_namespace_each_from_the_server() -> None:
    values = {
        "server": {"anonymous": ["*"], "tls": {"secretName": "certificate"}},
        "flagd": {"enabled": True, "namespaces": ["shop", "blog"]},
    }
    documents = render(values)
    for namespace in ("shop", "blog"):
        name = f"truststream-flagd-{namespace}"
        pod = one_of_kind(documents, "Deployment", name)["spec"]["template"]
        (container,) = pod["spec"]["containers"]
        (sources,) = (one.partition("=")[2] for one in container["args"] if one.startswith("--sources="))
        (source,) = yaml.safe_load(sources)
        assert source["uri"] == f"{SERVER}.{NAMESPACE}.svc:8015"
        assert (source["provider"], source["selector"]) == ("grpc", f"flagSetId={namespace}")
        assert (source["tls"], source["certPath"]) == (True, "/etc/flagd/ca.crt")
        selector = one_of_kind(documents, "Service", name)["spec"]["selector"]
        assert selector.items() <= pod["metadata"]["labels"].items()
        assert pod["spec"]["automountServiceAccountToken"] is False


def test_alerts_speak_of_the_servers_own_job() -> None:
    rules = {"prometheusRule": {"enabled": True}, "serviceMonitor": {"enabled": True}}
    documents = render(rules)
    (group,) = one_of_kind(documents, "PrometheusRule")["spec"]["groups"]
    told = [rule for rule in group["rules"] if "Server" in rule["alert"]]
    assert len(told) == 2
    service = one_of_kind(documents, "Service", SERVER)["metadata"]["name"]  # a ServiceMonitor's job
    assert all(f'job="{service}"' in rule["expr"] for rule in told)
    assert one_of_kind(documents, "ServiceMonitor", SERVER)["spec"]["endpoints"][0]["port"] == "health"
    off = render({**rules, "server": {"enabled": False}})
    (group,) = one_of_kind(off, "PrometheusRule")["spec"]["groups"]
    assert not [rule for rule in group["rules"] if "Server" in rule["alert"]]


def test_names_are_those_that_the_code_uses() -> None:
    account = one_of_kind(render(), "ServiceAccount", SERVER)["metadata"]
    assert f"system:serviceaccount:{account['namespace']}:{account['name']}" == server_verb.USER
    policies = str(of_kind(render(), "MutatingAdmissionPolicy"))
    for stamp in (names.CHANGED_BY_ANNOTATION, names.APPROVE_BY_ANNOTATION, names.APPROVE_GROUPS_ANNOTATION):
        assert f'"key": "{stamp.partition("/")[2]}"' in policies
