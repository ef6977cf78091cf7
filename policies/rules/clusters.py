"""EKS001 to EKS005: the control plane. `eks.Cluster` makes an `aws.eks.Cluster` inside, which these rules see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, flag
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, MEDIUM, Context, Example, Option, Problem, Rule
from policies.engine.unknown import is_unknown, known
from policies.rules.intent import PROBES, containers
from policies.rules.load_balancers import PRODUCTION, is_production
from policies.rules.probes import workload
from policies.rules.tokens import WORKLOADS

CLUSTER: Final = "aws:eks:Cluster"
_GUIDE: Final = "Amazon EKS user guide"
_EVERYWHERE: Final = ("0.0.0.0/0", "::/0")
_LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
# The first version in which gRPC probes are stable, and the first whose data EKS encrypts without being asked.
_PROBES_STABLE: Final = (1, 27)
_ENCRYPTED: Final = (1, 28)
_KEY: Final = "arn:aws:kms:eu-west-1:111122223333:key/12345678-1234-1234-1234-123456789012"


def cluster(**properties: Any) -> Mapping[str, Any]:
    """A cluster that every rule is content with, but for what is given; None takes a property away."""
    usual = {
        "name": "platform",
        "version": "1.36",
        "roleArn": "arn:aws:iam::111122223333:role/cluster",
        "enabledClusterLogTypes": list(_LOGS),
        "encryptionConfig": {
            "provider": {"keyArn": "arn:aws:kms:eu-west-1:111122223333:key/1"},
            "resources": ["secrets"],
        },
        "vpcConfig": {"subnetIds": ["subnet-a", "subnet-b"], "publicAccessCidrs": ["203.0.113.0/24"]},
        **properties,
    }
    return {
        "type": "aws:eks/cluster:Cluster",
        "properties": {key: value for key, value in usual.items() if value is not None},
    }


def clusters_of(resource: Resource, graph: Graph) -> list[Resource]:
    """The clusters of the program that an object may be in: that of its provider, or any where that does not tell."""
    provider = graph.provider(resource)
    if not graph.cluster_of(resource) or (provider is not None and _is_silent(provider)):
        return list(graph.of(CLUSTER))
    return graph.made_of(provider, "kubeconfig", CLUSTER) if provider is not None else []


def _is_silent(provider: Resource) -> bool:
    """Whether nothing is known of the cluster of a provider, not even what its name was made of."""
    return is_unknown(provider.get("kubeconfig")) and not provider.property_dependencies.get("kubeconfig")


def version(resource: Resource) -> tuple[int, int] | None:
    """The Kubernetes version of a cluster; None where none is said, which means AWS's newest default."""
    given = known(resource.get("version"))
    found = re.fullmatch(r"v?(\d+)\.(\d+)(?:\..*)?", str(given)) if given is not None else None
    return (int(found[1]), int(found[2])) if found else None


def _bad(title: str, **properties: Any) -> Example:
    return Example(title, {"platform": cluster(**properties)}, about=("platform",))


_GOOD: Final = Example("as it should be", {"platform": cluster()})


def _public(resource: Resource, _: Context) -> Iterator[Problem]:
    if not flag(known(resource.get("vpcConfig.endpointPublicAccess")), default=True):
        return
    given = known(resource.get("vpcConfig.publicAccessCidrs"))
    if not given:
        yield Problem("vpcConfig.publicAccessCidrs", "missing, which means 0.0.0.0/0: the whole internet")
    for path, block in resource.items("vpcConfig.publicAccessCidrs"):
        if str(known(block)).strip() in _EVERYWHERE:
            yield Problem(path, f"{block} is the whole internet")


def _endpoint(**settings: Any) -> Mapping[str, Any]:
    return {"subnetIds": ["subnet-a", "subnet-b"], **settings}


EKS001: Final = Rule(
    id="EKS001",
    title="The API of a cluster is not open to the internet",
    severity=HIGH,
    level=MANDATORY,
    kinds=(CLUSTER,),
    check=_public,
    why="Credentials that leak are then enough, from anywhere; and so is a hole in the API server.",
    remedy="Set vpcConfig.publicAccessCidrs to your networks, or endpointPublicAccess to false.",
    source=f"{_GUIDE}: Cluster API server endpoint",
    bad=(
        _bad("by default", vpcConfig=_endpoint()),
        _bad("said", vpcConfig=_endpoint(publicAccessCidrs=["203.0.113.0/24", "0.0.0.0/0"])),
        _bad("by IPv6", vpcConfig=_endpoint(endpointPublicAccess="true", publicAccessCidrs=["::/0"])),
    ),
    good=(_GOOD, Example("private", {"platform": cluster(vpcConfig=_endpoint(endpointPublicAccess=False))})),
)


def _supported(resource: Resource, context: Context) -> Iterator[Problem]:
    given = known(resource.get("version"))
    if given is None:
        return
    found = version(resource)
    text = f"{found[0]}.{found[1]}" if found else ""
    if text not in context.options["versions"]:
        listed = ", ".join(context.options["versions"])
        yield Problem("version", f"{resource.shown('version')} is none that is in standard support: {listed}")


EKS002: Final = Rule(
    id="EKS002",
    title="Clusters run a version that is in standard support",
    severity=HIGH,
    level=ADVISORY,
    kinds=(CLUSTER,),
    check=_supported,
    why="Afterwards every hour of the cluster costs six times as much, and a year later AWS upgrades it unasked.",
    remedy="Upgrade, one minor version at a time; or keep this rule's `versions` up to date.",
    source=f"{_GUIDE}: Understand the Kubernetes version lifecycle on EKS",
    options={
        "versions": Option(
            {
                "type": "array",
                "items": {"type": "string"},
                "default": ["1.34", "1.35", "1.36", "1.37"],
                "description": (
                    "Versions in standard support. AWS's dates for its end: 1.34 on 2026-12-02, 1.35 on 2027-03-27, "
                    "1.36 on 2027-08-02, 1.37 in December 2027."
                ),
            }
        )
    },
    bad=(_bad("one that has left it", version="1.31"), _bad("1.30, written as a number", version=1.3)),
    good=(_GOOD, Example("none said", {"platform": cluster(version=None)})),
)


