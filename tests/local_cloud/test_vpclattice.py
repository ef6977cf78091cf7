"""What AWS refuses about VPC Lattice and RAM, what it takes, and what the resources look like."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from local_cloud.aws import ram
from local_cloud.aws import vpclattice_common as lattice
from local_cloud.plugin import Refused
from tests.local_cloud.edge_world import VPC, Invalid
from tests.local_cloud.lattice_stage import NOT_FOUND, POLICY, Stage, forward, forwards, stage

Deed = Callable[[Stage], object]
NETWORK_ARN = "arn:aws:vpc-lattice:eu-west-1:123456789012:servicenetwork/sn-0123456789abcdef0"


def _second_network(it: Stage) -> object:
    other = it.make(lattice.NETWORK, "other")
    it.associate()
    return it.associate("again", serviceNetworkIdentifier=other.id)


def _group_of_another_vpc(it: Stage) -> object:
    group = it.group_of(it.world.network(block=1), "elsewhere")
    return it.associate(securityGroupIds=[group.id])


def _without_groups(it: Stage) -> object:
    made = it.associate(securityGroupIds=[it.group_of(it.network, "clients").id])
    return it.world.change(made, securityGroupIds=None)


def _two_subscriptions(it: Stage) -> object:
    for name in ("one", "two"):
        arn = it.logs(name)["arn"]
        it.make(lattice.LOG_SUBSCRIPTION, name, resourceIdentifier=it.mesh.id, destinationArn=arn)
    return None


def _drop_with(use: Deed, what: Callable[[Stage], object]) -> Deed:
    def run(it: Stage) -> object:
        use(it)
        return what(it)

    return run


def _group_of_another_service(it: Stage) -> object:
    it.listener(defaultAction=forwards(it.group))
    other = it.make(lattice.LATTICE_SERVICE, "other")
    return it.listener("other", serviceIdentifier=other.id, defaultAction=forwards(it.group))


def _three_listeners(it: Stage) -> object:
    return [it.listener(f"l{port}", port=port) for port in (443, 444, 445)]


def _eleven_rules(it: Stage) -> object:
    listener = it.listener()
    return [it.rule(listener, f"r{number}", priority=number) for number in range(1, 12)]


REFUSED: dict[str, tuple[Deed, str]] = {
    "a network with VPCs": (
        _drop_with(lambda it: it.associate(), lambda it: it.world.drop(it.mesh)),
        (
            r"deleting VPC Lattice Service Network .* VPC Lattice: DeleteServiceNetwork.*StatusCode: "
            r"409, RequestID: [^,]+, ConflictException: ServiceNetwork sn-.* has VPC\(s\) associated"
        ),
    ),
    "a network with services": (
        _drop_with(lambda it: it.join(), lambda it: it.world.drop(it.mesh)),
        r"ConflictException: ServiceNetwork sn-\w+ has service\(s\) associated",
    ),
    "a network with endpoints": (
        _drop_with(
            lambda it: it.make(
                lattice.ENDPOINT,
                "endpoint",
                vpcId=it.network.vpc.id,
                vpcEndpointType="ServiceNetwork",
                serviceNetworkArn=it.mesh["arn"],
            ),
            lambda it: it.world.drop(it.mesh),
        ),
        r"ServiceNetwork sn-\w+ has VPC endpoint\(s\) associated",
    ),
    "a name twice": (
        lambda it: it.make(lattice.NETWORK, "again", name="mesh"),
        "ConflictException: Service network with name mesh already exists",
    ),
    "a VPC in two networks": (_second_network, r"VPC vpc-\w+ is already associated with service network sn-"),
    "an unknown VPC": (
        lambda it: it.associate(vpcIdentifier="vpc-0123456789abcdef0"),
        "StatusCode: 404, RequestID: .*ResourceNotFoundException: VPC vpc-0123456789abcdef0 not found",
    ),
    "an unknown network": (
        lambda it: it.associate(serviceNetworkIdentifier=NETWORK_ARN),
        "ResourceNotFoundException: Service network sn-0123456789abcdef0 not found",
    ),
    "groups of another VPC": (_group_of_another_vpc, "ValidationException: Security group sg-.* does not belong to"),
    "all groups taken away": (_without_groups, "ValidationException: Security groups cannot be removed"),
    "a service twice in a network": (
        lambda it: (it.join(), it.join("again")),
        "ConflictException: Service svc-.* is already associated with service network",
    ),
    "a service in a network": (
        _drop_with(lambda it: it.join(), lambda it: it.world.drop(it.service)),
        r"ConflictException: Service svc-\w+ has service network\(s\) associated",
    ),
    "a policy of nothing": (
        lambda it: it.make(lattice.AUTH_POLICY, "p", resourceIdentifier=NETWORK_ARN, policy=POLICY),
        "operation error VPC Lattice: PutAuthPolicy.*Resource sn-0123456789abcdef0 not found",
    ),
    "a policy of many lines": (
        lambda it: it.make(
            lattice.AUTH_POLICY, "p", resourceIdentifier=it.mesh["arn"], policy=POLICY.replace(" ", "\n")
        ),
        "ValidationException: The auth policy must not contain newlines",
    ),
    "a long policy": (
        lambda it: it.make(
            lattice.AUTH_POLICY, "p", resourceIdentifier=it.mesh["arn"], policy=f'{{"Statement":"{"a" * 10300}"}}'
        ),
        "StatusCode: 402.*ServiceQuotaExceededException",
    ),
    "logs into nothing": (
        lambda it: it.make(
            lattice.LOG_SUBSCRIPTION,
            "logs",
            resourceIdentifier=it.mesh.id,
            destinationArn="arn:aws:logs:eu-west-1:123456789012:log-group:none",
        ),
        "ResourceNotFoundException: Log group none not found",
    ),
    "logs twice": (_two_subscriptions, "ConflictException: sn-.* already has an access log subscription to logs"),
    "a listener on a port twice": (
        lambda it: (it.listener(), it.listener("again")),
        "ConflictException: Service svc-.* already has a listener on port 443",
    ),
    "three listeners": (_three_listeners, "ServiceQuotaExceededException: The maximum number of listeners"),
    "an unknown target group": (
        lambda it: it.listener(
            defaultAction={"forwards": [{"targetGroups": [{"targetGroupIdentifier": "tg-0123456789abcdef0"}]}]}
        ),
        "ResourceNotFoundException: Target group tg-0123456789abcdef0 not found",
    ),
    "a target group of two services": (
        _group_of_another_service,
        r"ConflictException: TargetGroup tg-\w+ has been associated with other services",
    ),
    "a passed-through listener without TCP": (
        lambda it: it.listener(protocol="TLS_PASSTHROUGH", port=443, defaultAction=forwards(it.group)),
        "ValidationException: A TLS_PASSTHROUGH listener needs a TCP target group",
    ),
    "eleven rules": (_eleven_rules, "ServiceQuotaExceededException: The maximum number of rules"),
    "a priority twice": (
        lambda it: [it.rule(listener, name) for listener in [it.listener()] for name in ("a-rule", "b-rule")],
        "ConflictException: Rule with priority 10 already exists",
    ),
    "a target group in use": (
        _drop_with(lambda it: it.rule(it.listener()), lambda it: it.world.drop(it.group)),
        r"ConflictException: TargetGroup tg-\w+ is in use by a listener or a rule",
    ),
    "a target that is no address": (
        lambda it: it.make(lattice.ATTACHMENT, "t", targetGroupIdentifier=it.group.id, target={"id": "i-0123"}),
        "ValidationException: Target i-0123 is not a valid IP address",
    ),
    "an endpoint of no network": (
        lambda it: it.make(
            lattice.ENDPOINT,
            "endpoint",
            vpcId=it.network.vpc.id,
            vpcEndpointType="ServiceNetwork",
            serviceNetworkArn=NETWORK_ARN,
        ),
        f"api error InvalidParameter: The service network {NETWORK_ARN} does not exist",
    ),
    "a share of nothing": (
        lambda it: it.make(
            ram.RESOURCE,
            "r",
            resourceShareArn="arn:aws:ram:eu-west-1:123456789012:resource-share/0",
            resourceArn=it.mesh["arn"],
        ),
        "operation error RAM: AssociateResourceShare.*UnknownResourceException: ResourceShare .* could not be found",
    ),
    "a principal twice": (
        lambda it: [
            it.make(ram.PRINCIPAL, name, resourceShareArn=share.id, principal="444455556666")
            for share in [it.make(ram.SHARE, "share")]
            for name in ("one", "two")
        ],
        r"RAM Principal Association \(arn:aws:ram:\S+,444455556666\) already exists",
    ),
}

INVALID: dict[str, tuple[Deed, str]] = {
    "a long service name": (
        lambda it: it.make(lattice.LATTICE_SERVICE, "s", name="s" * 41),
        "it must have 3 to 40 lower-case letters",
    ),
    "the prefix of its own ids": (lambda it: it.make(lattice.LATTICE_SERVICE, "s", name="svc-orders"), "not begin wit"),
    "two hyphens": (lambda it: it.make(lattice.NETWORK, "n", name="my--mesh"), "invalid value for name"),
    "another auth type": (lambda it: it.make(lattice.NETWORK, "n", name="net", authType="IAM"), "to be one of"),
    "six groups": (lambda it: it.associate(securityGroupIds=["sg-1"] * 6), "supports no more than 5 item"),
    "a policy of an id": (
        lambda it: it.make(lattice.AUTH_POLICY, "p", resourceIdentifier=it.mesh.id, policy=POLICY),
        "is an invalid ARN",
    ),
    "a policy that is no JSON": (
        lambda it: it.make(lattice.AUTH_POLICY, "p", resourceIdentifier=it.mesh["arn"], policy="{"),
        "contains an invalid JSON",
    ),
    "logs to a queue": (
        lambda it: it.make(
            lattice.LOG_SUBSCRIPTION, "l", resourceIdentifier=it.mesh.id, destinationArn="arn:aws:sqs:eu-west-1:1:q"
        ),
        "must be of CloudWatch Logs, S3, Firehose",
    ),
    "an idle timeout of eleven minutes": (
        lambda it: it.make(lattice.LATTICE_SERVICE, "s", name="slow", idleTimeoutSeconds=660),
        "in the range (60 - 600), got 660",
    ),
    "a fixed response of 503": (
        lambda it: it.listener(defaultAction={"fixedResponse": {"statusCode": 503}}),
        "to be one of [404 500], got 503",
    ),
    "an action of two kinds": (
        lambda it: it.listener(defaultAction={**NOT_FOUND, **forwards(it.group)}),
        "exactly one of `defaultAction.fixedResponse,defaultAction.forwards` must be specified",
    ),
    "a listener of no service": (
        lambda it: it.make(lattice.LISTENER, "l", protocol="HTTPS", defaultAction=NOT_FOUND),
        "one of `serviceArn,serviceIdentifier` must be specified",
    ),
    "another protocol": (lambda it: it.listener(protocol="GRPC"), "to be one of"),
    "a health check in gRPC": (
        lambda it: it.target_group(healthCheck={"enabled": True, "protocolVersion": "GRPC"}),
        'to be one of ["HTTP1" "HTTP2"], got GRPC',
    ),
    "an interval of zero": (
        lambda it: it.target_group(healthCheck={"healthCheckIntervalSeconds": 0}),
        "in the range (5 - 300), got 0",
    ),
    "a lambda with a port": (
        lambda it: it.make(lattice.TARGET_GROUP, "fn", type="LAMBDA", config=it.config),
        "config not supported for LAMBDA target groups",
    ),
    "addresses without a port": (lambda it: it.make(lattice.TARGET_GROUP, "ip", type="IP"), "config required for IP"),
    "a checked ALB": (
        lambda it: it.make(lattice.TARGET_GROUP, "alb", type="ALB", config=it.config),
        "config.healthCheck not supported for ALB",
    ),
    "a version of TCP": (lambda it: it.target_group(protocol="TCP"), "not supported for the protocol TCP"),
    "an endpoint of two things": (
        lambda it: it.make(
            lattice.ENDPOINT,
            "e",
            vpcId=it.network.vpc.id,
            serviceName="com.amazonaws.eu-west-1.s3",
            serviceNetworkArn=NETWORK_ARN,
        ),
        "only one of",
    ),
    "a principal that is a name": (
        lambda it: it.make(
            ram.PRINCIPAL, "p", resourceShareArn="arn:aws:ram:eu-west-1:1:resource-share/0", principal="me"
        ),
        "must be an AWS account ID or an ARN",
    ),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_aws_refuses(deed: str) -> None:
    run, words = REFUSED[deed]
    with pytest.raises(Refused) as refused:
        run(stage())
    assert re.search(words, str(refused.value)), str(refused.value)


@pytest.mark.parametrize("deed", INVALID)
def test_the_provider_refuses_before_anything_is_made(deed: str) -> None:
    run, words = INVALID[deed]
    with pytest.raises(Invalid) as refused:
        run(stage())
    assert words in str(refused.value)


def test_what_is_right_is_made_and_goes_in_order() -> None:
    it = stage()
    policy = it.make(lattice.AUTH_POLICY, "policy", resourceIdentifier=it.mesh["arn"], policy=POLICY)
    logs = it.make(lattice.LOG_SUBSCRIPTION, "logs", resourceIdentifier=it.mesh.id, destinationArn=it.logs()["arn"])
    association = it.associate(securityGroupIds=[it.group_of(it.network, "clients").id])
    joined = it.join()
    rule = it.rule(it.listener())
    target = it.make(lattice.ATTACHMENT, "t", targetGroupIdentifier=it.group.id, target={"id": "10.0.0.10"})
    assert re.fullmatch(r"arn:aws:vpc-lattice:eu-west-1:123456789012:servicenetwork/sn-[0-9a-f]{17}", it.mesh["arn"])
    assert re.fullmatch(r"svc-[0-9a-f]{17}/listener-[0-9a-f]{17}/rule-[0-9a-f]{17}", rule.id)
    assert target.id == f"{it.group.id}/10.0.0.10/50051"
    assert logs["resourceArn"] == it.mesh["arn"]
    assert joined["dnsEntries"] == it.service["dnsEntries"]
    assert re.fullmatch(
        r"orders-[0-9a-f]{17}\.[0-9a-f]{7}\.vpc-lattice-svcs\.eu-west-1\.on\.aws",
        it.service["dnsEntries"][0]["domainName"],
    )
    for made in (joined, association, policy, logs, it.mesh, it.service, target, it.group):
        it.world.drop(made)
    assert it.world.row(rule) is None


def test_the_provider_turns_a_health_check_on_unless_told_otherwise() -> None:
    it = stage()
    assert it.group["config"]["healthCheck"]["enabled"] is False
    check = it.make(lattice.TARGET_GROUP, "bare", type="IP", config={**it.config, "healthCheck": {}})["config"]
    assert (check["healthCheck"]["enabled"], check["healthCheck"]["path"]) == (True, "/")
    assert check["healthCheck"]["protocolVersion"] == "HTTP1"


def test_what_is_create_only_is_replaced_and_the_rest_changed() -> None:
    it = stage()
    assert it.world.diff(it.mesh, name="other").replaces
    assert not it.world.diff(it.mesh, authType="NONE").replaces
    assert it.world.diff(it.group, config={**it.config, "protocolVersion": "HTTP2"}).replaces
    assert not it.world.diff(it.group, config={**it.config, "healthCheck": {"enabled": True}}).replaces
    association = it.associate()
    group = it.group_of(it.network, "clients")
    assert it.world.change(association, securityGroupIds=[group.id])["securityGroupIds"] == [group.id]
    assert it.world.diff(association, vpcIdentifier="vpc-1").replaces
    assert it.world.change(it.service, idleTimeoutSeconds=300)["idleTimeoutSeconds"] == 300
    listener = it.listener()
    rule = it.rule(listener)
    assert it.world.change(rule, action=forward(it.target_group("second")))
    assert it.world.diff(listener, port=8443).replaces


def test_a_deleted_network_takes_its_policies_along() -> None:
    it = stage()
    policy = it.make(lattice.AUTH_POLICY, "policy", resourceIdentifier=it.mesh["arn"], policy=POLICY)
    it.world.drop(it.mesh)
    assert it.world.row(policy) is None


def test_a_vpc_stays_while_it_is_associated() -> None:
    it = stage()
    other = it.make(VPC, "other", cidrBlock="10.9.0.0/16")
    association = it.associate(vpcIdentifier=other.id)
    with pytest.raises(Refused, match="DependencyViolation"):
        it.world.drop(other)
    it.world.drop(association)
    it.world.drop(other)


def test_a_share_holds_a_network_and_principals() -> None:
    it = stage()
    share = it.make(ram.SHARE, "share", name="mesh")
    held = it.make(ram.RESOURCE, "r", resourceShareArn=share.id, resourceArn=it.mesh["arn"])
    principal = it.make(ram.PRINCIPAL, "p", resourceShareArn=share.id, principal="444455556666")
    assert (held.id, principal.id) == (f"{share.id},{it.mesh['arn']}", f"{share.id},444455556666")
    assert it.world.change(share, allowExternalPrincipals=True)["allowExternalPrincipals"] is True
    assert it.world.diff(held, resourceArn=it.service["arn"]).replaces
