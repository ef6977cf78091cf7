"""Bringing the account in line with what the controller wants: creates, changes and deletes like anybody's.

Each call goes through the resource type's own refusals, so that the controller is refused in AWS's words. What was made
is remembered in notes (topic ``lbc``, owner: the stack), as the controller does by tags. Sources: pkg/deploy,
pkg/networking/backend_sg_provider.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from local_cloud.aws import catalogue
from local_cloud.aws.account import Account
from local_cloud.aws.kind import Kind, Refusal
from local_cloud.kubernetes.cluster import BINDING, Cluster
from local_cloud.kubernetes.controllers import drop_targets, register_targets
from local_cloud.kubernetes.lbc.model import Props, Stack, TargetGroup, Unreconciled, named, resolved
from local_cloud.kubernetes.live import live
from local_cloud.store import Row

TOPIC: Final = "lbc"
_BACKEND: Final = "backend"
_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
_GROUP: Final = "aws:lb/targetGroup:TargetGroup"
_LISTENER: Final = "aws:lb/listener:Listener"
_RULE: Final = "aws:lb/listenerRule:ListenerRule"
_SECURITY: Final = "aws:ec2/securityGroup:SecurityGroup"
_INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_EGRESS: Final = [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}]
# Dependants first.
_ORDER: Final = (_RULE, _LISTENER, BINDING, _BALANCER, _GROUP, _INGRESS, _SECURITY)


def owner(cluster: Cluster, identity: str) -> str:
    """The key of a stack's notes."""
    return f"{cluster.key}|{identity}"


def stacks(cluster: Cluster) -> set[str]:
    """The identities of all stacks that own something."""
    prefix = f"{cluster.key}|"
    owners = {whose for whose, _ in cluster.store.notes(TOPIC)}
    return {whose.removeprefix(prefix) for whose in owners if whose.startswith(prefix)} - {_BACKEND}


def deploy(cluster: Cluster, identity: str, stack: Stack | None) -> Row | None:
    """Makes the stack so, or takes it away; the load balancer. Raises ``Unreconciled`` with AWS's refusal."""
    deployer = _Deployer(cluster, identity)
    try:
        if stack is not None:
            return deployer.make(stack)
        deployer.take_away()
    except Refusal as refusal:
        raise Unreconciled(f"{refusal.code}: {refusal.message}", "FailedDeployModel") from None
    return None


