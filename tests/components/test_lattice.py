"""VPC Lattice: what is made once for the stack, what for each workload, and in which order."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from components import lattice, settings
from components.platform import Platform
from tests.conftest import REGION

Raw = dict[str, Any]
Seen = Any

CALLER = "arn:aws:iam::444455556666:role/billing"
NETWORK = "aws:vpclattice/serviceNetwork:ServiceNetwork"
ASSOCIATION = "aws:vpclattice/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
AUTH_POLICY = "aws:vpclattice/authPolicy:AuthPolicy"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
RELEASE = "kubernetes:helm.sh/v3:Release"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
GRPC_ROUTE = "kubernetes:gateway.networking.k8s.io/v1:GRPCRoute"
HTTP_ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
TARGET_GROUP_POLICY = "kubernetes:application-networking.k8s.aws/v1alpha1:TargetGroupPolicy"
IAM_AUTH_POLICY = "kubernetes:application-networking.k8s.aws/v1alpha1:IAMAuthPolicy"
NAMESPACE = "kubernetes:core/v1:Namespace"


@pytest.fixture
def raw(minimal: Raw) -> Raw:
    """The smallest platform with VPC Lattice beside the load balancer of its workload."""
    minimal["lattice"] = {"prefix_lists": {"ipv4": "pl-0123456789abcdef0", "ipv6": "pl-0123456789abcdef1"}}
    minimal["services"]["orders"]["expose"]["lattice"] = {"allow": [CALLER]}
    return minimal


@pytest.fixture
def seen(platform: Callable[..., Seen], raw: Raw) -> Seen:
    return platform(raw)


def test_without_the_section_nothing_of_lattice_is_made(platform: Callable[..., Seen], minimal: Raw) -> None:
    kinds = {each.type for each in platform(minimal).all}
    assert not [kind for kind in kinds if "vpclattice" in kind or "gateway.networking" in kind]


def test_the_network_is_named_after_the_stack_and_calls_are_signed(seen: Seen) -> None:
    network = seen.one(NETWORK)
    assert (network.name, network.inputs["name"]) == ("service-network", "grpc-platform-test")
    assert network.inputs["authType"] == "AWS_IAM"
    policy = seen.one(AUTH_POLICY).inputs["policy"]
    assert "\n" not in policy
    (statement,) = json.loads(policy)["Statement"]
    assert statement["Condition"] == {"StringNotEqualsIgnoreCase": {"aws:PrincipalType": "Anonymous"}}


def test_without_iam_there_is_no_policy_anywhere(platform: Callable[..., Seen], raw: Raw) -> None:
    raw["lattice"]["auth"] = "none"
    raw["services"]["orders"]["expose"]["lattice"] = {}
    seen = platform(raw)
    assert seen.one(NETWORK).inputs["authType"] == "NONE"
    assert seen.of(AUTH_POLICY) == seen.of(IAM_AUTH_POLICY) == []


def test_the_vpc_is_associated_with_a_group_that_admits_its_clients(seen: Seen) -> None:
    assert seen.one(ASSOCIATION).inputs["securityGroupIds"] == ["service-network-clients-id"]
    rule = seen.one(INGRESS, "service-network-https-from-vpc").inputs
    assert (rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) == ("10.0.0.0/16", 443, 443)


def test_an_endpoint_takes_the_place_of_the_association(platform: Callable[..., Seen], raw: Raw) -> None:
    raw["lattice"]["association"] = "endpoint"
    seen = platform(raw)
    assert seen.of(ASSOCIATION) == []
    endpoint = seen.one(ENDPOINT).inputs
    assert endpoint["vpcEndpointType"] == "ServiceNetwork"
    assert endpoint["subnetIds"] == ["network-private-eu-west-1a-id", "network-private-eu-west-1b-id"]


def test_pods_admit_both_prefix_lists_on_all_ports_in_one_rule_each(platform: Callable[..., Seen], raw: Raw) -> None:
    raw["services"]["orders"]["expose"]["lattice"]["health_check"] = {"port": 8081, "path": "/healthz"}
    seen = platform(raw)
    rules = {each.name: each.inputs for each in seen.of(INGRESS) if each.name.startswith("service-network-to-pods")}
    assert {name: rule["prefixListId"] for name, rule in rules.items()} == {
        "service-network-to-pods-ipv4": "pl-0123456789abcdef0",
        "service-network-to-pods-ipv6": "pl-0123456789abcdef1",
    }
    for rule in rules.values():
        assert (rule["securityGroupId"], rule["fromPort"], rule["toPort"]) == ("sg-cluster", 8081, 50051)


def test_requests_are_logged_into_a_group_of_their_own(platform: Callable[..., Seen], raw: Raw) -> None:
    logs = platform(raw).one("aws:cloudwatch/logGroup:LogGroup", "service-network-log-group").inputs
    assert (logs["name"], logs["retentionInDays"]) == ("/aws/vendedlogs/vpc-lattice/grpc-platform-test", 90)
    raw["lattice"]["access_logs"] = False
    assert platform(raw).of("aws:vpclattice/accessLogSubscription:AccessLogSubscription") == []


def test_a_share_names_each_principal_by_itself(platform: Callable[..., Seen], raw: Raw) -> None:
    organization = "arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5"
    raw["lattice"]["share"] = {"principals": ["444455556666", organization]}
    seen = platform(raw)
    assert seen.names("aws:ram/principalAssociation:PrincipalAssociation") == [
        "service-network-share-with-444455556666",
        "service-network-share-with-o-a1b2c3d4e5",
    ]
    assert seen.one("aws:ram/resourceShare:ResourceShare").inputs["allowExternalPrincipals"] is False


def test_the_controller_asks_the_metadata_service_for_nothing_and_makes_no_network(seen: Seen) -> None:
    release = seen.one(RELEASE, "lattice-controller-release").inputs
    assert release["chart"].startswith("oci://public.ecr.aws/")
    values = release["values"]
    assert (values["awsRegion"], values["awsAccountId"]) == (REGION, "111122223333")
    assert (values["clusterVpcId"], values["clusterName"]) == ("network-vpc-id", "grpc-platform-test")
    assert "defaultServiceNetwork" not in values


def test_the_controllers_rights_stop_short_of_the_network() -> None:
    from components.lattice_controller import controller_policy

    actions = [action for each in json.loads(controller_policy())["Statement"] for action in each["Action"]]
    assert "vpc-lattice:*" not in actions
    assert not [action for action in actions if action.endswith(("ServiceNetwork", "VpcAssociation"))]


def test_the_gateway_has_the_networks_name_and_one_https_listener(seen: Seen) -> None:
    gateway = seen.one(GATEWAY).inputs
    assert gateway["metadata"]["name"] == seen.one(NETWORK).inputs["name"]
    (listener,) = gateway["spec"]["listeners"]
    assert (listener["protocol"], listener["port"], listener["tls"]["mode"]) == ("HTTPS", 443, "Terminate")


def test_grpc_is_routed_by_service_and_never_checked_in_grpc(platform: Callable[..., Seen], raw: Raw) -> None:
    raw["services"]["orders"]["grpc_services"] = ["acme.orders.v1.Orders", "acme.orders.v1.Reports"]
    seen = platform(raw)
    spec = seen.one(GRPC_ROUTE).inputs["spec"]
    assert spec["parentRefs"] == [
        {"name": "grpc-platform-test", "namespace": "aws-application-networking-system", "sectionName": "https"}
    ]
    methods = [match["method"] for rule in spec["rules"] for match in rule["matches"]]
    assert methods == [
        {"type": "Exact", "service": "acme.orders.v1.Orders"},
        {"type": "Exact", "service": "acme.orders.v1.Reports"},
    ]
    policy = seen.one(TARGET_GROUP_POLICY).inputs["spec"]
    assert policy["targetRef"] == {"group": "", "kind": "Service", "name": "orders"}
    assert policy["healthCheck"] == {"enabled": False}
    assert "protocolVersion" not in policy


def test_a_grpc_server_is_checked_in_http_where_it_says_so(platform: Callable[..., Seen], raw: Raw) -> None:
    raw["services"]["orders"]["expose"]["lattice"]["health_check"] = {"port": 8081, "path": "/healthz", "interval": 10}
    check = platform(raw).one(TARGET_GROUP_POLICY).inputs["spec"]["healthCheck"]
    assert check == {
        "enabled": True,
        "protocol": "HTTP",
        "protocolVersion": "HTTP1",
        "port": 8081,
        "path": "/healthz",
        "statusMatch": "200",
        "intervalSeconds": 10,
        "timeoutSeconds": 5,
        "healthyThresholdCount": 5,
        "unhealthyThresholdCount": 2,
    }


def test_the_port_of_the_check_is_a_port_of_the_container(platform: Callable[..., Seen], raw: Raw) -> None:
    raw["services"]["orders"]["expose"]["lattice"]["health_check"] = {"port": 8081, "path": "/healthz"}
    (container,) = platform(raw).one("kubernetes:apps/v1:Deployment").inputs["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 50051, "lattice-health": 8081}


def test_http_workloads_have_an_http_route_and_are_checked_as_ever(platform: Callable[..., Seen], raw: Raw) -> None:
    orders = raw["services"]["orders"]
    del orders["grpc_services"], orders["expose"]["alb"]
    orders |= {"protocol": "http", "health": {"path": "/ready", "port": 8081}}
    seen = platform(raw)
    (rule,) = seen.one(HTTP_ROUTE).inputs["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    policy = seen.one(TARGET_GROUP_POLICY).inputs["spec"]
    assert (policy["protocol"], policy["protocolVersion"]) == ("HTTP", "HTTP1")
    assert (policy["healthCheck"]["path"], policy["healthCheck"]["port"]) == ("/ready", 8081)


def test_only_the_named_principals_may_call_a_workload(seen: Seen) -> None:
    spec = seen.one(IAM_AUTH_POLICY).inputs["spec"]
    assert spec["targetRef"] == {"group": "gateway.networking.k8s.io", "kind": "GRPCRoute", "name": "orders"}
    (statement,) = json.loads(spec["policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Allow", {"AWS": [CALLER]})


def annotations(seen: Seen) -> dict[str, str]:
    found: dict[str, str] = seen.one(GRPC_ROUTE).inputs["metadata"]["annotations"]
    return found


def test_the_idle_timeout_is_the_services(platform: Callable[..., Seen], raw: Raw) -> None:
    raw["services"]["orders"]["expose"]["lattice"]["idle_timeout"] = 300
    assert annotations(platform(raw))["application-networking.k8s.aws/idle-timeout-seconds"] == "300"


def test_services_of_two_stacks_never_share_a_name(platform: Callable[..., Seen], raw: Raw) -> None:
    key = "application-networking.k8s.aws/service-name-override"
    long = "a-workload-with-a-rather-long-name"[:32].rstrip("-")
    raw["services"][long] = deepcopy(raw["services"].pop("orders"))
    one, two = (annotations(platform(raw, stack=stack))[key] for stack in ("test", "other"))
    assert one != two
    assert max(len(one), len(two)) <= 40


def test_routes_go_before_the_gateway_and_that_before_the_controller_and_the_network(seen: Seen) -> None:
    route, gateway, release = seen.one(GRPC_ROUTE), seen.one(GATEWAY), seen.one(RELEASE, "lattice-controller-release")
    assert {gateway.urn, release.urn, seen.one(TARGET_GROUP_POLICY).urn} <= set(route.depends_on)
    assert {release.urn, seen.one(NETWORK).urn, seen.one(ASSOCIATION).urn} <= set(gateway.depends_on)
    assert {each.urn for each in seen.of(INGRESS) if "to-pods-ipv" in each.name} <= set(gateway.depends_on)
    assert route.urn in seen.one(IAM_AUTH_POLICY).depends_on
    assert release.urn in seen.one(NAMESPACE, "orders-namespace").depends_on
    assert route.urn in seen.one("kubernetes:apps/v1:Deployment").depends_on
    assert seen.one("aws:eks/podIdentityAssociation:PodIdentityAssociation", "lattice-controller-identity").urn in (
        release.depends_on
    )


def test_pods_wait_for_lattice_too(seen: Seen) -> None:
    labels = seen.one(NAMESPACE, "orders-namespace").inputs["metadata"]["labels"]
    assert labels["application-networking.k8s.aws/pod-readiness-gate-inject"] == "enabled"
    assert labels["elbv2.k8s.aws/pod-readiness-gate-inject"] == "enabled"


def test_a_protected_environment_keeps_its_network(platform: Callable[..., Seen], raw: Raw) -> None:
    assert platform(raw).one(NETWORK).protect is False
    raw["environment"] = {"protected": True}
    raw["cluster"]["public_access_cidrs"] = []
    raw["services"]["orders"]["image"] = {"uri": "ghcr.io/acme/orders", "digest": f"sha256:{'0' * 64}"}
    assert platform(raw).one(NETWORK).protect is True


def outputs(register: Callable[..., Any], raw: Raw) -> Raw:
    """What the stack exports of VPC Lattice, with every output known."""
    import pulumi

    found: Raw = {}
    loaded = settings.load(raw, region=REGION)

    async def program() -> None:
        made = Platform("platform", loaded, region=REGION)
        await made.register_workloads()
        pulumi.Output.from_input(made.outputs["lattice"]).apply(found.update)

    register(program)
    return found


def test_clients_are_told_the_domain_and_how_to_sign(register: Callable[..., Any], raw: Raw) -> None:
    found = outputs(register, raw)
    assert found["service_network"]["name"] == "grpc-platform-test"
    client = found["clients"]["orders"]
    assert client["target"].startswith("dns:///lattice-orders-")
    assert client["target"].endswith(".vpc-lattice-svcs.eu-west-1.on.aws:443")
    assert client["signing"] == {
        "service": "vpc-lattice-svcs",
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
        "region": "eu-west-1",
    }
    assert "round_robin" in client["service_config"]
    assert client["grpcurl"].startswith("grpcurl -proto orders.proto")


def test_clients_need_not_sign_without_iam(register: Callable[..., Any], raw: Raw) -> None:
    raw["lattice"]["auth"] = "none"
    raw["services"]["orders"]["expose"]["lattice"] = {}
    assert "signing" not in outputs(register, raw)["clients"]["orders"]


@pytest.mark.parametrize("stack", ["dev", "Org.Dev_2", "x" * 90, "-"])
def test_network_names_are_names_for_the_api(stack: str) -> None:
    import re

    name = lattice.network_name("grpc-platform", stack)
    assert re.fullmatch(r"(?!servicenetwork-)(?!-)(?!.*-$)(?!.*--)[a-z0-9-]{3,63}", name)
    assert lattice.network_name("servicenetwork", stack) != f"servicenetwork-{stack}"


def test_an_existing_network_is_joined_and_nothing_of_it_is_made(platform: Callable[..., Seen], raw: Raw) -> None:
    arn = "arn:aws:vpc-lattice:eu-west-1:111122223333:servicenetwork/sn-0123456789abcdef0"
    raw["existing"]["service_network"] = {"arn": arn, "name": "shared"}
    seen = platform(raw)
    assert [*seen.of(NETWORK), *seen.of(AUTH_POLICY)] == []
    association = seen.one(ASSOCIATION)
    assert association.inputs["serviceNetworkIdentifier"] == "sn-0123456789abcdef0"
    assert seen.one(GATEWAY).inputs["metadata"]["name"] == "shared"
