"""Every field by itself: what it takes and what it refuses, with the words."""

from typing import Any

import pytest

from .conftest import Desk

LONG = "x" * 70
NUMBER = "must be a whole number from"
CIDR = "must be an IPv4 network such as 203.0.113.0/24"
NAME = "lower-case letters, digits and hyphens, starting with a letter, not ending in a hyphen"
WORKLOAD = f"this name is not allowed; it must be 1 to 32 {NAME}, and not a reserved namespace"
CPU = 'must be processor time above 0, in text, such as "250m" or "1.5"'
MEMORY = 'must be memory above 0, in text, such as "256Mi" or "2Gi"'
PRIVATE = "must be a private IPv4 network from /16 to /20"

ACCEPTED: list[tuple[str, Any]] = [
    ("environment.kind", "all"),
    ("environment.tags", {"owner": "Zoë", "cost-center": ""}),
    ("existing.hosted_zone.name", "example.com"),
    ("network.cidr", "192.168.0.0/20"),
    ("network.cidr", "100.64.0.0/16"),
    ("network.zones", ["eu-west-1c", "eu-west-1a", "eu-west-1b"]),
    ("network.nat", "none"),
    ("network.nat", "per_zone"),
    ("network.endpoints", ["s3", "ecr", "eks-auth"]),
    ("network.flow_logs", {"traffic": "reject", "interval": 60, "retention": 365}),
    ("cluster.extra_addons", {"aws-ebs-csi-driver": {"version": "v1.66.0-eksbuild.1", "configuration": "{}"}}),
    ("cluster.external_dns", {"policy": "sync", "sources": ["service", "gateway-grpcroute"]}),
    ("services.orders.architecture", "arm64"),
    ("cluster.version", "1.34"),
    ("cluster.version", "1.35"),
    ("cluster.public_access_cidrs", ["203.0.113.0/24", "0.0.0.0/0"]),
    ("cluster.zones", ["eu-west-1b", "eu-west-1a"]),
    ("cluster.logs", []),
    ("cluster.logs", ["controllerManager", "scheduler"]),
    ("cluster.log_retention", 3653),
    ("cluster.support", "extended"),
    ("cluster.addons", {"coredns": "v1.14.7-eksbuild.10"}),
    ("cluster.access", {"ops": {"principal_arn": "arn:aws-cn:iam::111122223333:role/a/b", "policy": "view"}}),
    ("cluster.access", {"ops": {"principal_arn": "arn:aws:iam::111122223333:user/x", "policy": "cluster_admin"}}),
    (
        "cluster.access",
        {
            "ops": {
                "principal_arn": "arn:aws:iam::111122223333:role/x",
                "policy": "edit",
                "namespaces": ["a", "dev-*", "x*", "a-b"],
            }
        },
    ),
    ("cluster.node_groups.general.ami", "bottlerocket"),
    ("cluster.node_groups.general.capacity", "spot"),
    ("cluster.node_groups.general.autoscaled", True),
    ("cluster.node_groups.general.disk_size", 20),
    ("cluster.node_groups.general.labels", {"team": "a", "example.com/team": "a.b", "node.kubernetes.io/x": "y"}),
    ("cluster.node_groups.general.labels", {f"example.com/{'a' * 51}": "b" * 63}),
    ("cluster.node_groups.general.taints", {"gpu": {"effect": "PREFER_NO_SCHEDULE", "value": ""}}),
    ("environment.tags", {"cost center": "one two", "x": "y" * 256, "k" * 128: ""}),
    ("cluster.access", {"ops": {"principal_arn": "arn:aws:iam::111122223333:role/team/ops/a", "policy": "view"}}),
    ("load_balancers.public.idle_timeout", 1),
    ("load_balancers.public.idle_timeout", 4000),
    ("load_balancers.public.client_keep_alive", 604800),
    ("load_balancers.public.generation", 7),
    ("services.orders.expose.alb.generation", 7),
    ("load_balancers.public.tls_policy", "ELBSecurityPolicy-TLS13-1-2-2021-06"),
    ("load_balancers.public.allow_cidrs", ["10.0.0.0/8"]),
    ("load_balancers.public.certificate", {"domains": ["dev.example.com", "*.dev.example.com"]}),
    ("services.orders.port", 65535),
    ("services.orders.image", {"uri": "localhost:5000/acme/orders", "tag": "latest"}),
    ("services.orders.image", {"repository": "orders", "digest": "sha256:" + "0f" * 32}),
    ("services.orders.health", {"path": "/AWS.ALB/healthcheck", "success_codes": "12"}),
    ("services.orders.health", {"success_codes": "0,5-12"}),
    ("services.orders.health", {"service": "ready", "liveness": "live", "port": 9000, "interval": 300, "timeout": 120}),
    ("services.orders.drain", 3600),
    ("services.orders.scaling", {"min": 1, "max": 1, "cpu": 100, "memory": 1}),
    ("services.orders.resources", {"cpu": "0.125", "memory": "1G", "cpu_limit": "2", "memory_limit": "1Gi"}),
    ("services.orders.env", {"LOG_LEVEL": "", "_x": "line one\nline two"}),
    ("services.orders.secrets", {"TOKEN": "value"}),
    ("services.orders.expose.alb.algorithm", "weighted_random"),
    ("services.orders.expose.alb.slow_start", 30),
    ("services.orders.expose.alb.slow_start", 900),
    ("services.web.expose.alb.paths", ["/", "/a/b/*", "/*", "/x/"]),
    ("services.web.health", {"path": "/ready?full=1", "success_codes": "200-299,401"}),
]