class _Deployer:
    """One stack's resources by logical key."""

    def __init__(self, cluster: Cluster, identity: str) -> None:
        self._cluster = cluster
        self._owner = owner(cluster, identity)
        self._account = Account(cluster.store, str(cluster.row()["arn"]).split(":")[3])
        self._known = self._account.notes(TOPIC, self._owner)

    def make(self, stack: Stack) -> Row:
        """Security group, load balancer, target groups, listeners, rules, bindings; then what is no longer wanted."""
        wanted: list[str] = []
        self._drop_former(stack.name)
        backend = self._backend_group()
        own = self._group(stack, wanted)
        props = {**stack.props, "name": stack.name, "securityGroups": [own.id, backend], "tags": stack.tags}
        balancer = self._ensure(wanted, stack.name, _BALANCER, {"loadBalancerType": "application", **props})
        arns = {}
        for key, group in stack.target_groups.items():
            arns[key] = self._ensure(wanted, key, _GROUP, {**group.props, "tags": stack.tags}).id
        for listener in stack.listeners:
            key = f"{stack.name}:{listener.port}"
            props = resolved(listener.props, arns)
            row = self._ensure(wanted, key, _LISTENER, {**props, "loadBalancerArn": balancer.id})
            for number, rule in enumerate(listener.rules, 1):
                conditions = {"conditions": rule.conditions, "actions": resolved(rule.actions, arns)}
                self._ensure(
                    wanted, f"{key}:{number}", _RULE, {**conditions, "listenerArn": row.id, "priority": number}
                )
        for key, group in stack.target_groups.items():
            self._bind(wanted, group, arns[key])
        self._prune(wanted)
        self._open_pods(backend)
        for namespace in {group.namespace for group in stack.target_groups.values()}:
            register_targets(self._cluster, namespace)
        return self._account.get(_BALANCER, balancer.id) or balancer

    def _drop_former(self, name: str) -> None:
        """An unwanted load balancer goes before its successor comes, with its listeners and rules.

        pkg/deploy/elbv2/load_balancer_synthesizer.go; otherwise its target groups would serve two.
        """
        for note, known in self._known.items():
            if known["token"] == _BALANCER and note != f"{_BALANCER}|{name}":
                self._delete(_BALANCER, str(known["id"]))

    def take_away(self) -> None:
        """Deletes everything; the shared security group goes with the last stack (backend_sg_provider.go: Release)."""
        self._prune([])
        shared = _Deployer(self._cluster, _BACKEND)
        if not stacks(self._cluster):
            shared._prune([])
        elif shared._known:
            self._open_pods(self._backend_group())

    # Resources by key

    def _ensure(self, wanted: list[str], key: str, token: str, props: Props) -> Row:
        """The resource of a key, with these properties."""
        note = f"{token}|{key}"
        wanted.append(note)
        known = self._known.get(note)
        row = self._account.get(token, str(known["id"])) if known else None
        if row is None:
            row = self._create(catalogue.KINDS[token], props)
        elif row.inputs != props:
            row = self._update(catalogue.KINDS[token], row, props)
        self._remember(note, token, row.id)
        return row

    def _remember(self, note: str, token: str, identity: str) -> None:
        self._known[note] = {"token": token, "id": identity}
        self._account.note(TOPIC, self._owner, note, self._known[note])

    def _create(self, kind: Kind, props: Props) -> Row:
        for refuse in kind.refuse_create:
            refuse(self._account, props)
        identity = kind.identify(self._account, props)
        outputs = {**_defaults(kind), **props, **kind.outputs(self._account, identity, props)}
        row = self._account.add(kind.token, identity, props, outputs)
        for effect in kind.after_create:
            effect(self._account, row)
        return row

    def _update(self, kind: Kind, row: Row, props: Props) -> Row:
        for refuse in kind.refuse_update:
            refuse(self._account, row, props)
        outputs = {**row.outputs, **props, **kind.outputs(self._account, row.id, props)}
        changed = replace(row, inputs=props, outputs=outputs)
        self._account.store.update(changed)
        for effect in kind.after_update:
            effect(self._account, row, changed)
        return changed

    def _prune(self, wanted: list[str]) -> None:
        """Deletes what is remembered and not wanted, dependants first."""
        unwanted = [note for note in self._known if note not in wanted]
        for token in _ORDER:
            for note in unwanted:
                if self._known[note]["token"] == token:
                    self._delete(token, str(self._known[note]["id"]))
        for note in unwanted:
            del self._known[note]
            self._account.forget(TOPIC, self._owner, note)

    def _delete(self, token: str, identity: str) -> None:
        if token == BINDING:
            binding = self._cluster.get(BINDING, identity)
            if binding is not None:
                drop_targets(self._cluster, binding)
                self._cluster.store.delete(binding)
            return
        kind, row = catalogue.KINDS[token], self._account.get(token, identity)
        if row is None:
            return
        for refuse in kind.refuse_delete:
            refuse(self._account, row)
        self._account.store.delete(row)
        for effect in kind.after_delete:
            effect(self._account, row)

    # Security groups

    def _group(self, stack: Stack, wanted: list[str]) -> Row:
        """The load balancer's own group: what may connect, by listener."""
        note = "[k8s] Managed SecurityGroup for LoadBalancer"
        props = {"name": stack.name, "description": note, "vpcId": self._cluster.vpc(), "egress": _EGRESS}
        row = self._ensure(wanted, stack.name, _SECURITY, {**props, "tags": stack.tags})
        for port in sorted(listener.port for listener in stack.listeners):
            for block in stack.inbound:
                source = {"cidrIpv6" if ":" in block else "cidrIpv4": block}
                rule = {"securityGroupId": row.id, "ipProtocol": "tcp", "fromPort": port, "toPort": port, **source}
                self._ensure(wanted, f"{stack.name}:{port}:{block}", _INGRESS, rule)
        return row

    def _backend_group(self) -> str:
        """The group that all load balancers of the cluster share, and which pods let in."""
        name = str(self._cluster.row()["name"])
        shared = _Deployer(self._cluster, _BACKEND)
        props = {
            "name": named(17, "traffic", name, identity=(name,)),
            "description": "[k8s] Shared Backend SecurityGroup for LoadBalancer",
            "vpcId": self._cluster.vpc(),
            "egress": _EGRESS,
            "tags": {"elbv2.k8s.aws/cluster": name, "elbv2.k8s.aws/resource": "backend-sg"},
        }
        return shared._ensure([], "group", _SECURITY, props).id

    def _open_pods(self, backend: str) -> None:
        """One rule in the pods' group for each port that some load balancer sends to."""
        pods = str((self._cluster.row()["vpcConfig"] or {}).get("clusterSecurityGroupId") or "")
        shared = _Deployer(self._cluster, _BACKEND)
        wanted = [note for note in shared._known if note.startswith(f"{_SECURITY}|")]
        for port in sorted(set(self._ports())) if pods else ():
            rule = {"securityGroupId": pods, "ipProtocol": "tcp", "fromPort": port, "toPort": port}
            shared._ensure(wanted, str(port), _INGRESS, {**rule, "referencedSecurityGroupId": backend})
        shared._prune(wanted)

    def _ports(self) -> Iterator[int]:
        for identity in stacks(self._cluster):
            for note in self._account.notes(TOPIC, owner(self._cluster, identity)).values():
                row = self._account.get(_GROUP, str(note["id"])) if note["token"] == _GROUP else None
                if row is not None:
                    yield int(row["port"])
                    check = str((row["healthCheck"] or {}).get("port") or "")
                    yield from [int(check)] if check.isdigit() else []

    # Bindings

    def _bind(self, wanted: list[str], group: TargetGroup, arn: str) -> None:
        """A TargetGroupBinding in the Service's namespace, of the target group's name."""
        identity = f"{group.namespace}/{group.name}"
        note = f"{BINDING}|{identity}"
        wanted.append(note)
        inputs = {
            "apiVersion": "elbv2.k8s.aws/v1beta1",
            "kind": "TargetGroupBinding",
            "metadata": {"name": group.name, "namespace": group.namespace},
            "spec": {
                "serviceRef": {"name": group.service, "port": group.service_port},
                "targetGroupARN": arn,
                "targetType": group.props["targetType"],
                "ipAddressType": "ipv4",
                "vpcID": group.props["vpcId"],
            },
        }
        row = self._cluster.get(BINDING, identity)
        outputs = live("TargetGroupBinding", "elbv2.k8s.aws/v1beta1", inputs, row.outputs if row else None)
        if row is None:
            self._cluster.store.insert(Row(identity, BINDING, "", inputs, outputs, self._cluster.key))
        elif row.inputs != inputs:
            self._cluster.store.update(replace(row, inputs=inputs, outputs=outputs))
        self._remember(note, BINDING, identity)


def _defaults(kind: Kind) -> dict[str, Any]:
    return {key: value for key, value in kind.defaults.items() if "." not in key}
