"""A program for the real engine: a sound base, and resources that are wrong in one way each, those that CASES names."""

import os
from typing import Any

import pulumi
import pulumi_aws as aws

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
    '"Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
)
RIGHTS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}'
FIXED: Any = {"type": "fixed-response", "fixed_response": {"content_type": "text/plain", "status_code": "404"}}
cases = set(os.environ["CASES"].split(","))
# What uses something stays behind, so that the other is refused its end.
stays = pulumi.ResourceOptions(retain_on_delete=True)

vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
aws.ec2.InternetGateway("gateway", vpc_id=vpc.id)
zones = [
    aws.ec2.Subnet(zone, vpc_id=vpc.id, cidr_block=f"10.0.{place}.0/24", availability_zone=f"eu-west-1{zone}")
    for place, zone in enumerate("ab")
]
group = aws.ec2.SecurityGroup("group", vpc_id=vpc.id)
zone = aws.route53.Zone("zone", name="example.com")
certificate = aws.acm.Certificate("certificate", domain_name="example.com", validation_method="DNS")
option = certificate.domain_validation_options[0]
validation = aws.route53.Record(
    "validation",
    zone_id=zone.id,
    name=option.resource_record_name,
    type=option.resource_record_type,
    records=[option.resource_record_value],
    ttl=60,
    opts=stays,
)
issued = aws.acm.CertificateValidation(
    "issued", certificate_arn=certificate.arn, opts=pulumi.ResourceOptions(depends_on=[validation])
)
balancer = aws.lb.LoadBalancer(
    "balancer",
    load_balancer_type="application",
    subnets=[each.id for each in zones],
    security_groups=[group.id],
    opts=stays,
)


def target_group(name: str, opts: pulumi.ResourceOptions | None = None, **given: Any) -> aws.lb.TargetGroup:
    usual = {"port": 50051, "protocol": "HTTP", "protocol_version": "GRPC", "target_type": "ip", "vpc_id": vpc.id}
    return aws.lb.TargetGroup(name, opts=opts, **{**usual, **given})


grpc, web = target_group("grpc"), target_group("web", protocol_version="HTTP1")
https = aws.lb.Listener(
    "https",
    load_balancer_arn=balancer.arn,
    port=443,
    protocol="HTTPS",
    certificate_arn=issued.certificate_arn,
    default_actions=[FIXED],
    opts=stays,
)


def rule(
    name: str, priority: int, actions: list[Any], *, listener: Any = None, opts: Any = None, **conditions: Any
) -> aws.lb.ListenerRule:
    found: Any = [{"path_pattern": {"values": conditions.get("paths", [f"/{name}.v1.S/*"])}}]
    return aws.lb.ListenerRule(
        name, listener_arn=(listener or https).arn, priority=priority, conditions=found, actions=actions, opts=opts
    )


def forward(to: aws.lb.TargetGroup) -> dict[str, Any]:
    return {"type": "forward", "target_group_arn": to.arn}


used = rule("in-use", 1, [forward(grpc)], opts=stays)
after = pulumi.ResourceOptions(depends_on=[used])
role = aws.iam.Role("role", assume_role_policy=TRUST)
policy = aws.iam.Policy("policy", policy=RIGHTS)
aws.iam.RolePolicyAttachment("attached", role=role.name, policy_arn=policy.arn, opts=stays)
mesh = aws.vpclattice.ServiceNetwork("mesh", name="mesh", auth_type="AWS_IAM")
service = aws.vpclattice.Service("service", name="orders")
lattice: dict[str, Any] = {"port": 50051, "protocol": "HTTP", "protocol_version": "GRPC", "vpc_identifier": vpc.id}


def configured(**given: Any) -> Any:
    return {**lattice, **given}


targets = aws.vpclattice.TargetGroup("targets", type="IP", config=configured(health_check={"enabled": False}))
mesh_https = aws.vpclattice.Listener(
    "mesh-https",
    service_identifier=service.id,
    protocol="HTTPS",
    default_action={"fixed_response": {"status_code": 404}},
    opts=stays,
)
joined = aws.vpclattice.ServiceNetworkVpcAssociation(
    "joined", service_network_identifier=mesh.id, vpc_identifier=vpc.id, security_group_ids=[group.id], opts=stays
)
aws.vpclattice.ServiceNetworkServiceAssociation(
    "service-joined", service_network_identifier=mesh.id, service_identifier=service.id, opts=stays
)
aws.vpclattice.ListenerRule(
    "mesh-rule",
    name="orders",
    service_identifier=service.id,
    listener_identifier=mesh_https.listener_id,
    priority=10,
    match={"http_match": {"path_match": {"match": {"prefix": "/acme/"}}}},
    action={"forward": {"target_groups": [{"target_group_identifier": targets.id, "weight": 1}]}},
    opts=stays,
)


