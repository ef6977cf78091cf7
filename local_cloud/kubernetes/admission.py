"""What the API server and the webhooks in the cluster refuse when an object is written.

Sources: webhooks/elbv2/targetgroupbinding_validator.go and docs/guide/targetgroupbinding of the AWS Load Balancer
Controller; pulumi-kubernetes provider/pkg/provider/provider.go for the texts around.
"""

from __future__ import annotations

from typing import Any, Final

from local_cloud.kubernetes.charts import CONTROLLER
from local_cloud.kubernetes.cluster import BINDING, TARGET_GROUP, Cluster
from local_cloud.kubernetes.controllers import controller_trouble
from local_cloud.kubernetes.lbc.ingress import classified
from local_cloud.kubernetes.lbc.model import Unreconciled
from local_cloud.plugin import Refused
from local_cloud.store import Row

_DENIED: Final = 'admission webhook "vtargetgroupbinding.elbv2.k8s.aws" denied the request: '
_FIXED: Final = ("targetGroupARN", "targetType", "ipAddressType", "vpcID")
_DEFAULTS: Final = {"ipAddressType": "ipv4"}


def refuse_create(cluster: Cluster, api: str, kind: str, namespace: str, inputs: dict[str, Any]) -> None:
    """Raises ``Refused`` when the API server would not take a new object."""
    name = inputs["metadata"]["name"]
    subject = f"{namespace}/{name}" if namespace else name
    if not cluster.serves(api, kind):
        raise Refused(
            f"creation of resource {subject} failed because the Kubernetes API server reported that the "
            "apiVersion for this "
            "resource does not exist. Verify that any required CRDs have been created: no matches for kind "
            f'"{kind}" in version '
            f'"{api}"'
        )
    if namespace and not cluster.has_namespace(namespace):
        raise Refused(_failed(subject, f'namespaces "{namespace}" not found'))
    try:
        if kind == "TargetGroupBinding":
            _refuse_binding(cluster, inputs["spec"])
        if kind == "Service":
            _refuse_service(cluster)
        if kind == "Ingress":
            _refuse_ingress(cluster, inputs)
    except _Denied as denied:
        raise Refused(_failed(subject, str(denied))) from None


def refuse_update(cluster: Cluster, kind: str, row: Row, inputs: dict[str, Any]) -> None:
    """Raises ``Refused`` when the API server would not take a change."""
    if row.inputs.get("immutable") is True and any(
        row.inputs.get(part) != inputs.get(part) for part in ("data", "binaryData", "stringData")
    ):
        raise Refused(
            _update_failed(
                row.id,
                f'{kind} "{row.inputs["metadata"]["name"]}" is invalid: data: Forbidden: field is immutable '
                "when `immutable` is set",
            )
        )
    _refuse_immutable(kind, row, inputs)
    if kind == "Ingress":
        try:
            _refuse_ingress(cluster, inputs)
        except _Denied as denied:
            raise Refused(_update_failed(row.id, str(denied))) from None
    if kind == "TargetGroupBinding":
        trouble = controller_trouble(cluster)
        if trouble is not None:
            raise Refused(_update_failed(row.id, _unanswered(trouble)))
        old, new = row.inputs["spec"], inputs["spec"]
        changed = [
            f"spec.{name}"
            for name in _FIXED
            if old.get(name, _DEFAULTS.get(name)) != new.get(name, _DEFAULTS.get(name))
        ]
        if changed:
            raise Refused(
                _update_failed(
                    row.id, f"{_DENIED}TargetGroupBinding update may not change these fields: {','.join(changed)}"
                )
            )


# The controller of a class never changes: k8s.io/kubernetes pkg/apis/networking/validation, Gateway API GatewayClass.
_CONTROLLERS: Final = {"IngressClass": "controller", "GatewayClass": "controllerName"}


def _refuse_immutable(kind: str, row: Row, inputs: dict[str, Any]) -> None:
    field = _CONTROLLERS.get(kind)
    if field and row.inputs["spec"].get(field) != inputs["spec"].get(field):
        why = f'{kind} "{row.id}" is invalid: spec.{field}: Invalid value: field is immutable'
        raise Refused(_update_failed(row.id, why))


