"""IAM: role, policy, inline policy, attachment, instance profile.

Create-only properties: CloudFormation schemas AWS::IAM::*. Codes: botocore's IAM service model; quotas: IAM user
guide, "IAM and AWS STS quotas".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from typing import Final

from local_cloud.aws.kind import Check, Cloud, Failure, Kind, NameRule, Props, Refusal, Row, Value, latest

ROLE: Final = "aws:iam/role:Role"
POLICY: Final = "aws:iam/policy:Policy"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
PROFILE: Final = "aws:iam/instanceProfile:InstanceProfile"

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def arn(cloud: Cloud, kind: str, name: str, path: str = "/") -> str:
    """``arn:aws:iam::ACCOUNT:role/PATH/NAME``."""
    return f"arn:{cloud.partition}:iam::{cloud.account}:{kind}{path}{name}"


def _unique(prefix: str, text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return prefix + "".join(_ALPHABET[byte % 32] for byte in digest[:17])


def _born(token: str, kind: str, prefix: str) -> Callable[[Cloud, str, Props], Props]:
    """arn, createDate and uniqueId; the last two stay what they were at the create."""

    def outputs(cloud: Cloud, name: str, props: Props) -> Props:
        row = cloud.get(token, name)
        created = row["createDate"] if row else cloud.now()
        found = {"arn": arn(cloud, kind, name, props.get("path", "/")), "createDate": created}
        return {**found, "uniqueId": row["uniqueId"] if row else _unique(prefix, cloud.hex(32))}

    return outputs


def _role_outputs(cloud: Cloud, name: str, props: Props) -> Props:
    lists = {key: props.get(key, []) for key in ("managedPolicyArns", "inlinePolicies")}
    return {**_born(ROLE, "role", "AROA")(cloud, name, props), **lists}


def _policy_outputs(cloud: Cloud, policy: str, props: Props) -> Props:
    row = cloud.get(POLICY, policy)
    count = row["attachmentCount"] if row else 0
    return {
        "arn": policy,
        "policyId": row["policyId"] if row else _unique("ANPA", cloud.hex(32)),
        "attachmentCount": count,
    }


def _json(name: str) -> Check:
    """Plan-time rule of every policy argument (terraform-provider-aws internal/verify: ValidIAMPolicyJSON)."""

    def check(props: Props) -> Iterable[Failure]:
        text = props.get(name)
        if not isinstance(text, str):
            return
        try:
            document = json.loads(text)
        except ValueError as error:
            yield Failure(name, f'"{name}" contains an invalid JSON policy: {error}')
            return
        if not isinstance(document, dict):
            yield Failure(name, f'"{name}" contains an invalid JSON policy: contains a JSON value that is no object')

    return check


def statements(text: Value) -> list[Props]:
    """The statements of a policy document (none for what is no document)."""
    try:
        document = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return []
    found = document.get("Statement", []) if isinstance(document, dict) else []
    return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]


def _well_formed(name: str, principal: bool) -> Callable[..., None]:  # noqa: FBT001 (a fact of the property)
    """IAM user guide, "IAM JSON policy elements reference": the elements a statement needs."""

    def refuse(cloud: Cloud, *given: Row | Props) -> None:
        props = latest(given)
        text = props.get(name)
        found = statements(text)
        subject = ("Principal", "NotPrincipal") if principal else ("Resource", "NotResource")
        for statement in found:
            acts = "Action" in statement or "NotAction" in statement
            if (
                statement.get("Effect") not in {"Allow", "Deny"}
                or not acts
                or not any(key in statement for key in subject)
            ):
                raise Refusal("MalformedPolicyDocument", "Syntax errors in policy.")
            if principal:
                _principals_exist(cloud, statement.get("Principal"))
        if not found:
            raise Refusal("MalformedPolicyDocument", "Syntax errors in policy.")

    return refuse


def _principals_exist(cloud: Cloud, principal: Value) -> None:
    """IAM user guide, "AWS JSON policy elements: Principal": a role of this account must exist when it is named."""
    named = principal.get("AWS", []) if isinstance(principal, dict) else []
    for value in [named] if isinstance(named, str) else named:
        own = re.fullmatch(rf"arn:[\w-]+:iam::{cloud.account}:role/(?:.*/)?([^/]+)", str(value))
        if own and cloud.get(ROLE, own[1]) is None:
            raise Refusal("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{value}"')


def _size(name: str, quota: str, maximum: int) -> Callable[..., None]:
    """White space does not count."""

    def refuse(cloud: Cloud, *given: Row | Props) -> None:
        props = latest(given)
        text = props.get(name)
        if len("".join(str(text).split())) > maximum:
            raise Refusal("LimitExceeded", f"Cannot exceed quota for {quota}: {maximum}", 409)

    return refuse


def _taken(token: str, words: str) -> Callable[[Cloud, Props], None]:
    """Names are unique in the account whatever their path and case (moto iam/models.py)."""

    def refuse(cloud: Cloud, props: Props) -> None:
        if cloud.notes(token, str(props["name"]).lower()):
            raise Refusal("EntityAlreadyExists", words.replace("{}", str(props["name"])), 409)

    return refuse


def _take_name(cloud: Cloud, row: Row) -> None:
    cloud.note(row.token, str(row["name"]).lower(), "", {})


def _free_name(cloud: Cloud, row: Row) -> None:
    cloud.forget(row.token, str(row["name"]).lower())


def _role_exists(cloud: Cloud, *given: Row | Props) -> None:
    props = latest(given)
    role = props.get("role")
    if role and cloud.get(ROLE, str(role)) is None:
        raise Refusal("NoSuchEntity", f"The role with name {role} cannot be found.", 404)


def _role_in_use(cloud: Cloud, row: Row) -> None:
    """hashicorp/boundary#5646 (managed), rebuy-de/aws-nuke#294 (inline). The provider leaves profiles first."""
    if row["forceDetachPolicies"]:
        return
    if cloud.where(ATTACHMENT, "role", row.id):
        raise Refusal("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409)
    if cloud.where(ROLE_POLICY, "role", row.id):
        raise Refusal("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)


def _role_gone(cloud: Cloud, row: Row) -> None:
    for token in (ATTACHMENT, ROLE_POLICY):
        for inner in cloud.where(token, "role", row.id):
            cloud.remove(token, inner.id)


def _policy_in_use(cloud: Cloud, row: Row) -> None:
    """serverless/components#312; also as a permissions boundary (gruntwork-io/cloud-nuke#972)."""
    if any(other.token in {ATTACHMENT, ROLE} for other in cloud.referring(row.id)):
        raise Refusal("DeleteConflict", "Cannot delete a policy attached to entities.", 409)


def _attachable(cloud: Cloud, props: Props) -> None:
    policy = str(props["policyArn"])
    if policy.startswith(f"arn:{cloud.partition}:iam::aws:policy/"):
        return
    if cloud.get(POLICY, policy) is None:
        raise Refusal("NoSuchEntity", f"Policy {policy} does not exist or is not attachable.", 404)


def _attachments(cloud: Cloud, props: Props) -> None:
    attached = {row["policyArn"] for row in cloud.where(ATTACHMENT, "role", props["role"])}
    if len(attached | {props["policyArn"]}) > 10:
        raise Refusal("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10", 409)


def _attachment_id(cloud: Cloud, props: Props) -> str:
    """Role, time and a counter (terraform-plugin-sdk helper/id: PrefixedUniqueId)."""
    digits = re.sub(r"\D", "", cloud.now())
    return f"{props['role']}-{digits}{int(cloud.hex(4), 16) % 10000:04d}{cloud.hex(8)}"


def _locate_attachment(cloud: Cloud, given: str) -> str:
    """An import names ``ROLE/POLICYARN``."""
    role, _, policy = given.partition("/")
    found = [row.id for row in cloud.where(ATTACHMENT, "role", role) if row["policyArn"] == policy]
    return found[0] if found else given


def _ranges(props: Props) -> Iterable[Failure]:
    """terraform-provider-aws internal/service/iam/role.go."""
    seconds = props.get("maxSessionDuration")
    if isinstance(seconds, int) and not 3600 <= seconds <= 43200:
        yield Failure(
            "maxSessionDuration", f"expected maxSessionDuration to be in the range (3600 - 43200), got {seconds}"
        )
    if len(str(props.get("description", ""))) > 1000:
        yield Failure("description", "expected length of description to be in the range (0 - 1000)")


def _operations(thing: str, update: str) -> dict[str, str]:
    return {"create": f"Create{thing}", "update": update, "delete": f"Delete{thing}"}


def _named(maximum: int, auto: int = 255) -> NameRule:
    """IAM API reference: the characters of a name."""
    said = f"invalid value for name ({{}}): it must have at most {maximum} letters, digits or any of _ + = , . @ -"
    return NameRule(maximum=auto, pattern=rf"[\w+=,.@-]{{1,{maximum}}}", said=said)


_NAMES: Final = frozenset({"name", "namePrefix"})

KINDS: Final = (
    Kind(
        token=ROLE,
        service="IAM",
        thing="IAM Role",
        operations=_operations("Role", "UpdateAssumeRolePolicy"),
        create_only=_NAMES | {"path"},
        source="CloudFormation schema AWS::IAM::Role",
        computed=frozenset({"name", "managedPolicyArns", "inlinePolicies"}),
        identify=lambda cloud, props: str(props["name"]),
        outputs=_role_outputs,
        name=_named(64, auto=64),
        defaults={"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"},
        json=frozenset({"assumeRolePolicy"}),
        checks=(_json("assumeRolePolicy"), _ranges),
        refuse_create=(
            _taken(ROLE, "Role with name {} already exists."),
            _well_formed("assumeRolePolicy", principal=True),
            _size("assumeRolePolicy", "ACLSizePerRole", 2048),
        ),
        refuse_update=(
            _well_formed("assumeRolePolicy", principal=True),
            _size("assumeRolePolicy", "ACLSizePerRole", 2048),
        ),
        refuse_delete=(_role_in_use,),
        after_create=(_take_name,),
        after_delete=(_role_gone, _free_name),
    ),
    Kind(
        token=POLICY,
        service="IAM",
        thing="IAM Policy",
        operations=_operations("Policy", "CreatePolicyVersion"),
        create_only=_NAMES | {"path", "description"},
        source="CloudFormation schema AWS::IAM::ManagedPolicy",
        computed=frozenset({"name"}),
        identify=lambda cloud, props: arn(cloud, "policy", str(props["name"]), props.get("path", "/")),
        outputs=_policy_outputs,
        name=_named(128),
        defaults={"path": "/"},
        json=frozenset({"policy"}),
        checks=(_json("policy"),),
        refuse_create=(
            _taken(POLICY, "A policy called {} already exists. Duplicate names are not allowed."),
            _well_formed("policy", principal=False),
            _size("policy", "PolicySize", 6144),
        ),
        refuse_update=(_well_formed("policy", principal=False), _size("policy", "PolicySize", 6144)),
        refuse_delete=(_policy_in_use,),
        after_create=(_take_name,),
        after_delete=(_free_name,),
    ),
    Kind(
        token=ROLE_POLICY,
        service="IAM",
        thing="IAM Role Policy",
        operations={"create": "PutRolePolicy", "update": "PutRolePolicy", "delete": "DeleteRolePolicy"},
        create_only=_NAMES | {"role"},
        source="CloudFormation schema AWS::IAM::RolePolicy",
        computed=frozenset({"name"}),
        identify=lambda cloud, props: f"{props['role']}:{props['name']}",
        name=_named(128),
        json=frozenset({"policy"}),
        checks=(_json("policy"),),
        refuse_create=(_role_exists, _well_formed("policy", principal=False)),
        refuse_update=(_well_formed("policy", principal=False),),
    ),
    Kind(
        token=ATTACHMENT,
        service="IAM",
        thing="IAM Policy to IAM Role",
        operations={"create": "AttachRolePolicy", "update": "AttachRolePolicy", "delete": "DetachRolePolicy"},
        create_only=frozenset({"role", "policyArn"}),
        source="terraform-provider-aws internal/service/iam/role_policy_attachment.go",
        computed=frozenset(),
        identify=_attachment_id,
        deletes_first=True,
        refuse_create=(_role_exists, _attachable, _attachments),
        locate=_locate_attachment,
    ),
    Kind(
        token=PROFILE,
        service="IAM",
        thing="IAM Instance Profile",
        operations=_operations("InstanceProfile", "AddRoleToInstanceProfile"),
        create_only=_NAMES | {"path"},
        source="CloudFormation schema AWS::IAM::InstanceProfile; terraform-provider-aws iam/instance_profile.go",
        computed=frozenset({"name", "role"}),
        identify=lambda cloud, props: str(props["name"]),
        outputs=_born(PROFILE, "instance-profile", "AIPA"),
        name=_named(128),
        defaults={"path": "/"},
        refuse_create=(_taken(PROFILE, "Instance Profile {} already exists."), _role_exists),
        refuse_update=(_role_exists,),
        after_create=(_take_name,),
        after_delete=(_free_name,),
    ),
)