def _asked(resource: Resource, context: Context) -> list[str]:
    """The types that a cluster must send: all in production, elsewhere who did what."""
    protected = flag(known(resource.get("deletionProtection")), default=False)
    return list(_LOGS) if protected or is_production(resource, context) else ["audit"]


def _sent(resource: Resource) -> list[str]:
    return [str(known(each)) for _, each in resource.items("enabledClusterLogTypes")]


def _logged(resource: Resource, context: Context) -> Iterator[Problem]:
    missing = [each for each in _asked(resource, context) if each not in _sent(resource)]
    if missing:
        yield Problem("enabledClusterLogTypes", f"lacks {', '.join(missing)}")


def _all_logs(resource: Resource, context: Context) -> Mapping[str, Any]:
    if not any(_logged(resource, context)):
        return {}
    wanted = {*_sent(resource), *_asked(resource, context)}
    return {"enabledClusterLogTypes": [each for each in _LOGS if each in wanted]}


_TAGS: Final = {"env": "prod"}

EKS003: Final = Rule(
    id="EKS003",
    title="The control plane writes its logs",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(CLUSTER,),
    check=_logged,
    why="Nothing else says who did what. Production, by its tags or deletion protection, sends all five types.",
    remedy="Set enabledClusterLogTypes to audit at least; in production to all five.",
    source=f"{_GUIDE}: Send control plane logs to CloudWatch Logs",
    fix=_all_logs,
    options={"production": PRODUCTION},
    bad=(
        _bad("none", enabledClusterLogTypes=None),
        _bad("not who did what", enabledClusterLogTypes=["api", "scheduler"]),
        _bad("three in production", enabledClusterLogTypes=["api", "audit", "authenticator"], tags=_TAGS),
        _bad("one in a cluster that is protected", enabledClusterLogTypes=["audit"], deletionProtection=True),
    ),
    good=(
        Example("all in production", {"platform": cluster(tags=_TAGS)}),
        Example("one elsewhere", {"platform": cluster(enabledClusterLogTypes=["audit"], tags={"env": "dev"})}),
    ),
)


def _secret(resource: Resource, _: Context) -> Iterator[Problem]:
    kinds = known(resource.get("encryptionConfig.resources")) or ()
    provider = known(resource.get("encryptionConfig.provider"))
    # A key that is not known yet is a key, one that the program makes.
    keyed = isinstance(provider, Mapping) and provider.get("keyArn") is not None
    if keyed and "secrets" in [known(each) for each in kinds]:
        return
    found = version(resource)
    if found is not None and found < _ENCRYPTED:
        yield Problem("encryptionConfig", "has no key for secrets: they lie in the cluster's store as they are")
    else:
        yield Problem("encryptionConfig", "has no key for secrets: EKS encrypts them with one that is not yours")


_KEYLESS: Final = {"provider": {}, "resources": ["secrets"]}

EKS004: Final = Rule(
    id="EKS004",
    title="Secrets of a cluster are encrypted with a key of one's own",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(CLUSTER,),
    check=_secret,
    why=(
        "From version 1.28 EKS encrypts all data of the API by itself, with a key of AWS's. The use of one's own is on "
        "record in CloudTrail, and can be taken away."
    ),
    remedy="Set encryptionConfig with provider.keyArn and resources [secrets]. It cannot be taken back.",
    source=f"{_GUIDE}: Default envelope encryption for all Kubernetes API Data; Encrypt Kubernetes secrets with KMS",
    bad=(
        _bad("AWS's own", encryptionConfig=None),
        _bad("none at all", encryptionConfig=None, version="1.27"),
        _bad("no key", encryptionConfig=_KEYLESS),
    ),
    good=(_GOOD,),
)


def _probing(workload: Resource) -> bool:
    return any("grpc" in (known(each.spec.get(probe)) or {}) for each in containers(workload) for probe in PROBES)


def _probes(resource: Resource, context: Context) -> Iterator[Problem]:
    found = version(resource)
    if found is None or found >= _PROBES_STABLE:
        return
    for each in context.graph.of(*WORKLOADS):
        if resource in clusters_of(each, context.graph) and _probing(each):
            yield Problem("version", f"{resource.shown('version')} does not surely run the gRPC probes of {each.name}")
            return


EKS005: Final = Rule(
    id="EKS005",
    title="Clusters run gRPC probes",
    severity=HIGH,
    level=MANDATORY,
    kinds=(CLUSTER,),
    check=_probes,
    stack=True,
    why="gRPC probes are stable from Kubernetes 1.27. Before, they may be off, and the pods are judged without them.",
    remedy="Upgrade to 1.27 or later, one minor version at a time.",
    source="Kubernetes, Configure Liveness, Readiness and Startup Probes: Define a gRPC liveness probe",
    bad=(
        Example("1.23", {"platform": cluster(version="1.23"), "orders": workload()}, about=("platform",)),
        Example(
            "1.26, for a DaemonSet",
            {"platform": cluster(version="1.26"), "orders": workload("DaemonSet")},
            about=("platform",),
        ),
    ),
    good=(Example("now", {"platform": cluster(), "orders": workload()}),),
)

RULES: Final = (EKS001, EKS002, EKS003, EKS004, EKS005)
