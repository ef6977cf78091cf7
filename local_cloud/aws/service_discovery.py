"""AWS Cloud Map: private DNS namespaces and services.

Create-only properties: terraform-provider-aws internal/service/servicediscovery; forms: botocore's service model.
"""

from __future__ import annotations

from typing import Final

from local_cloud.aws import lookups, plan
from local_cloud.aws.kind import Cloud, Kind, NameRule, Props, Refusal, Row

NAMESPACE: Final = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"
SERVICE: Final = "aws:servicediscovery/service:Service"
INSTANCES: Final = "cloud map instance"
"""Topic of the notes about registered instances: owner = service id, key = instance id."""


def _id(cloud: Cloud, prefix: str) -> str:
    return f"{prefix}-{cloud.hex(16)}"


def _arn(cloud: Cloud, kind: str, identifier: str) -> str:
    return f"arn:{cloud.partition}:servicediscovery:{cloud.region}:{cloud.account}:{kind}/{identifier}"


def _refuse_vpc(cloud: Cloud, props: Props) -> None:
    """Cloud Map makes a private hosted zone (Cloud Map API reference: CreatePrivateDnsNamespace).

    The failure is that of the operation the provider waits for: terraform-provider-aws, wait.go.
    """
    vpc, name = str(props["vpc"]), str(props["name"])
    if cloud.get(lookups.VPC, vpc) is None:
        message = f"The VPC {vpc} in region {cloud.region} that you provided is not authorized or does not exist."
        raise Refusal("InvalidInput", message)
    for row in cloud.where(NAMESPACE, "vpc", vpc):
        if row["name"] == name:
            raise Refusal(
                "",
                f"waiting for Service Discovery Private DNS Namespace ({name}) create: unexpected state 'FAIL', wanted "
                f"target 'SUCCESS'. last error: CONFLICTING_DOMAIN_EXISTS: The VPC {vpc} in region {cloud.region} has "
                f"already been associated with the hosted zone {row['hostedZone']} with the same domain name.",
            )


def _namespace_outputs(cloud: Cloud, namespace: str, props: Props) -> Props:
    row = cloud.get(NAMESPACE, namespace)
    zone = row["hostedZone"] if row else f"Z0{cloud.hex(18).upper()}"
    return {"arn": _arn(cloud, "namespace", namespace), "hostedZone": zone}


def _namespace_in_use(cloud: Cloud, row: Row) -> None:
    """anomalyco/sst#5931."""
    if cloud.where(SERVICE, "namespaceId", row.id):
        message = "Namespace has associated services; delete the services before deleting the namespace"
        raise Refusal("ResourceInUse", message)


def _namespace_of(props: Props) -> str:
    return str((props.get("dnsConfig") or {}).get("namespaceId") or props.get("namespaceId") or "")


def _refuse_namespace(cloud: Cloud, props: Props) -> None:
    """Code: botocore, CreateService."""
    namespace = _namespace_of(props)
    if cloud.get(NAMESPACE, namespace) is None:
        raise Refusal("NamespaceNotFound", namespace)


def _refuse_name(cloud: Cloud, props: Props) -> None:
    """Code: botocore, CreateService; DNS names do not differ by case (Cloud Map API reference: CreateService, Name)."""
    for row in cloud.where(SERVICE, "namespaceId", _namespace_of(props)):
        if str(row["name"]).lower() == str(props["name"]).lower():
            raise Refusal("ServiceAlreadyExists", "Service already exists.")


def _service_outputs(cloud: Cloud, service: str, props: Props) -> Props:
    dns = bool(props.get("dnsConfig"))
    return {
        "arn": _arn(cloud, "service", service),
        "namespaceId": _namespace_of(props),
        "type": props.get("type") or ("DNS_HTTP" if dns else "HTTP"),
    }


def _service_in_use(cloud: Cloud, row: Row) -> None:
    """hashicorp/terraform-provider-aws#4853; with forceDestroy the provider deregisters the instances first."""
    if cloud.notes(INSTANCES, row.id) and not row["forceDestroy"]:
        message = "Service contains registered instances; delete the instances before deleting the service"
        raise Refusal("ResourceInUse", message)


def _service_gone(cloud: Cloud, row: Row) -> None:
    cloud.forget(INSTANCES, row.id)


_PART: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = rf"(?=.{{1,127}}$){_PART}(?:\.{_PART})*"

KINDS: Final = (
    Kind(
        token=NAMESPACE,
        service="ServiceDiscovery",
        thing="Service Discovery Private DNS Namespace",
        operations={
            "create": "CreatePrivateDnsNamespace",
            "update": "UpdatePrivateDnsNamespace",
            "delete": "DeleteNamespace",
        },
        create_only=frozenset({"name", "vpc"}),
        source="terraform-provider-aws internal/service/servicediscovery/private_dns_namespace.go",
        computed=frozenset({"arn", "hostedZone"}),
        identify=lambda cloud, props: _id(cloud, "ns"),
        outputs=_namespace_outputs,
        name=NameRule(pattern=r"(?!arn:)[!-~]{1,253}", said="invalid value for name ({})"),
        refuse_create=(_refuse_vpc,),
        refuse_delete=(_namespace_in_use,),
        locate=lambda cloud, given: given.partition(":")[0],
    ),
    Kind(
        token=SERVICE,
        service="ServiceDiscovery",
        thing="Service Discovery Service",
        operations={"create": "CreateService", "update": "UpdateService", "delete": "DeleteService"},
        create_only=frozenset(
            {
                "name",
                "namespaceId",
                "type",
                "dnsConfig.dnsRecords.type",
                "dnsConfig.namespaceId",
                "dnsConfig.routingPolicy",
                "healthCheckConfig.type",
                "healthCheckCustomConfig",
            }
        ),
        source="terraform-provider-aws internal/service/servicediscovery/service.go",
        computed=frozenset({"arn", "namespaceId", "type"}),
        identify=lambda cloud, props: _id(cloud, "srv"),
        outputs=_service_outputs,
        name=NameRule(pattern=_NAME, said="invalid value for name ({})"),
        defaults={"forceDestroy": False},
        checks=(
            plan.one_of("dnsConfig.dnsRecords.type", "SRV", "A", "AAAA", "CNAME"),
            plan.one_of("dnsConfig.routingPolicy", "MULTIVALUE", "WEIGHTED"),
        ),
        refuse_create=(_refuse_namespace, _refuse_name),
        refuse_delete=(_service_in_use,),
        after_delete=(_service_gone,),
    ),
)
