"""The eks components against a recording resource monitor: children, names, parents, inputs, outputs, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.eks.provider import call
from local_cloud.eks.traced import Reference, Traced, decode, encode
from local_cloud.plugin import Refused
from local_cloud.values import UNKNOWN
from tests.local_cloud.eks_world import ADDON, ROLE, Monitor, ours, provider_pb2, serving

RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with serving() as recorder:
        yield recorder


SERVICE_ROLE = [
    ("eks:index:ServiceRole", "main-eksRole", "main"),
    ("aws:iam/role:Role", "main-eksRole-role", "main-eksRole"),
    ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "main-eksRole-4b490823", "main-eksRole"),
]
CLUSTER = ("aws:eks/cluster:Cluster", "main-eksCluster", "main")
PROVIDER = ("pulumi:providers:kubernetes", "main-eks-k8s", "main")
CLUSTER_GROUP = [
    ("aws:ec2/securityGroup:SecurityGroup", "main-eksClusterSecurityGroup", "main"),
    (RULE, "main-eksClusterInternetEgressRule", "main"),
]
NODE_GROUP = [
    ("aws:ec2/securityGroup:SecurityGroup", "main-nodeSecurityGroup", "main"),
    (RULE, "main-eksNodeIngressRule", "main"),
    (RULE, "main-eksNodeClusterIngressRule", "main"),
    (RULE, "main-eksExtApiServerClusterIngressRule", "main"),
    (RULE, "main-eksNodeInternetEgressRule", "main"),
    (RULE, "main-eksClusterIngressRule", "main"),
]
KUBE_PROXY = (ADDON, "main-kube-proxy", "main")
VPC_CNI = [("eks:index:VpcCniAddon", "main-vpc-cni", "main"), (ADDON, "main-vpc-cni", "main-vpc-cni")]
COREDNS = (ADDON, "main-coredns", "main")
OWN_ROLE = Reference("urn:pulumi:dev::test::aws:iam/role:Role::mine", "mine")
TREES: list[tuple[dict[str, Any], list[tuple[str, str, str]]]] = [
    ({}, [*SERVICE_ROLE, CLUSTER, PROVIDER]),
    ({"serviceRole": OWN_ROLE}, [CLUSTER, PROVIDER]),
    ({"skipDefaultSecurityGroups": False}, [*SERVICE_ROLE, *CLUSTER_GROUP, CLUSTER, PROVIDER, *NODE_GROUP]),
    ({"kubeProxyAddonOptions": {"version": "v1.36.0-eksbuild.1"}}, [*SERVICE_ROLE, CLUSTER, KUBE_PROXY, PROVIDER]),
    ({"useDefaultVpcCni": False}, [*SERVICE_ROLE, CLUSTER, PROVIDER, *VPC_CNI]),
    ({"corednsAddonOptions": {"enabled": True}}, [*SERVICE_ROLE, CLUSTER, PROVIDER, COREDNS]),
    ({"corednsAddonOptions": {"version": "v1.14.7-eksbuild.10"}}, [*SERVICE_ROLE, CLUSTER, PROVIDER]),
    (
        {"createInstanceRole": True},
        [
            *SERVICE_ROLE,
            CLUSTER,
            PROVIDER,
            ("eks:index:ServiceRole", "main-instanceRole", "main"),
            ("aws:iam/role:Role", "main-instanceRole-role", "main-instanceRole"),
            *(
                (
                    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
                    f"main-instanceRole-{suffix}",
                    "main-instanceRole",
                )
                for suffix in ("03516f97", "e1b295bd", "3eb088f2")
            ),
            ("aws:iam/instanceProfile:InstanceProfile", "main-instanceProfile", "main"),
        ],
    ),
]


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize(("inputs", "tree"), TREES)
def test_children_names_and_parents(
    monitor: Monitor, inputs: dict[str, Any], tree: list[tuple[str, str, str]], *, preview: bool
) -> None:
    monitor.preview = preview
    monitor.states[OWN_ROLE.urn] = encode({"arn": Traced("arn:mine")})
    monitor.construct("Cluster", "main", **ours(**inputs))

    assert monitor.tree() == tree


def test_the_cluster_gets_what_the_component_was_given(monitor: Monitor) -> None:
    monitor.construct(
        "Cluster",
        "main",
        **ours(
            endpointPrivateAccess=True,
            endpointPublicAccess=True,
            publicAccessCidrs=["203.0.113.0/24"],
            enabledClusterLogTypes=["api"],
            encryptionConfigKeyArn="arn:aws:kms:eu-west-1:1:key/1",
            deletionProtection=True,
            upgradePolicy={"supportType": "STANDARD"},
            bootstrapSelfManagedAddons=False,
            tags={"owner": "me"},
        ),
    )
    made = monitor.one("main-eksCluster")

    assert made.inputs == {
        "name": "main",
        "roleArn": "arn:aws:iam/role:Role",
        "version": "1.36",
        "bootstrapSelfManagedAddons": False,
        "vpcConfig": {
            "subnetIds": ["subnet-1", "subnet-2"],
            "endpointPrivateAccess": True,
            "endpointPublicAccess": True,
            "publicAccessCidrs": ["203.0.113.0/24"],
        },
        "enabledClusterLogTypes": ["api"],
        "tags": {"Name": "main-eksCluster", "owner": "me"},
        "encryptionConfig": {"provider": {"keyArn": "arn:aws:kms:eu-west-1:1:key/1"}, "resources": ["secrets"]},
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
        "upgradePolicy": {"supportType": "STANDARD"},
        "deletionProtection": True,
    }
    assert list(made.request.ignoreChanges) == [
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "bootstrapSelfManagedAddons",
    ]
    assert "urn:subnet" in made.request.dependencies
    assert any("rolePolicyAttachment" in urn for urn in made.request.dependencies), "it waits for the role's policies"


def test_access_entries(monitor: Monitor) -> None:
    entries = {
        "admins": {
            "principalArn": ROLE,
            "username": "admin",
            "accessPolicies": {"full": {"policyArn": "arn:p", "accessScope": {"type": "cluster"}}},
        }
    }
    monitor.construct("Cluster", "main", **ours(accessEntries=entries))

    assert monitor.tree()[-2:] == [
        ("aws:eks/accessEntry:AccessEntry", "main-admins", "main"),
        ("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "main-admins-full", "main-admins"),
    ]
    assert monitor.one("main-admins").inputs == {"principalArn": ROLE, "clusterName": "main", "userName": "admin"}
    assert monitor.one("main-admins-full").inputs["accessScope"] == {"type": "cluster"}


def test_add_ons_take_pinned_versions_or_the_newest(monitor: Monitor) -> None:
    pinned = {"version": "v1.36.0-eksbuild.1"}
    monitor.construct("Cluster", "main", **ours(useDefaultVpcCni=False, kubeProxyAddonOptions=pinned))
    proxy, cni = monitor.one("main-kube-proxy").inputs, monitor.one("main-vpc-cni").inputs

    assert proxy["addonVersion"] == "v1.36.0-eksbuild.1"
    assert (proxy["preserve"], proxy["resolveConflictsOnCreate"]) == (True, "OVERWRITE")
    assert cni["addonVersion"].startswith("v1.")
    configuration = json.loads(cni["configurationValues"])
    assert configuration["env"]["WARM_ENI_TARGET"] == "1"
    assert configuration["init"] == {"env": {"DISABLE_TCP_EARLY_DEMUX": "false"}}
    with pytest.raises(Refused, match="aws eks describe-addon-versions --addon-name kube-proxy"):
        monitor.construct("Cluster", "next", **ours(version="1.38", kubeProxyAddonOptions={}))


def test_outputs(monitor: Monitor) -> None:
    outputs = monitor.construct("Cluster", "main", **ours())
    cluster = Reference("urn:pulumi:dev::test::aws:eks/cluster:Cluster::main-eksCluster", "main-eksCluster-id")

    assert outputs["eksCluster"] == cluster
    assert outputs["core"]["cluster"] == cluster
    assert outputs["core"]["subnetIds"] == ["subnet-1", "subnet-2"]
    assert outputs["core"]["clusterIamRole"].urn.endswith("main-eksRole-role")
    assert json.loads(outputs["kubeconfigJson"]) == outputs["kubeconfig"]
    command = outputs["kubeconfig"]["users"][0]["user"]["exec"]
    assert command["args"] == [
        "--region",
        "eu-west-1",
        "eks",
        "get-token",
        "--cluster-name",
        "main",
        "--output",
        "json",
    ]
    assert outputs["clusterSecurityGroupId"] == outputs["nodeSecurityGroupId"] == "sg-eks"
    assert outputs["oidcIssuer"] == "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
    assert outputs["instanceRoles"] == []
    assert "clusterSecurityGroup" not in outputs
    assert "eksNodeAccess" not in outputs["core"]
    urns = set(monitor.response.stateDependencies["kubeconfigJson"].urns)
    assert urns == {cluster.urn}


def test_outputs_with_the_default_security_groups(monitor: Monitor) -> None:
    outputs = monitor.construct("Cluster", "main", **ours(skipDefaultSecurityGroups=False))

    assert outputs["clusterSecurityGroupId"] == "main-eksClusterSecurityGroup-id"
    assert outputs["nodeSecurityGroup"].id == "main-nodeSecurityGroup-id"
    assert outputs["core"]["nodeGroupOptions"]["nodeSecurityGroup"] == outputs["nodeSecurityGroup"]
    assert monitor.one("main-nodeSecurityGroup").inputs["tags"] == {
        "Name": "main-nodeSecurityGroup",
        "kubernetes.io/cluster/main": "owned",
    }


def test_what_a_preview_does_not_know(monitor: Monitor) -> None:
    monitor.preview = True
    outputs = monitor.construct("Cluster", "main", **ours(version=UNKNOWN, kubeProxyAddonOptions={}))

    assert outputs["kubeconfig"] is UNKNOWN
    assert outputs["eksCluster"].id is UNKNOWN
    assert outputs["clusterSecurityGroupId"] is UNKNOWN
    assert monitor.one("main-kube-proxy").inputs["addonVersion"] is UNKNOWN
    assert monitor.one("main-eksCluster").inputs["roleArn"] is UNKNOWN
    assert monitor.one("main-eks-k8s").inputs["kubeconfig"] is UNKNOWN


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"authenticationMode": "IAM"}, "Invalid value for authenticationMode: IAM"),
        ({"authenticationMode": None, "accessEntries": {"a": {}}}, "when 'authenticationMode' is not set"),
        ({"roleMappings": [{"roleArn": ROLE}]}, "'roleMappings' property does not support non-empty values"),
        ({"publicSubnetIds": ["a"]}, "mutually exclusive"),
        ({"endpointPublicAccess": False, "publicAccessCidrs": ["10.0.0.0/8"]}, "when `endpointPublicAccess` is true"),
        ({"skipDefaultNodeGroup": False}, "does not model the default node group"),
        ({"authenticationMode": "API_AND_CONFIG_MAP"}, "models API only"),
        ({"fargate": True}, "does not model Fargate"),
    ],
)
def test_what_the_cluster_refuses(monitor: Monitor, inputs: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        monitor.construct("Cluster", "main", **ours(**inputs))
    assert monitor.registered == [], "nothing is registered before the inputs are judged"


def kubeconfig_of(monitor: Monitor, **arguments: Traced) -> Any:
    """What the cluster's method getKubeconfig answers."""
    request = provider_pb2.CallRequest(
        tok="eks:index:Cluster/getKubeconfig",
        args=encode({"__self__": Traced(Reference(monitor.response.urn)), **arguments}),
        monitorEndpoint=monitor.address,
    )
    for name, given in arguments.items():
        request.argDependencies[name].urns.extend(given.urns)
    return call(request)


