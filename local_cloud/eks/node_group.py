"""``eks:index:ManagedNodeGroup`` and ``eks:index:Addon`` (nodejs/eks/nodes/nodegroup.ts, addons/addon.ts)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from local_cloud.eks.checks import node_group_problems
from local_cloud.eks.kubeconfig import compact
from local_cloud.eks.monitor import Component
from local_cloud.eks.traced import ABSENT, Reference, Traced, flat
from local_cloud.plugin import Refused
from local_cloud.values import UNKNOWN

_PASSED: Final = (
    "amiType", "capacityType", "diskSize", "forceUpdateVersion", "instanceTypes", "labels", "launchTemplate",
    "nodeGroupName",
    "nodeGroupNamePrefix", "releaseVersion", "remoteAccess", "tags", "taints", "version",
)  # fmt: skip
_DEFAULT_SIZES: Final = {"desiredSize": 2, "minSize": 1, "maxSize": 2}
_ADDON: Final = (
    "addonName", "addonVersion", "podIdentityAssociations", "preserve", "resolveConflictsOnCreate",
    "resolveConflictsOnUpdate",
    "serviceAccountRoleArn", "tags",
)  # fmt: skip


def build(component: Component) -> Any:
    """Registers a managed node group; gives the answer to the engine's Construct."""
    node_group_problems(component)
    component.open()
    core = _core(component)
    cluster = _cluster(component, core)
    properties: dict[str, Any] = {name: component[name] for name in _PASSED}
    properties["amiType"] = component["amiType"] or _ami_type(component)
    if not component["version"] and not component["launchTemplate"]:
        properties["version"] = cluster["version"]
    properties["clusterName"] = component["clusterName"] or cluster["name"]
    properties["nodeRoleArn"] = component["nodeRoleArn"] or _role_arn(component)
    properties["scalingConfig"] = component["scalingConfig"].otherwise({}).map(lambda given: _DEFAULT_SIZES | given)
    properties["subnetIds"] = next(
        (found for found in (component["subnetIds"], *(core[name] for name in _SUBNETS)) if found.value is not None),
        Traced([]),
    )
    ignore = ("scalingConfig.desiredSize",) if component["ignoreScalingChanges"].value is True else ()
    group = component.child("aws:eks/nodeGroup:NodeGroup", component.name, properties, ignore=ignore)
    return component.outputs({"nodeGroup": group.reference, "placementGroupName": ""})


_SUBNETS: Final = ("subnetIds", "privateSubnetIds", "publicSubnetIds")


def _core(component: Component) -> Traced:
    """The cluster's core data, whether the program gave the Cluster or its ``core``.

    A Python program's ``core`` arrives with snake_case keys, for its SDK translates them on the way out only; the real
    component does not find its subnets then either, so such a program gives ``subnet_ids``.
    """
    given = component["cluster"]
    if not given:
        raise Refused("Missing required property 'cluster'")
    if isinstance(given.value, Reference):
        return component.look(given.value).get("core", ABSENT)
    return given


def _cluster(component: Component, core: Traced) -> Mapping[str, Traced]:
    """The outputs of the aws:eks/cluster:Cluster in the core data."""
    reference = core["cluster"]
    if isinstance(reference.value, Reference):
        state = component.look(reference.value)
        names = ("name", "version")
        unknown = Traced(reference.value.id, reference.urns)
        return {name: state.get(name, unknown if name == "name" else Traced(None)) for name in names}
    return {"name": reference, "version": reference if reference.value is UNKNOWN else ABSENT}


def _role_arn(component: Component) -> Traced:
    given = component["nodeRole"]
    return component.look(given.value).get("arn", ABSENT) if isinstance(given.value, Reference) else given


def _ami_type(component: Component) -> Traced:
    """The AMI type for an operating system (nodejs/eks/nodes/ami.ts); absent when none is given."""
    system = component["operatingSystem"]
    if not system:
        return ABSENT
    return flat({"os": system, "types": component["instanceTypes"].otherwise([])}).map(_ami_name)


def _ami_name(given: dict[str, Any]) -> str:
    families = {str(each).split(".")[0] for each in given["types"]}
    arm = bool(families) and all("g" in family[2:] or family == "a1" for family in families)
    if given["os"] == "Bottlerocket":
        return "BOTTLEROCKET_ARM_64" if arm else "BOTTLEROCKET_x86_64"
    if given["os"] in {"AL2023", "RECOMMENDED"}:
        return "AL2023_ARM_64_STANDARD" if arm else "AL2023_x86_64_STANDARD"
    raise Refused(f"operatingSystem: the local cloud does not model {given['os']!r}; AL2023 and Bottlerocket are")


def build_addon(component: Component) -> Any:
    """Registers an add-on; its component's parent is the cluster, whatever the options say."""
    cluster = component["cluster"].value
    if not isinstance(cluster, Reference):
        raise Refused("cluster: an eks.Cluster is required")
    component.open(parent=cluster.urn)
    core = component.look(cluster).get("core", ABSENT)
    values = component["configurationValues"]
    properties: dict[str, Any] = {name: component[name] for name in _ADDON}
    properties["clusterName"] = _cluster(component, core)["name"]
    properties["configurationValues"] = values.map(compact) if values else None
    addon = component.child("aws:eks/addon:Addon", component.name, properties)
    return component.outputs({"addon": addon.reference})
