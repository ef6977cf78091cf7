"""The three stack files load, say what they promise, and hold nothing that is anyone's."""

import ipaddress
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from components.settings import Settings, json_schema, load

TOP = Path(__file__).parents[2]
STACKS = ("local", "dev", "prod")
DOCUMENTATION = [ipaddress.IPv4Network(net) for net in ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24")]


def text(stack: str) -> str:
    return (TOP / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")


def document(stack: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text(stack))
    return found


def readable(value: Any) -> Any:
    """With a placeholder for what only the owner of the passphrase can read."""
    if isinstance(value, dict):
        return "placeholder" if set(value) == {"secure"} else {key: readable(item) for key, item in value.items()}
    return [readable(item) for item in value] if isinstance(value, list) else value


def secret_paths(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return []
    if set(value) == {"secure"}:
        return [path]
    return [found for key, item in value.items() for found in secret_paths(item, (*path, key))]


def settings(stack: str) -> Settings:
    config = document(stack)["config"]
    sections = {key.removeprefix("grpc-platform:"): value for key, value in config.items() if key != "aws:region"}
    return load(readable(sections), region=config["aws:region"], secret_paths=secret_paths(sections))


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_file_loads_and_follows_the_schema(stack: str) -> None:
    assert settings(stack).services
    jsonschema.Draft202012Validator(json_schema()).validate(document(stack))
    assert text(stack).startswith("# yaml-language-server: $schema=settings.schema.json\n")


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_file_holds_documentation_values_only(stack: str) -> None:
    assert set(re.findall(r":([0-9]{12}):", text(stack))) <= {"111122223333"}
    for found in re.findall(r"\b[0-9]+(?:\.[0-9]+){3}/[0-9]+", text(stack)):
        network = ipaddress.IPv4Network(found)
        private = network.subnet_of(ipaddress.IPv4Network("10.0.0.0/8"))
        assert found == "0.0.0.0/0" or private or any(network.subnet_of(net) for net in DOCUMENTATION), found
    hosts = re.findall(r"(?:host|name): ([a-z0-9.-]+\.[a-z]+)\b", text(stack))
    assert hosts
    assert all(host.endswith("example.com") for host in hosts)


def test_local_is_small_and_has_no_secret() -> None:
    local = settings("local")
    assert (len(local.network.zones), len(local.cluster.node_groups), len(local.load_balancers)) == (2, 1, 1)
    orders = local.services["orders"]
    assert orders.grpc_services == ("acme.orders.v1.Orders",)
    assert orders.image is not None
    assert orders.image.uri
    assert orders.image.digest
    assert orders.expose.alb is not None
    assert orders.expose.alb.routes["purge"].headers
    assert any(workload.image is None for workload in local.services.values())
    assert "secure:" not in text("local")


def test_dev_shows_every_section_and_both_protocols_on_one_load_balancer() -> None:
    dev = settings("dev")
    assert {f"grpc-platform:{name}" for name in Settings.model_fields} <= set(document("dev")["config"])
    behind = {dev.services[name].protocol for name in dev.services if dev.load_balancer_of(name) == "public"}
    assert behind == {"grpc", "http"}
    assert any(workload.image is None for workload in dev.services.values())
    assert any(workload.secrets for workload in dev.services.values())


def test_dev_names_most_options() -> None:
    """A reader who knows only this file has seen nearly everything there is."""
    fields = {field for node in json_schema()["$defs"].values() for field in node["properties"]}
    missing = sorted(field for field in fields if not re.search(rf"\b{field}:", text("dev")))
    assert missing == ["deletion_protection", "generation", "release_version"]


def test_prod_is_hardened() -> None:
    prod = settings("prod")
    assert prod.environment.protected
    assert prod.network.nat == "per_zone"
    assert len(prod.network.zones) == 3
    assert prod.cluster.deletion_protection
    assert all(balancer.deletion_protection for balancer in prod.load_balancers.values())
    assert all(workload.image is not None and workload.image.digest for workload in prod.services.values())
    assert all(ipaddress.ip_network(cidr).prefixlen >= 28 for cidr in prod.cluster.public_access_cidrs)


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_secrets_are_encrypted_and_the_salt_says_that_they_are_examples(stack: str) -> None:
    assert "nobody can decrypt" in text(stack)
    assert "pulumi config set --secret --path" in text(stack)
    assert document(stack)["encryptionsalt"].startswith("v1:")
    paths = secret_paths(document(stack)["config"])
    assert paths
    assert all(path[2] == "secrets" for path in paths)