REFUSED: list[tuple[str, Any, str]] = [
    ("environment.kind", "none", 'must be one of all, platform, services; received "none"'),
    ("cluster.compute", "auto", '"auto" is not available yet; must be node_groups'),
    ("cluster.compute", "fargate", '"fargate" is not available yet; must be node_groups'),
    ("network.endpoints", ["s4"], "must be one of autoscaling, dynamodb, ec2, ecr"),
    ("network.flow_logs", {"retention": 31}, "must be one of 1, 3, 5, 7"),
    ("network.flow_logs", {"interval": True}, "must be one of 60, 600; received true"),
    ("cluster.extra_addons", {"aws-ebs-csi-driver": {"version": "1.66"}}, "must be an add-on build such as"),
    ("cluster.external_dns", {"policy": "all"}, "must be one of upsert-only, sync, create-only"),
    ("services.orders.architecture", "x86_64", 'must be one of amd64, arm64; received "x86_64"'),
    ("environment.protected", "true", 'must be true or false; received "true"; remove the quotes'),
    ("environment.protected", 1, "must be true or false; received 1"),
    (
        "environment.tags",
        {f"tag{i}": "" for i in range(41)},
        "must be a map of at most 40 entries; received a map of 41",
    ),
    ("environment.tags.owner", 5, "must be 0 to 256 letters"),
    ("existing.hosted_zone.id", "/hostedzone/Z1", "must be a hosted zone id such as Z0123456789ABCDEFGHIJ"),
    ("existing.hosted_zone.name", "example.com.", "must be a domain name in lower case"),
    ("existing.hosted_zone.name", "Example.com", "must be a domain name in lower case"),
    ("network.cidr", "8.8.0.0/16", PRIVATE),
    ("network.cidr", "10.0.0.0/15", PRIVATE),
    ("network.cidr", "10.0.0.0/21", PRIVATE),
    ("network.cidr", "10.0.0.0", PRIVATE),
    ("network.cidr", "fd00::/16", PRIVATE),
    ("network.cidr", "10.0.1.0/16", 'must be an IPv4 network written 10.0.0.0/16; received "10.0.1.0/16"'),
    ("network.cidr", "10.300.0.0/16", "must be an IPv4 network"),
    ("network.zones", ["eu-west-1a"], "must be a list of 2 to 3, each an availability zone such as eu-west-1a"),
    ("network.zones", ["eu-west-1a"] * 4, "must be a list of 2 to 3"),
    ("network.zones", ["eu-west-1a", "eu-west-1a"], "must be a list in which each zone occurs once"),
    ("network.zones", "eu-west-1a", "must be a list of 2 to 3"),
    ("network.nat", "double", 'must be one of none, single, per_zone; received "double"'),
    ("cluster.version", 1.36, 'must be one of 1.34, 1.35, 1.36, 1.37; received 1.36; put it in quotes: "1.36"'),
    ("cluster.version", "1.33", 'received "1.33"'),
    ("cluster.zones", ["eu-west-1a"], "must be a list of 2 to 3, each an availability zone such as eu-west-1a"),
    ("cluster.zones", [], "must be a list of 2 to 3"),
    ("cluster.zones", ["eu-west-1a", "eu-west-1a"], "must be a list in which each zone occurs once"),
    ("cluster.public_access_cidrs", ["203.0.113.1"], CIDR),
    ("cluster.public_access_cidrs", ["203.0.113.1/24"], "must be an IPv4 network written 203.0.113.0/24"),
    ("cluster.public_access_cidrs", ["1.1.1.1/32"] * 2, "must be a list in which each value occurs once"),
    ("cluster.public_access_cidrs", [f"1.1.1.{i}/32" for i in range(41)], "must be a list of at most 40"),
    ("cluster.node_groups", {}, "must be a map of 1 to 30 entries; received a map of 0 keys"),
    (
        "cluster.logs",
        ["apis"],
        'must be one of api, audit, authenticator, controllerManager, scheduler; received "apis"',
    ),
    ("cluster.log_retention", 91, "must be one of 1, 3, 5"),
    ("cluster.log_retention", True, "must be one of 1, 3, 5"),
    ("cluster.log_retention", 90.0, "must be one of 1, 3, 5"),
    ("cluster.support", "basic", "must be one of standard, extended"),
    ("cluster.addons.coredns", "1.14", "must be an add-on build such as v1.36.0-eksbuild.25"),
    (
        "cluster.node_groups.general.architecture",
        "arm",
        'must be one of amd64, arm64; received "arm"; did you mean "arm64"?',
    ),
    (
        "cluster.node_groups.general.ami",
        "al2",
        'must be one of al2023, bottlerocket; received "al2"; did you mean "al2023"?',
    ),
    ("cluster.node_groups.general.instance_types", [], "must be a list of 1 to 20"),
    ("cluster.node_groups.general.instance_types", ["m7g"], "must be an EC2 instance type such as m7g.large"),
    ("cluster.node_groups.general.autoscaled", "yes", 'must be true or false; received "yes"'),
    ("cluster.node_groups.general.min", -1, f"{NUMBER} 0 to 450; received -1"),
    ("cluster.node_groups.general.max", 451, f"{NUMBER} 1 to 450; received 451"),
    ("cluster.node_groups.general.disk_size", 19, f"{NUMBER} 20 to 16384; received 19"),
    ("cluster.node_groups.general.release_version", "latest", "must be an AMI release such as 1.36.4-20260923"),
    ("cluster.node_groups.general.labels.team", "-x", "must be 1 to 63 letters"),
    ("cluster.node_groups.general.labels.team", "", "must be 1 to 63 letters"),
    ("cluster.node_groups.general.labels.team", "x" * 64, "must be 1 to 63 letters"),
    ("cluster.node_groups.general.taints", {"gpu": {"effect": "NO_EXECUTE", "value": "x" * 64}}, "must be 0 to 63"),
    ("cluster.node_groups.general.labels", {f"example.com/{'a' * 52}": "y"}, "a Kubernetes label key of 1 to 63"),
    (
        "cluster.node_groups.general.taints",
        {f"example.com/{'a' * 52}": {"effect": "NO_SCHEDULE"}},
        "a Kubernetes label key of 1 to 63",
    ),
    (
        "cluster.access",
        {"ops": {"principal_arn": "arn:aws:iam::111122223333:role/x", "policy": "edit", "namespaces": ["dev-"]}},
        "must be a namespace such as orders, or with a final * such as dev-*",
    ),
    ("environment.tags", {" x": "y"}, "not starting or ending with a space"),
    ("environment.tags", {" ": "y"}, "not starting or ending with a space"),
    ("environment.tags.owner", " me", "not starting or ending with a space"),
    ("environment.tags.owner", "me ", "not starting or ending with a space"),
    (
        "cluster.access",
        {"ops": {"principal_arn": "arn:aws:iam::111122223333:role//ops", "policy": "view"}},
        "must be the ARN of an IAM role or user",
    ),
    (
        "cluster.access",
        {"ops": {"principal_arn": "arn:aws:iam::111122223333:role/ops/", "policy": "view"}},
        "must be the ARN of an IAM role or user",
    ),
    ("cluster.node_groups.general.taints", {"gpu": {"effect": "no"}}, "must be one of NO_SCHEDULE"),
    ("load_balancers.public.scheme", "public", "must be one of internet-facing, internal"),
    ("load_balancers.public.owner", "ingres", 'one of pulumi, ingress, gateway; received "ingres"; did you mean'),
    ("load_balancers.public.idle_timeout", 4001, f"{NUMBER} 1 to 4000; received 4001"),
    ("load_balancers.public.generation", 0, f"{NUMBER} 1 to 1000; received 0"),
    ("services.orders.expose.alb.generation", 1001, f"{NUMBER} 1 to 1000; received 1001"),
    ("load_balancers.public.client_keep_alive", 59, f"{NUMBER} 60 to 604800; received 59"),
    ("load_balancers.public.tls_policy", "ELBSecurityPolicy-2016-08", "must be one of ELBSecurityPolicy-TLS13"),
    ("load_balancers.public.allow_cidrs", [], "must be a list of 1 to 60"),
    ("load_balancers.public.certificate", {"arn": "arn:aws:iam::1:x"}, "must be the ARN of an ACM certificate"),
    ("services.orders.protocol", "gRPC", 'must be one of grpc, http; received "gRPC"; did you mean "grpc"?'),
    ("services.orders.port", 0, f"{NUMBER} 1 to 65535; received 0"),
    ("services.orders.port", "50051", f'{NUMBER} 1 to 65535; received "50051"; remove the quotes'),
    ("services.orders.port", True, f"{NUMBER} 1 to 65535; received true"),
    ("services.orders.port", 5.5, f"{NUMBER} 1 to 65535; received 5.5"),
    (
        "services.orders.image.uri",
        "https://ghcr.io/a/b",
        "must be registry and repository without scheme, tag or digest",
    ),
    ("services.orders.image.uri", "nginx:1.27", "must be registry and repository without scheme, tag or digest"),
    ("services.orders.image.digest", "sha256:abc", "must be sha256: and 64 hexadecimal digits"),
    ("services.orders.image.tag", "a b", "must be 1 to 128 letters"),
    (
        "services.orders.grpc_services",
        ["acme/Orders"],
        "must be a full gRPC service name such as acme.orders.v1.Orders",
    ),
    ("services.orders.grpc_services", ["a.B", "a.B"], "must be a list in which each value occurs once"),
    ("services.orders.health.service", "a b", "must be a name of the gRPC health service"),
    ("services.orders.health.path", "healthz", "must be a path that starts with / and has no spaces"),
    (
        "services.orders.health.success_codes",
        0,
        'must be codes in text such as "0", "0,12" or "200-299"; received 0; put it',
    ),
    ("services.orders.health.interval", 4, f"{NUMBER} 5 to 300; received 4"),
    ("services.orders.health.timeout", 1, f"{NUMBER} 2 to 120; received 1"),
    ("services.orders.health.healthy", 1, f"{NUMBER} 2 to 10; received 1"),
    ("services.orders.health.unhealthy", 11, f"{NUMBER} 2 to 10; received 11"),
    ("services.orders.health.port", 65536, f"{NUMBER} 1 to 65535; received 65536"),
    ("services.orders.expose.alb.host", "orders", "must be a domain name in lower case"),
    ("services.orders.expose.alb.host", "*.dev.example.com", "must be a domain name in lower case"),
    ("services.orders.expose.alb.host", "orders.xn--p1ai", "with letters only behind the last dot"),
    ("services.orders.expose.alb.host", "orders.x", "with letters only behind the last dot"),
    ("load_balancers.public.certificate", {"domains": ["*.dev.x"]}, "must be a domain name in lower case"),
    ("services.orders.expose.alb.host", f"{'a' * 60}.{'b' * 60}.dev.example.com", "at most 128"),
    ("services.orders.expose.alb.algorithm", "lor", "must be one of round_robin, least_outstanding_requests"),
    ("services.orders.expose.alb.slow_start", 901, f"{NUMBER} 0 to 900; received 901"),
    ("services.orders.expose.alb.routes.purge.methods", [], "must be a list of at least 1"),
    ("services.orders.expose.alb.routes.purge.methods", ["Purge"], "must be a full gRPC method such as"),
    ("services.orders.expose.alb.routes.purge.methods", ["/a.B/C"], "must be a full gRPC method such as"),
    (
        "services.orders.expose.alb.routes.purge.headers",
        {},
        "must be a map of at least 1 entries; received a map of 0 keys",
    ),
    ("services.orders.expose.alb.routes.purge.headers.x-role", "admin", "must be a list of at least 1"),
    ("services.orders.expose.alb.routes.purge.headers.x-role", ["x" * 129], "which has 129 characters (at most 128)"),
    ("services.orders.expose.alb.routes.purge.headers.x-role", ["né"], "must be 1 to 128 printable ASCII characters"),
    ("services.web.expose.alb.paths", ["api"], "must be a path such as /api/v1/users or /api/*"),
    ("services.web.expose.alb.paths", ["/a*/b"], "must be a path such as /api/v1/users or /api/*"),
    ("services.web.expose.alb.paths", ["/" + "x" * 128], "which has 129 characters (at most 128)"),
    ("services.orders.drain", 0, f"{NUMBER} 1 to 3600; received 0"),
    ("services.orders.drain", 3601, f"{NUMBER} 1 to 3600; received 3601"),
    ("services.orders.scaling.min", 0, f"{NUMBER} 1 to 1000; received 0"),
    ("services.orders.scaling.max", 1001, f"{NUMBER} 1 to 1000; received 1001"),
    ("services.orders.scaling.cpu", 101, f"{NUMBER} 1 to 100; received 101"),
    ("services.orders.scaling.memory", 0, f"{NUMBER} 1 to 100; received 0"),
    ("services.orders.resources.cpu", 1, f'{CPU}; received 1; put it in quotes: "1"'),
    ("services.orders.resources.cpu", "0m", CPU),
    ("services.orders.resources.cpu", "250Mi", CPU),
    ("services.orders.resources.memory", "256m", MEMORY),
    ("services.orders.resources.memory", "0", MEMORY),
    (
        "services.orders.env.DEBUG",
        True,
        'must be text without a NUL character; received true; put it in quotes: "true"',
    ),
    ("services.orders.env.A", "a\ud800", 'must be text of whole characters; received "a\\ud800"'),
    ("services.orders.env.A", "a\x00b", 'must be text without a NUL character; received "a\\u0000b"'),
]