def command(kubeconfig: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = kubeconfig["users"][0]["user"]["exec"]
    return found


def test_the_kubeconfig_of_a_profile(monitor: Monitor) -> None:
    monitor.construct("Cluster", "main", **ours())
    answer = decode(getattr(kubeconfig_of(monitor, profileName=Traced("dev")), "return"), {})

    assert command(json.loads(answer["result"].value))["args"][-2:] == ["--profile", "dev"]


def test_the_credentials_of_the_provider(monitor: Monitor) -> None:
    """The profile is for the component's own provider; who else takes the kubeconfig has profiles of their own."""
    role = "arn:aws:iam::123456789012:role/deployer"
    options = {"roleArn": role, "profileName": "dev"}
    outputs = monitor.construct("Cluster", "main", **ours(providerCredentialOpts=options))
    provider = json.loads(monitor.one("main-eks-k8s").inputs["kubeconfig"])

    assert command(provider)["args"][-4:] == ["--role", role, "--profile", "dev"]
    assert command(outputs["kubeconfig"])["args"][-2:] == ["--role", role]
    assert json.loads(outputs["kubeconfigJson"]) == outputs["core"]["kubeconfig"] == outputs["kubeconfig"]
    assert [each["name"] for each in command(provider)["env"]] == ["KUBERNETES_EXEC_INFO"], "no AWS_PROFILE"


@pytest.mark.parametrize("options", [UNKNOWN, {"roleArn": UNKNOWN}, Traced({"roleArn": "arn:r"}, frozenset({"urn:r"}))])
def test_the_kubeconfig_follows_the_credentials(monitor: Monitor, options: Any) -> None:
    outputs = monitor.construct("Cluster", "main", **ours(providerCredentialOpts=options))

    known = isinstance(options, Traced)
    provider = monitor.one("main-eks-k8s")
    assert (outputs["kubeconfig"] is UNKNOWN, provider.inputs["kubeconfig"] is UNKNOWN) == (not known, not known)
    assert ("urn:r" in provider.request.propertyDependencies["kubeconfig"].urns) is known


def test_the_kubeconfig_of_a_role_not_known_yet(monitor: Monitor) -> None:
    monitor.construct("Cluster", "main", **ours())
    answer = kubeconfig_of(monitor, roleArn=Traced(UNKNOWN, frozenset({"urn:role"})))

    assert decode(getattr(answer, "return"), {})["result"].value is UNKNOWN
    assert "urn:role" in answer.returnDependencies["result"].urns


def test_other_components_are_named_as_missing(monitor: Monitor) -> None:
    with pytest.raises(Refused, match="eks:index:NodeGroupV2: the local cloud does not model this component"):
        monitor.construct("NodeGroupV2", "x")
