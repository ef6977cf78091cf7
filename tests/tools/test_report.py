"""What the commands say at the end."""

import pytest

from tools import preview, report

STATE = {
    "resources": [
        {
            "type": "pulumi:pulumi:Stack",
            "outputs": {
                "cluster": {"name": "grpc-platform-local", "version": "1.36"},
                "endpoints": {"orders": "orders.example.com:443", "stock": "stock.example.com:443"},
                "clients": {
                    "orders": {"grpcurl": "grpcurl orders.example.com:443 list", "service_config": "{}"},
                    "stock": {"grpcurl": "grpcurl stock.example.com:443 list"},
                },
                "repositories": {"stock": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/local/stock"},
                "topology": {"public": {"orders": {"running": True}, "stock": {"running": False}}},
            },
        },
        {"type": "pulumi:providers:aws"},
        {"type": "grpc-platform:index:Network"},
        {"type": "eks:index:Cluster"},
        {"type": "aws:ec2/vpc:Vpc"},
        *[{"type": "aws:ec2/subnet:Subnet"}] * 3,
        {"type": "aws:kms/alias:Alias"},
        *[{"type": "kubernetes:policy/v1:PodDisruptionBudget"}] * 2,
        *[{"type": "kubernetes:networking.k8s.io/v1:NetworkPolicy"}] * 2,
    ]
}


def test_the_summary_of_up() -> None:
    assert report.up(STATE, 12.3).splitlines() == [
        "The platform is up on the local cloud: 9 resources, 12 s.",
        "",
        "  Network         3 subnets, 1 VPC",
        "  Kubernetes      2 network policies, 2 pod disruption budgets",
        "  Access          1 alias",
        "",
        "Cluster",
        "  name grpc-platform-local, version 1.36",
        "",
        "How each workload is reached",
        "  orders  orders.example.com:443",
        "          grpcurl orders.example.com:443 list",
        "  stock   stock.example.com:443   (no image yet, so nothing runs)",
        "",
        "Try next",
        "  make preview env=dev                               another environment, offline",
        "  .venv/bin/python -m local_cloud push local/stock   record an image for stock, then set its digest",
        "  .venv/bin/python -m local_cloud list               everything that exists now",
        '  eval "$(make -s env)"                              then plain `pulumi` commands work in this shell',
        "  make down                                          remove everything",
    ]


def test_strange_outputs_do_no_harm() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}
    for outputs in (
        {},
        {"endpoints": secret, "cluster": secret, "repositories": secret, "topology": secret},
        {"endpoints": {"a": secret}, "clients": {"a": 3}, "topology": {"x": 1}, "repositories": {"a": None}},
        {"endpoints": [], "cluster": ["a"], "clients": None},
    ):
        text = report.up({"resources": [{"type": "pulumi:pulumi:Stack", "outputs": outputs}]}, 0)
        assert "make down" in text
        assert "v1:abc" not in text


def test_long_lists_wrap() -> None:
    kinds = [f"aws:ec2/thing{number}:RatherLongKindOfResource{number}" for number in range(9)]
    lines = report.counted(kinds)
    assert len(lines) > 2
    assert max(map(len, lines)) <= 100
    assert sum(line.count("1 rather long kind") for line in lines) == 9


def step(kind: str, inputs: dict[str, object]) -> dict[str, object]:
    urn = f"urn:pulumi:dev::grpc-platform::{kind}::orders-binding"
    return {"op": "create", "type": kind, "urn": urn, "new": {"inputs": inputs}}


@pytest.mark.parametrize(
    ("metadata", "problems"),
    [
        ({"namespace": "orders"}, []),  # the provider gives it a name
        ({"namespace": "orders", "name": "UPPER"}, ["orders-binding (Service): metadata.name"]),
    ],
)
def test_manifests_in_a_preview_are_judged(metadata: dict[str, str], problems: list[str]) -> None:
    service: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"ports": [{"port": 80}]},
    }
    planned = [step("kubernetes:core/v1:Service", service), step("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"})]
    found = [line.strip() for line in preview.manifest_problems(planned, "1.36")]
    assert len(found) == len(problems)
    assert all(line.startswith(start) for line, start in zip(found, problems, strict=True))


def test_a_manifest_of_an_unusable_shape_is_no_traceback() -> None:
    planned = [step("kubernetes:core/v1:Service", {"apiVersion": "v1", "kind": "Service", "metadata": "text"})]
    assert list(preview.manifest_problems(planned, "1.36"))


def test_the_summary_names_what_vpc_lattice_serves() -> None:
    clients = {"orders": {"target": "dns:///orders.on.aws:443"}, "web": {"url": "https://web.on.aws"}, "new": None}
    outputs = {"lattice": {"service_network": {"name": "mesh"}, "clients": clients}}
    resources = [{"type": "pulumi:pulumi:Stack", "outputs": outputs}, {"type": "aws:vpclattice/service:Service"}]
    lines = report.up({"resources": resources}, 1).splitlines()
    assert "  VPC Lattice     1 service" in lines
    place = lines.index("Through VPC Lattice")
    assert lines[place + 1 : place + 3] == ["  orders  dns:///orders.on.aws:443", "  web     https://web.on.aws"]
    assert "Through VPC Lattice" not in report.up(STATE, 1)