KEYS: list[tuple[tuple[str, ...], Any, str]] = [
    (("services", "Orders"), {}, WORKLOAD),
    (("services", "kube-dns"), {}, WORKLOAD),
    (("services", "default"), {}, WORKLOAD),
    (("services", "aws-x"), {}, WORKLOAD),
    (("services", "amazon-x"), {}, WORKLOAD),
    (("services", "a" * 33), {}, WORKLOAD),
    (("services", "orders-"), {}, WORKLOAD),
    (("services", "1orders"), {}, WORKLOAD),
    (("load_balancers", "b" * 21), {"scheme": "internal"}, f"this name is not allowed; it must be 1 to 20 {NAME}"),
    (("cluster", "node_groups", "a_b"), {}, f"this name is not allowed; it must be 1 to 32 {NAME}"),
    (("cluster", "access", "a" * 33), {}, f"this name is not allowed; it must be 1 to 32 {NAME}"),
    (
        ("cluster", "addons", "core-dns"),
        "v1.1.1-eksbuild.1",
        'this name is not allowed; did you mean "coredns"? it must',
    ),
    (
        ("cluster", "addons", "aws-ebs-csi-driver"),
        "v1.1.1-eksbuild.1",
        "this name is not allowed; it must be one of coredns",
    ),
    (("cluster", "node_groups", "general", "labels", "kubernetes.io/x"), "y", "outside kubernetes.io, k8s.io"),
    (
        ("cluster", "node_groups", "general", "labels", "node-role.kubernetes.io/x"),
        "y",
        "outside kubernetes.io, k8s.io",
    ),
    (("cluster", "node_groups", "general", "labels", "eks.amazonaws.com/x"), "y", "outside kubernetes.io, k8s.io"),
    (("cluster", "node_groups", "general", "labels", "a..b/x"), "y", "a Kubernetes label key of 1 to 63 characters"),
    (("cluster", "node_groups", "general", "labels", "a-.b/x"), "y", "a Kubernetes label key of 1 to 63 characters"),
    (("environment", "tags", "aws:x"), "y", "not starting with aws:"),
    (("environment", "tags", "AWS:x"), "y", "not starting with aws:"),
    (("services", "orders", "env", "A-B"), "y", "letters, digits and underscores, not starting with a digit"),
    (
        ("services", "orders", "expose", "alb", "routes", "purge", "headers", "x_role"),
        ["a"],
        "a header name of 1 to 40",
    ),
    (
        ("services", "orders", "expose", "alb", "routes", "purge", "headers", "h" * 41),
        ["a"],
        "a header name of 1 to 40",
    ),
    (("services", "orders", "expose", "alb", "routes", "purge", "headers", "Host"), ["a"], "other than host"),
]


