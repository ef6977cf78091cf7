"""Trust stores, firewall associations, log buckets and weighted forwards as AWS takes and refuses them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_cloud.plugin import Refused
from tests.local_cloud.edge_world import Edge, Made, edge

STORE = "aws:lb/trustStore:TrustStore"
WAF = "aws:wafv2/webAclAssociation:WebAclAssociation"
BUCKET = "aws:s3/bucket:Bucket"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ACL = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/edge/12345678-1234-1234-1234-123456789012"
WRITER = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
LOGS = {"enabled": True, "bucket": "logs", "prefix": "edge/access"}


@pytest.fixture
def stage() -> Edge:
    return edge()


def store(stage: Edge, name: str = "partners", bucket: str = "cas") -> Made:
    given = {"caCertificatesBundleS3Bucket": bucket, "caCertificatesBundleS3Key": "ca.pem"}
    return stage.world.make(STORE, name, name=name, **given)


def verifying(stage: Edge, trusted: str, port: int) -> Made:
    mutual = {"mode": "verify", "trustStoreArn": trusted}
    return stage.world.https(stage.balancer, stage.certificate, f"l{port}", port=port, mutualAuthentication=mutual)


def test_a_trust_store_serves_two_verifying_listeners_and_stays_while_it_does(stage: Edge) -> None:
    made = store(stage)
    first = verifying(stage, made.id, 8443)
    verifying(stage, made.id, 8444)
    with pytest.raises(Refused, match=r"InvalidConfigurationRequest: .* cannot have more than 2 listeners"):
        verifying(stage, made.id, 8445)
    with pytest.raises(Refused, match=r"TrustStoreInUse: Trust store .* is currently in use"):
        stage.world.drop(made)
    stage.world.change(first, mutualAuthentication={"mode": "off"})
    verifying(stage, made.id, 8445)


def test_a_trust_store_changes_its_bundle_in_place_and_its_name_by_replacement(stage: Edge) -> None:
    made = store(stage)
    assert not stage.world.diff(made, caCertificatesBundleS3Key="new.pem").replaces
    assert stage.world.diff(made, name="other").replaces == ("name",)
    with pytest.raises(Refused, match="DuplicateTrustStoreName"):
        stage.world.make(STORE, "again", name="partners", **{k: v for k, v in made.given.items() if k != "name"})


def test_a_bucket_of_the_program_holds_no_bundle(stage: Edge) -> None:
    stage.world.make(BUCKET, "cas", bucket="empty-cas")
    with pytest.raises(Refused, match="CaCertificatesBundleNotFound"):
        store(stage, bucket="empty-cas")


def test_a_web_acl_is_associated_with_a_load_balancer_that_exists(stage: Edge) -> None:
    made = stage.world.make(WAF, "waf", resourceArn=stage.balancer.id, webAclArn=ACL)
    assert made.id == f"{ACL},{stage.balancer.id}"
    assert stage.world.diff(made, webAclArn=ACL.replace("edge", "new")).replaces == ("webAclArn",)
    gone = stage.balancer.id.replace("/app/", "/app/x")
    with pytest.raises(Refused, match="WAFNonexistentItemException"):
        stage.world.make(WAF, "gone", resourceArn=gone, webAclArn=ACL)
    with pytest.raises(Refused, match="WAFInvalidParameterException"):
        stage.world.make(WAF, "global", resourceArn=stage.balancer.id, webAclArn=ACL.replace("regional", "global"))


def test_replacing_an_association_the_wrong_way_round_leaves_the_load_balancer_without(stage: Edge) -> None:
    made = stage.world.make(WAF, "waf", resourceArn=stage.balancer.id, webAclArn=ACL)
    stage.world.replace(made, webAclArn=ACL.replace("edge", "new"))
    assert stage.world.aws.account.notes("web-acl", stage.balancer.id) == {}


def policy(account: str, prefix: str = "*/") -> str:
    resource = f"arn:aws:s3:::logs/{prefix}AWSLogs/{account}/*"
    allow = {"Effect": "Allow", "Principal": WRITER, "Action": "s3:PutObject", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def test_logs_need_a_bucket_that_lets_them_in(stage: Edge) -> None:
    bucket = stage.world.make(BUCKET, "logs", bucket="logs")
    denied = "InvalidConfigurationRequest: Access Denied for bucket: logs. Please check S3bucket permission"
    with pytest.raises(Refused, match=denied):
        stage.world.change(stage.balancer, accessLogs=LOGS)
    made = stage.world.make(POLICY, "logs", bucket=bucket.id, policy=policy("999999999999"))
    with pytest.raises(Refused, match=denied):
        stage.world.load_balancer(stage.network, "new", healthCheckLogs=LOGS)
    stage.world.change(made, policy=policy("123456789012"))
    stage.world.change(stage.balancer, accessLogs=LOGS)
    stage.world.change(stage.balancer, connectionLogs={"enabled": False, "bucket": ""})


def test_a_bucket_from_outside_is_taken_to_let_them_in(stage: Edge) -> None:
    stage.world.change(stage.balancer, accessLogs={**LOGS, "bucket": "elsewhere"})


def test_a_bucket_is_named_and_emptied_before_it_goes(stage: Edge) -> None:
    with pytest.raises(Refused, match="InvalidBucketName"):
        stage.world.make(BUCKET, "bad", bucket="Bad_Name")
    bucket = stage.world.make(BUCKET, "logs", bucket="logs")
    with pytest.raises(Refused, match="BucketAlreadyOwnedByYou"):
        stage.world.make(BUCKET, "again", bucket="logs")
    stage.world.aws.account.note("object", "logs", "a", {})
    with pytest.raises(Refused, match="BucketNotEmpty: The bucket you tried to delete is not empty"):
        stage.world.drop(bucket)
    forced = stage.world.change(bucket, forceDestroy=True)
    stage.world.drop(forced)
    assert stage.world.row(bucket) is None


def test_a_closed_bucket_takes_no_public_policy(stage: Edge) -> None:
    bucket = stage.world.make(BUCKET, "logs", bucket="logs")
    stage.world.make(BLOCK, "logs", bucket=bucket.id, blockPublicPolicy=True)
    anyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}
    with pytest.raises(Refused, match="public policies are blocked by the BlockPublicPolicy"):
        stage.world.make(POLICY, "logs", bucket=bucket.id, policy=json.dumps({"Statement": [anyone]}))
    stage.world.make(POLICY, "logs", bucket=bucket.id, policy=policy("123456789012"))
    with pytest.raises(Refused, match="NoSuchBucket"):
        stage.world.make(POLICY, "none", bucket="nowhere", policy=policy("123456789012"))


def weighted(*groups: Made, **more: Any) -> list[dict[str, Any]]:
    shares = [{"arn": group.id, "weight": 50} for group in groups]
    return [{"type": "forward", "forward": {"targetGroups": shares, **more}}]


def test_a_weighted_forward_has_one_protocol_version(stage: Edge) -> None:
    canary = stage.world.target_group(stage.network, "canary")
    web = stage.world.target_group(stage.network, "web", protocolVersion="HTTP1")
    rule = stage.world.rule(stage.https, stage.orders, actions=weighted(stage.orders, canary))
    with pytest.raises(Refused, match="must have the same protocol version, not GRPC, HTTP1"):
        stage.world.change(rule, actions=weighted(stage.orders, web))
    assert not stage.world.diff(rule, actions=weighted(canary, stage.orders)).replaces


def test_sticky_groups_need_a_sticky_rule(stage: Edge) -> None:
    sticky = {"protocolVersion": "HTTP1", "stickiness": {"type": "lb_cookie", "enabled": True}}
    one, two = (stage.world.target_group(stage.network, name, **sticky) for name in ("one", "two"))
    with pytest.raises(Refused, match="You must enable group stickiness before enabling target stickiness"):
        stage.world.rule(stage.https, one, actions=weighted(one, two))
    stage.world.rule(stage.https, one, actions=weighted(one, two, stickiness={"enabled": True, "duration": 60}))


def test_a_group_behind_a_weighted_rule_becomes_sticky_after_the_rule(stage: Edge) -> None:
    one, two = (stage.world.target_group(stage.network, name, protocolVersion="HTTP1") for name in ("one", "two"))
    rule = stage.world.rule(stage.https, one, actions=weighted(one, two))
    sticky = {"type": "lb_cookie", "enabled": True}
    with pytest.raises(Refused, match="You must enable group stickiness before enabling target stickiness"):
        stage.world.change(one, stickiness=sticky)
    stage.world.change(one, stickiness={"type": "lb_cookie", "enabled": False})
    stage.world.change(rule, actions=weighted(one, two, stickiness={"enabled": True, "duration": 60}))
    stage.world.change(one, stickiness=sticky)