class _Denied(Exception):  # noqa: N818 (the cluster denies; nothing is broken)
    """What a webhook says."""


def _unanswered(trouble: str) -> str:
    return (
        'Internal error occurred: failed calling webhook "mtargetgroupbinding.elbv2.k8s.aws": no endpoints '
        "available for service "
        f'"aws-load-balancer-webhook-service" ({trouble})'
    )


def _refuse_binding(cluster: Cluster, spec: dict[str, Any]) -> None:
    trouble = controller_trouble(cluster)
    if trouble is not None:
        raise _Denied(_unanswered(trouble))
    arn = str(spec.get("targetGroupARN"))
    group = cluster.store.get("aws", TARGET_GROUP, arn)
    if group is None:
        raise _Denied(
            f"{_DENIED}unable to get target group IP address type: TargetGroupNotFound: One or more target "
            "groups not found"
        )
    for other in cluster.store.where(cluster.key, BINDING, "spec.targetGroupARN", arn):
        if not (other.inputs["spec"].get("multiClusterTargetGroup") and spec.get("multiClusterTargetGroup")):
            raise _Denied(f"{_DENIED}TargetGroup {arn} is already bound to TargetGroupBinding {other.id}")
    _refuse_mismatch(cluster, spec, group)


def _refuse_mismatch(cluster: Cluster, spec: dict[str, Any], group: Row) -> None:
    arn, wanted = group.id, spec.get("targetType")
    actual = group["ipAddressType"] or "ipv4"
    if spec.get("ipAddressType", "ipv4") != actual:
        raise _Denied(
            f"{_DENIED}invalid IP address type {spec.get('ipAddressType', 'ipv4')} for TargetGroup {arn} (it "
            f"is {actual})"
        )
    if spec.get("vpcID") not in {None, "", group["vpcId"]}:
        raise _Denied(
            f"{_DENIED}invalid VpcID {spec['vpcID']} doesnt match VpcID {group['vpcId']} provided for TargetGroup {arn}"
        )
    if wanted != (group["targetType"] or "instance"):
        raise _Denied(
            f"targetType {wanted!r} can never register: TargetGroup {arn} has target type "
            f"{group['targetType'] or 'instance'!r}"
        )
    if group["vpcId"] and cluster.vpc() and group["vpcId"] != cluster.vpc():
        raise _Denied(
            f"InvalidTarget: the pods are in {cluster.vpc()}, not within the VPC {group['vpcId']} of TargetGroup {arn}"
        )


def _refuse_service(cluster: Cluster) -> None:
    """The controller's Service mutator has failurePolicy Fail, so a controller that is down stops every new Service."""
    for release in cluster.releases(CONTROLLER):
        values = release.inputs.get("values") or {}
        trouble = controller_trouble(cluster)
        if values.get("enableServiceMutatorWebhook", True) and trouble is not None:
            raise _Denied(_unanswered(trouble).replace("mtargetgroupbinding", "mservice"))


def _refuse_ingress(cluster: Cluster, inputs: dict[str, Any]) -> None:
    """webhooks/networking/ingress_validator.go; its failurePolicy is Fail, so it must answer where it is installed."""
    if not cluster.releases(CONTROLLER):
        return
    trouble = controller_trouble(cluster)
    if trouble is not None:
        raise _Denied(_unanswered(trouble).replace("mtargetgroupbinding", "vingress"))
    head = 'admission webhook "vingress.elbv2.k8s.aws" denied the request: '
    annotations = (inputs.get("metadata") or {}).get("annotations") or {}
    name = "alb.ingress.kubernetes.io/group.name"
    if cluster.controller_values().get("disableIngressGroupNameAnnotation") is True and name in annotations:
        raise _Denied(f"{head}new usage of `{name}` annotation is forbidden")
    try:
        classified(cluster, Row("", "", "", inputs, {}))
    except Unreconciled as problem:
        raise _Denied(f"{head}{str(problem).partition('due to ')[2]}") from None


def _failed(subject: str, why: str) -> str:
    return f"resource {subject} was not successfully created by the Kubernetes API server: {why}"


def _update_failed(subject: str, why: str) -> str:
    return f"update of resource {subject} failed because the Kubernetes API server reported: {why}"