held = aws.ec2.Vpc("held-vpc", cidr_block="10.1.0.0/16")
inside = aws.ec2.Subnet("inside", vpc_id=held.id, cidr_block="10.1.0.0/24", availability_zone="eu-west-1a", opts=stays)
address = aws.ec2.Eip("address", domain="vpc")
aws.ec2.NatGateway("nat", subnet_id=zones[0].id, allocation_id=address.id, opts=stays)
inlined = aws.iam.Role("inlined", assume_role_policy=TRUST)
aws.iam.RolePolicy("inline", role=inlined.name, policy=RIGHTS, opts=stays)
aws.ecr.Repository("images", name="images")


def case(name: str, make: Any) -> None:
    """One wrong resource, where it is asked for."""
    if name in cases:
        make(name)


def balancer_of(name: str, /, **given: Any) -> None:
    aws.lb.LoadBalancer(name, load_balancer_type="application", **{"subnets": [each.id for each in zones], **given})


def listener(name: str, port: int, /, **given: Any) -> aws.lb.Listener:
    usual = {"load_balancer_arn": balancer.arn, "protocol": "HTTP", "default_actions": [FIXED]}
    return aws.lb.Listener(name, port=port, **{**usual, **given})


def checked(name: str, /, **check: Any) -> None:
    target_group(name, health_check={"path": "/a.B/C", "matcher": "0", **check})


plain = listener("plain", 80)
both = {"target_groups": [{"arn": grpc.arn, "weight": 1}, {"arn": web.arn, "weight": 1}]}
login = {
    "issuer": "https://i.example.com",
    "client_id": "c",
    "client_secret": "s",
    **{f"{part}_endpoint": f"https://i.example.com/{part}" for part in ("authorization", "token", "user_info")},
}
other = aws.lb.LoadBalancer(
    "other", load_balancer_type="application", subnets=[each.id for each in zones], internal=True
)
case("grpc-on-http", lambda name: rule(name, 1, [forward(grpc)], listener=plain))
case("listener-grpc-on-http", lambda name: listener(name, 8080, default_actions=[forward(grpc)]))
case("https-without-certificate", lambda name: listener(name, 8443, protocol="HTTPS"))
case(
    "grpc-over-tcp", lambda name: target_group(name, protocol="TCP", health_check={"protocol": "HTTP", "matcher": "0"})
)
case("matcher-200", lambda name: checked(name, matcher="200"))
case("interval-1", lambda name: checked(name, interval=1))
case("timeout-beyond", lambda name: checked(name, interval=10, timeout=10))
case(
    "slow-and-least",
    lambda name: target_group(name, slow_start=60, load_balancing_algorithm_type="least_outstanding_requests"),
)
case("anomaly", lambda name: target_group(name, load_balancing_anomaly_mitigation="on"))
case("one-zone", lambda name: balancer_of(name, subnets=[zones[0].id]))
case("internal-name", lambda name: balancer_of(name, name="internal-edge"))
case("idle-5000", lambda name: balancer_of(name, idle_timeout=5000))
case("too-many-values", lambda name: rule(name, 2, [forward(grpc)], paths=[f"/a{number}/*" for number in range(6)]))
case("priority-taken", lambda name: rule(name, 1, [forward(grpc)], opts=after))
case(
    "login-before-grpc",
    lambda name: rule(
        name, 3, [{"type": "authenticate-oidc", "authenticate_oidc": login, "order": 1}, {**forward(grpc), "order": 2}]
    ),
)
case("mixed-versions", lambda name: rule(name, 4, [{"type": "forward", "forward": both}]))
case(
    "second-balancer",
    lambda name: listener(
        name,
        443,
        load_balancer_arn=other.arn,
        protocol="HTTPS",
        certificate_arn=issued.certificate_arn,
        default_actions=[forward(grpc)],
        opts=after,
    ),
)


def targets_of(name: str, kind: str = "IP", **config: Any) -> None:
    aws.vpclattice.TargetGroup(name, type=kind, config=configured(**config))


second = aws.vpclattice.ServiceNetwork("second-mesh", name="second", auth_type="NONE")


def associated(name: str, /, **given: Any) -> None:
    aws.vpclattice.ServiceNetworkVpcAssociation(
        name,
        service_network_identifier=second.id,
        vpc_identifier=vpc.id,
        opts=pulumi.ResourceOptions(depends_on=[joined]),
        **given,
    )


case("lattice-grpc-check", lambda name: targets_of(name, health_check={"enabled": True, "protocol_version": "GRPC"}))
case(
    "lattice-interval-1",
    lambda name: targets_of(name, protocol_version="HTTP1", health_check={"health_check_interval_seconds": 1}),
)
case("lattice-grpc-lambda", lambda name: targets_of(name, kind="LAMBDA"))
case("lattice-name", lambda name: aws.vpclattice.Service(name, name="svc-orders"))
case(
    "lattice-302",
    lambda name: aws.vpclattice.Listener(
        name,
        port=8443,
        service_identifier=service.id,
        protocol="HTTPS",
        default_action={"fixed_response": {"status_code": 302}},
    ),
)
case("second-association", associated)
case(
    "six-groups",
    lambda name: associated(name, security_group_ids=[f"sg-0123456789abcdef{number}" for number in range(6)]),
)
