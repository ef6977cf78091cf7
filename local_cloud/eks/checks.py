"""What pulumi-eks itself refuses, in its words, and what this stand-in does not model, in ours.

Sources: nodejs/eks/cluster.ts (createCore), authenticationMode.ts, nodegroup.ts. Not asked for: the ``aws`` command
that the real component wants on PATH (dependencies.ts), for a laptop without it shall run the local cloud.
"""

from __future__ import annotations

from typing import Final

from local_cloud.eks.monitor import Component
from local_cloud.plugin import Refused
from local_cloud.values import UNKNOWN

MODES: Final = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")

_UNMODELLED: Final = {
    "autoMode": "EKS Auto Mode",
    "fargate": "Fargate profiles",
    "createOidcProvider": "the OIDC provider (use Pod Identity)",
    "storageClasses": "storage classes of the component (create them as resources)",
    "nodeGroupOptions": "the default node group (use ManagedNodeGroup)",
}


def cluster_problems(component: Component) -> None:
    """Raises ``Refused`` for a Cluster's inputs."""
    mode = component["authenticationMode"].value
    _mode_problems(component, mode)
    if component["instanceRole"] and component["instanceRoles"]:
        raise Refused("instanceRole and instanceRoles are mutually exclusive, and cannot both be set.")
    if component["subnetIds"] and (component["publicSubnetIds"] or component["privateSubnetIds"]):
        raise Refused(
            "subnetIds, and the use of publicSubnetIds and/or privateSubnetIds are mutually exclusive. Choose "
            "a single approach."
        )
    public, cidrs = component["endpointPublicAccess"].value, component["publicAccessCidrs"]
    if cidrs and public is False:
        raise Refused("`publicAccessCidrs` can only be set when `endpointPublicAccess` is true")
    if not component["skipDefaultSecurityGroups"].value and component["skipDefaultSecurityGroups"].value is not UNKNOWN:
        _vpc_needed(component)
    _unmodelled(component, mode)


def _mode_problems(component: Component, mode: object) -> None:
    if mode and mode not in MODES:
        raise Refused(f"Invalid value for authenticationMode: {mode}. Allowed values are: {', '.join(MODES)}.")
    if mode == "API":
        for name in ("roleMappings", "userMappings", "instanceRoles"):
            if component[name]:
                raise Refused(
                    f"The '{name}' property does not support non-empty values when 'authenticationMode' is set "
                    "to 'API'."
                )
    if mode not in {"API", "API_AND_CONFIG_MAP"} and component["accessEntries"]:
        said = f"set to '{mode}'" if mode else "not set"
        raise Refused(f"The 'accessEntries' property is not supported when 'authenticationMode' is {said}.")


def _vpc_needed(component: Component) -> None:
    if not component["vpcId"]:
        raise Refused("vpcId: the local cloud has no default VPC, so a cluster names its own")


def _unmodelled(component: Component, mode: object) -> None:
    for name, thing in _UNMODELLED.items():
        if component[name]:
            raise Refused(f"{name}: the local cloud does not model {thing}")
    if component["skipDefaultNodeGroup"].value is not True:
        raise Refused(
            "skipDefaultNodeGroup: the local cloud does not model the default node group; set it to true and "
            "use ManagedNodeGroup"
        )
    if mode != "API":
        raise Refused("authenticationMode: the local cloud models API only, not the deprecated aws-auth ConfigMap")


_LAUNCH_TEMPLATE: Final = (
    "kubeletExtraArgs", "bootstrapExtraArgs", "bottlerocketSettings", "nodeadmExtraOptions", "enableIMDSv2",
    "userData",
    "amiId",
    "enableEfaSupport",
)  # fmt: skip


def node_group_problems(component: Component) -> None:
    """Raises ``Refused`` for a ManagedNodeGroup's inputs."""
    problems = []
    if component["nodeRole"] and component["nodeRoleArn"]:
        problems.append(
            "nodeRole: You cannot specify both nodeRole and nodeRoleArn when creating a managed node group."
        )
    if not component["nodeRole"] and not component["nodeRoleArn"]:
        problems.append("nodeRole: An IAM role, or role ARN must be provided to create a managed node group")
    problems += [
        f"amiId: You cannot specify both amiId and {name} when creating a managed node group."
        for name in ("gpu", "amiType")
        if component["amiId"] and component[name]
    ]
    advanced = [name for name in _LAUNCH_TEMPLATE if component[name].value is not None]
    if component["launchTemplate"] and advanced:
        problems.append(
            "launchTemplate: If you provide a custom launch template, you cannot provide any of "
            f"{', '.join(_LAUNCH_TEMPLATE)}. "
            "Please include these in the launch template that you are providing."
        )
    if problems:
        raise Refused("The input properties for the managed node group are invalid.\n" + "\n".join(problems))
    if advanced:
        raise Refused(
            f"{advanced[0]}: the local cloud does not model node groups with a launch template of the component"
        )