@pytest.mark.parametrize(("path", "value"), ACCEPTED)
def test_what_is_allowed_is_taken(desk: Desk, path: str, value: Any) -> None:
    assert desk.put(path, value).lines() == []


@pytest.mark.parametrize(("path", "value", "words"), REFUSED)
def test_what_is_not_allowed_is_refused_where_it_stands(desk: Desk, path: str, value: Any, words: str) -> None:
    lines = desk.put(path, value).lines()
    assert any(line.startswith(path) and words in line for line in lines), lines


@pytest.mark.parametrize(("path", "value", "words"), KEYS)
def test_a_key_that_becomes_a_name_has_a_form(desk: Desk, path: tuple[str, ...], value: Any, words: str) -> None:
    lines = desk.put(path, value).lines()
    assert any(path[-1] in line.split(" ")[0] and words in line for line in lines), lines


@pytest.mark.parametrize(
    "path",
    [
        "network",
        "cluster",
        "network.zones",
        "cluster.node_groups",
        "services.orders.protocol",
        "services.orders.port",
        "cluster.node_groups.general.instance_types",
        "load_balancers.public.scheme",
        "services.orders.expose.alb.host",
        "existing.hosted_zone.id",
        "existing.hosted_zone.name",
    ],
)
def test_what_has_no_default_must_be_said(desk: Desk, path: str) -> None:
    lines = desk.drop(path).lines()
    assert any(line.startswith(f"{path}: missing; must be ") for line in lines), lines
