"""``eks:index:VpcCniAddon`` as the Cluster component makes it (nodejs/eks/addons/cni-addon.ts)."""

from __future__ import annotations

from typing import Any, Final

from local_cloud.eks.kubeconfig import compact
from local_cloud.eks.monitor import Child, Component
from local_cloud.eks.traced import ABSENT, Reference, Traced
from local_cloud.eks.versions import newest
from local_cloud.plugin import Refused

# option -> (environment variable, default); None: left out unless given
_ENVIRONMENT: Final[dict[str, tuple[str, str | None]]] = {
    "nodePortSupport": ("AWS_VPC_CNI_NODE_PORT_SUPPORT", None),
    "customNetworkConfig": ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", None),
    "warmEniTarget": ("WARM_ENI_TARGET", "1"),
    "warmIpTarget": ("WARM_IP_TARGET", None),
    "warmPrefixTarget": ("WARM_PREFIX_TARGET", None),
    "enablePrefixDelegation": ("ENABLE_PREFIX_DELEGATION", None),
    "logLevel": ("AWS_VPC_K8S_CNI_LOGLEVEL", "DEBUG"),
    "logFile": ("AWS_VPC_K8S_CNI_LOG_FILE", "/host/var/log/aws-routed-eni/ipamd.log"),
    "vethPrefix": ("AWS_VPC_K8S_CNI_VETHPREFIX", "eni"),
    "eniMtu": ("AWS_VPC_ENI_MTU", "9001"),
    "eniConfigLabelDef": ("ENI_CONFIG_LABEL_DEF", None),
    "pluginLogLevel": ("AWS_VPC_K8S_PLUGIN_LOG_LEVEL", "DEBUG"),
    "pluginLogFile": ("AWS_VPC_K8S_PLUGIN_LOG_FILE", "/var/log/aws-routed-eni/plugin.log"),
    "enablePodEni": ("ENABLE_POD_ENI", "false"),
    "cniConfigureRpfilter": ("AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER", None),
    "cniCustomNetworkCfg": ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "false"),
    "cniExternalSnat": ("AWS_VPC_K8S_CNI_EXTERNALSNAT", None),
    "externalSnat": ("AWS_VPC_K8S_CNI_EXTERNALSNAT", None),
}


def build(component: Component, cluster: Child) -> Traced:
    """Registers the add-on unless useDefaultVpcCni is true; gives its reference, absent when there is none."""
    if component["useDefaultVpcCni"].value is True:
        return ABSENT
    options = component["vpcCniOptions"]
    if options["securityContextPrivileged"]:
        raise Refused(
            "vpcCniOptions.securityContextPrivileged: the local cloud does not model the patch of the "
            "aws-node DaemonSet"
        )
    name = f"{component.name}-vpc-cni"
    urn = component.component("eks:index:VpcCniAddon", name)
    properties = {
        "clusterName": cluster["name"],
        "addonVersion": options["addonVersion"] or cluster["version"].map(lambda minor: newest("vpc-cni", minor)),
        "addonName": "vpc-cni",
        "resolveConflictsOnCreate": options["resolveConflictsOnCreate"].otherwise("OVERWRITE"),
        "resolveConflictsOnUpdate": options["resolveConflictsOnUpdate"].otherwise("OVERWRITE"),
        "preserve": True,
        "configurationValues": options.otherwise({}).map(lambda given: compact(_sorted(_configuration(given)))),
        "serviceAccountRoleArn": options["serviceAccountRoleArn"],
        "tags": component["tags"],
    }
    addon = component.child("aws:eks/addon:Addon", name, properties, parent=urn)
    component.outputs({"addon": addon.reference}, urn)
    return Traced(Reference(urn), frozenset({urn}))


def _configuration(options: dict[str, Any]) -> dict[str, Any]:
    if options.get("cniExternalSnat") and options.get("externalSnat"):
        raise Refused("Please specify one of `cniExternalSnat` or `externalSnat` in your VpcCniOptions")
    environment = {"AWS_VPC_K8S_CNI_EXTERNALSNAT": "false"}
    for name, (variable, default) in _ENVIRONMENT.items():
        given = options.get(name)
        if given or default is not None:
            environment[variable] = _text(given) if given else str(default)
    early = {"DISABLE_TCP_EARLY_DEMUX": _text(options.get("disableTcpEarlyDemux") or False)}
    values = dict(options.get("configurationValues") or {})
    if options.get("enableNetworkPolicy") is not None:
        values.setdefault("enableNetworkPolicy", _text(options["enableNetworkPolicy"]))
    values["env"] = environment | (values["env"] if isinstance(values.get("env"), dict) else {})
    initial = values["init"] if isinstance(values.get("init"), dict) else {}
    values["init"] = {**initial, "env": early | initial.get("env", {})}
    return values


def _text(value: Any) -> str:
    return compact(value) if isinstance(value, bool) else str(value)


def _sorted(value: Any) -> Any:
    return {key: _sorted(value[key]) for key in sorted(value)} if isinstance(value, dict) else value
