"""What IAM, KMS and CloudWatch Logs refuse, in their words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.aws.catalogue import KINDS
from local_cloud.plugin import Refused
from tests.local_cloud.edge_world import LOG_GROUP, ROLE, ROLE_POLICY_ATTACHMENT, Invalid, Made, World

POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@pytest.fixture
def world() -> World:
    return World()


def _role(world: World, name: str = "role", /, **props: Any) -> Made:
    trust = {
        "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    }
    return world.make(ROLE, name, **{"assumeRolePolicy": json.dumps(trust), **props})


def _policy(world: World, name: str = "policy", /, **props: Any) -> Made:
    return world.make(POLICY, name, **{"policy": json.dumps(ALLOW), **props})


def _attach(world: World, role: Made, policy: str, name: str = "attachment") -> Made:
    return world.make(ROLE_POLICY_ATTACHMENT, name, role=role.id, policyArn=policy)


def _trust(principal: object) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]})


def _allowing(**statement: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": "a", "Resource": "*", **statement}]})


def _eleven(world: World) -> None:
    role = _role(world)
    for number in range(11):
        _attach(world, role, f"arn:aws:iam::aws:policy/P{number}", f"a{number}")


def _pending(world: World) -> None:
    key = world.make(KEY, "key")
    world.drop(key)
    world.make(ALIAS, "alias", targetKeyId=key.id)


REFUSALS: dict[str, tuple[Callable[[World], object], str]] = {
    "role of a taken name": (
        lambda w: [_role(w, "a", name="app"), _role(w, "b", name="APP", path="/x/")],
        "CreateRole, https response error StatusCode: 409, .*EntityAlreadyExists: Role with name APP already exists.",
    ),
    "policy of a taken name": (
        lambda w: [_policy(w, name, name="app") for name in "ab"],
        "EntityAlreadyExists: A policy called app already exists. Duplicate names are not allowed.",
    ),
    "trust of a role that is not there": (
        lambda w: _role(w, assumeRolePolicy=_trust({"AWS": "arn:aws:iam::123456789012:role/none"})),
        'MalformedPolicyDocument: Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:role/none"',
    ),
    "trust without a principal": (
        lambda w: _role(w, assumeRolePolicy=json.dumps(ALLOW)),
        "MalformedPolicyDocument: Syntax errors in policy.",
    ),
    "trust that is too long": (
        lambda w: _role(w, assumeRolePolicy=_trust({"Service": ["x" * 2048]})),
        "LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048",
    ),
    "policy without statements": (lambda w: _policy(w, policy="{}"), "MalformedPolicyDocument"),
    "policy of a wrong effect": (lambda w: _policy(w, policy=_allowing(Effect="Maybe")), "MalformedPolicyDocument"),
    "policy that is too long": (
        lambda w: _policy(w, policy=_allowing(Action="x" * 6144)),
        "LimitExceeded: Cannot exceed quota for PolicySize: 6144",
    ),
    "attachment to no role": (
        lambda w: w.make(ROLE_POLICY_ATTACHMENT, "a", role="none", policyArn="arn:aws:iam::aws:policy/X"),
        "StatusCode: 404, .*NoSuchEntity: The role with name none cannot be found.",
    ),
    "attachment of no policy": (
        lambda w: _attach(w, _role(w), "arn:aws:iam::123456789012:policy/none"),
        "NoSuchEntity: Policy arn:aws:iam::123456789012:policy/none does not exist or is not attachable.",
    ),
    "eleventh attachment": (_eleven, "LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10"),
    "inline policy of no role": (
        lambda w: w.make(ROLE_POLICY, "a", role="none", policy=json.dumps(ALLOW)),
        "NoSuchEntity: The role with name none cannot be found.",
    ),
    "profile of a taken name": (
        lambda w: [w.make(PROFILE, name, name="app") for name in "ab"],
        "EntityAlreadyExists: Instance Profile app already exists.",
    ),
    "alias of a taken name": (
        lambda w: [w.make(ALIAS, name, name="alias/app", targetKeyId=w.make(KEY, name).id) for name in "ab"],
        "AlreadyExistsException: An alias with the name arn:aws:kms:eu-west-1:123456789012:alias/app already exists",
    ),
    "alias of no key": (
        lambda w: w.make(ALIAS, "a", targetKeyId="none"),
        "NotFoundException: Key 'arn:aws:kms:eu-west-1:123456789012:key/none' does not exist",
    ),
    "alias of a deleted key": (_pending, "KMSInvalidStateException: arn:aws:kms:.*:key/.* is pending deletion."),
    "key that nobody may change": (
        lambda w: w.make(KEY, "key", policy=_allowing(Action="kms:Encrypt")),
        "MalformedPolicyDocumentException: The new key policy will not allow you to update the key policy",
    ),
    "log group of a taken name": (
        lambda w: [w.make(LOG_GROUP, name, name="/app") for name in "ab"],
        "creating CloudWatch Logs Log Group ./app.: operation error CloudWatch Logs: CreateLogGroup, .*AlreadyExists",
    ),
    "log group with no key": (
        lambda w: w.make(LOG_GROUP, "a", name="/app", kmsKeyId="arn:aws:kms:eu-west-1:123456789012:key/none"),
        "InvalidParameterException: The specified KMS key does not exist or is not allowed to be used with '/app'",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_aws_refuses(case: str, world: World) -> None:
    attempt, said = REFUSALS[case]
    with pytest.raises(Refused) as caught:
        attempt(world)
    assert re.search(said, str(caught.value))


def test_updates_are_refused_as_creates_are(world: World) -> None:
    policy, key = _policy(world), world.make(KEY, "key")
    with pytest.raises(Refused, match=r"updating IAM Policy .*CreatePolicyVersion.*MalformedPolicyDocument"):
        world.change(policy, policy="{}")
    with pytest.raises(Refused, match=r"updating KMS Key .*PutKeyPolicy.*MalformedPolicyDocumentException"):
        world.change(key, policy=_allowing(Action="kms:Encrypt"))
    assert world.live(key)["policy"] == key["policy"]


def test_a_role_is_kept_while_policies_are_attached(world: World) -> None:
    role = _role(world)
    attachment = _attach(world, role, "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")
    inline = world.make(ROLE_POLICY, "inline", role=role.id, policy=json.dumps(ALLOW))
    with pytest.raises(Refused, match=r"DeleteConflict: Cannot delete entity, must detach all policies first."):
        world.drop(role)
    world.drop(attachment)
    with pytest.raises(Refused, match=r"DeleteConflict: Cannot delete entity, must delete policies first."):
        world.drop(role)
    world.drop(inline)
    world.drop(role)


def test_a_name_is_free_again_after_a_delete(world: World) -> None:
    world.drop(_role(world, "a", name="app"))
    assert _role(world, "b", name="app").id == "app"


def test_force_detach_takes_the_policies_along(world: World) -> None:
    role = _role(world, forceDetachPolicies=True)
    attachment = _attach(world, role, "arn:aws:iam::aws:policy/X")
    world.drop(role)
    assert world.row(attachment) is None


def test_a_profile_does_not_hold_its_role(world: World) -> None:
    role = _role(world)
    world.make(PROFILE, "profile", role=role.id)
    world.drop(role)
    assert world.row(role) is None


@pytest.mark.parametrize("user", ["attachment", "boundary"])
def test_a_policy_is_kept_while_it_is_used(user: str, world: World) -> None:
    policy = _policy(world)
    if user == "attachment":
        using = _attach(world, _role(world), policy.id)
    else:
        using = _role(world, permissionsBoundary=policy.id)
    with pytest.raises(Refused, match=r"DeleteConflict: Cannot delete a policy attached to entities."):
        world.drop(policy)
    world.drop(using)
    world.drop(policy)


def test_attaching_twice_is_no_error(world: World) -> None:
    role = _role(world)
    first, second = (_attach(world, role, "arn:aws:iam::aws:policy/X", name) for name in "ab")
    assert first.id != second.id
    assert first.id.startswith(f"{role.id}-")


def test_an_attachment_is_imported_by_role_and_policy(world: World) -> None:
    made = _attach(world, _role(world), "arn:aws:iam::aws:policy/X")
    locate = KINDS[ROLE_POLICY_ATTACHMENT].locate
    assert locate is not None
    assert locate(world.aws.account, f"{made['role']}/arn:aws:iam::aws:policy/X") == made.id
    assert locate(world.aws.account, "none/arn") == "none/arn"


def test_a_role_keeps_its_identity_through_updates(world: World) -> None:
    role = _role(world, path="/team/")
    assert role["arn"] == f"arn:aws:iam::123456789012:role/team/{role.id}"
    assert re.fullmatch(r"AROA[A-Z2-7]{17}", role["uniqueId"])
    changed = world.change(role, description="x", tags={"a": "b"})
    assert {key: changed[key] for key in ("uniqueId", "createDate", "arn")} == {
        key: role[key] for key in ("uniqueId", "createDate", "arn")
    }


def test_identities_of_policies(world: World) -> None:
    policy = _policy(world, path="/team/")
    assert policy.id == policy["arn"] == f"arn:aws:iam::123456789012:policy/team/{policy['name']}"
    assert world.make(ROLE_POLICY, "in", role=_role(world).id, name="x", policy=json.dumps(ALLOW)).id.endswith(":x")


def test_trust_in_a_role_of_this_account_and_of_others(world: World) -> None:
    role = _role(world)
    _role(world, "b", assumeRolePolicy=_trust({"AWS": [role["arn"], "arn:aws:iam::999999999999:role/x"]}))


def test_a_key_has_the_default_policy_and_its_own_id(world: World) -> None:
    key = world.make(KEY, "key", enableKeyRotation=True)
    assert key["arn"].endswith(f":key/{key.id}")
    assert "123456789012:root" in key["policy"]
    assert key["rotationPeriodInDays"] == 365
    assert world.make(KEY, "multi", multiRegion=True).id.startswith("mrk-")
    world.make(KEY, "own", policy=_allowing(Action=["kms:Put*"]))


def test_an_alias_moves_to_another_key_in_place(world: World) -> None:
    keys = [world.make(KEY, name) for name in "ab"]
    alias = world.make(ALIAS, "alias", targetKeyId=keys[0].id)
    assert world.diff(alias, targetKeyId=keys[1].id).replaces == ()
    assert world.change(alias, targetKeyId=keys[1].id)["targetKeyArn"] == keys[1]["arn"]


def test_a_protected_log_group_stays(world: World) -> None:
    group = world.make(LOG_GROUP, "logs", deletionProtectionEnabled=True)
    with pytest.raises(Refused, match=r"ValidationException"):
        world.drop(group)
    world.drop(world.change(group, deletionProtectionEnabled=False))
    assert world.row(group) is None


@pytest.mark.parametrize(
    ("token", "props", "reason"),
    [
        (KEY, {"deletionWindowInDays": 5}, r"in the range \(7 - 30\), got 5"),
        (KEY, {"rotationPeriodInDays": 90}, "`enableKeyRotation,rotationPeriodInDays` must be specified"),
        (ALIAS, {"targetKeyId": "k", "name": "alias/aws/s3"}, "reserved for AWS managed keys"),
        (ALIAS, {"targetKeyId": "k", "name": "app"}, "must begin with alias/"),
        (LOG_GROUP, {"name": "a b"}, "1 to 512"),
        (LOG_GROUP, {"logGroupClass": "CHEAP"}, 'got "CHEAP"'),
        (ROLE, {"assumeRolePolicy": "{}", "maxSessionDuration": 60}, r"\(3600 - 43200\), got 60"),
        (ROLE, {"assumeRolePolicy": "[]"}, "invalid JSON policy"),
    ],
)
def test_the_provider_objects_before_anything_is_created(token: str, props: dict[str, Any], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        World().checked(token, "new", props)
