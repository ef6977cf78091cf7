"""Balancing by the client: the headless Service of a workload, and what its clients on the cluster are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import core, meta

from components import clients, pods, settings
from components.base import Component
from components.settings.verify.client_side import variables_of


@dataclass(frozen=True, kw_only=True)
class Namespaced:
    """Where objects of a workload go: its namespace, and the provider of the cluster."""

    namespace: pulumi.Input[str]
    kubernetes: pulumi.ProviderResource

    def metadata(
        self, owner: Component, *, name: str | None = None, annotations: Mapping[str, str] | None = None
    ) -> meta.v1.ObjectMetaArgs:
        """Metadata of an object of the workload; without a name it is auto-named."""
        return meta.v1.ObjectMetaArgs(
            name=name, namespace=self.namespace, labels=pods.labels(owner.name), annotations=annotations
        )


def headless_service(
    owner: Component,
    config: settings.Workload,
    place: Namespaced,
    *,
    annotations: Mapping[str, str],
    depends_on: list[pulumi.Resource],
) -> core.v1.Service:
    """A Service without an address of its own: its DNS name has an A record for every ready pod.

    The ordinary Service stays: behind its one address HTTP/2 connections stick to a pod each
    (Kubernetes: "Headless Services").
    """
    return core.v1.Service(
        f"{owner.name}-headless-service",
        metadata=place.metadata(
            owner,
            name=clients.headless_name(owner.name),
            # The pods come later; waiting for endpoints here would wait for ever.
            annotations={"pulumi.com/skipAwait": "true", **annotations},
        ),
        spec=core.v1.ServiceSpecArgs(
            cluster_ip="None",
            selector=pods.labels(owner.name),
            ports=[
                core.v1.ServicePortArgs(
                    name=pods.port_name(config),
                    port=config.port,
                    target_port=config.port,
                    app_protocol="kubernetes.io/h2c",
                )
            ],
        ),
        opts=owner.child(provider=place.kubernetes, depends_on=depends_on),
    )


@dataclass(frozen=True)
class Callee:
    """A workload that another one calls, and the namespace it is in."""

    config: settings.Workload
    namespace: str


def _content(name: str, config: settings.Workload, namespace: str) -> dict[str, str]:
    return {
        "target": clients.target(name, config, namespace),
        "service_config.json": json.dumps(clients.balanced_service_config(config), sort_keys=True),
    }


def published(owner: Component, config: settings.Workload, namespace: str, place: Namespaced) -> core.v1.ConfigMap:
    """Client configuration under a known name, `<workload>-client`, for whatever reads it through the API."""
    return core.v1.ConfigMap(
        f"{owner.name}-client",
        metadata=place.metadata(owner, name=f"{owner.name}-client"),
        data=_content(owner.name, config, namespace),
        # Pulumi replaces a ConfigMap whose content changes, and the name is taken while the old one exists.
        opts=owner.child(provider=place.kubernetes, delete_before_replace=True),
    )


def call_variables(owner: Component, callees: Mapping[str, Callee], place: Namespaced) -> list[core.v1.EnvVarArgs]:
    """Variables that tell the pods of `owner` how to call others, from a ConfigMap for each.

    In the caller's namespace, since a pod reads ConfigMaps of its own only. Auto-named: changed content makes a new
    one and so a rollout.
    """
    found: list[core.v1.EnvVarArgs] = []
    for callee, called in sorted(callees.items()):
        told = core.v1.ConfigMap(
            f"{owner.name}-calls-{callee}",
            metadata=place.metadata(owner),
            data=_content(callee, called.config, called.namespace),
            opts=owner.child(provider=place.kubernetes),
        )
        for variable, key in zip(variables_of(callee), ("target", "service_config.json"), strict=True):
            selector = core.v1.ConfigMapKeySelectorArgs(name=told.metadata.name, key=key)
            source = core.v1.EnvVarSourceArgs(config_map_key_ref=selector)
            found.append(core.v1.EnvVarArgs(name=variable, value_from=source))
    return found
