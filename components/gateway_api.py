"""The Gateway API's kinds on the cluster: what routes and Gateways are made of, whoever their controller is."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.helm import v3 as helm

from components import versions
from components.base import Component


def gateway_api(
    owner: Component, kubernetes: pulumi.ProviderResource, depends_on: Sequence[pulumi.Resource]
) -> helm.Release:
    """A release of the chart that holds the bundle.

    Helm installs what lies in a chart's crds/ once and never changes or deletes it (Helm, "Custom Resource
    Definitions"): a kind that goes takes every object of it along, in all namespaces.
    """
    chart = versions.GATEWAY_API
    return helm.Release(
        "gateway-api",
        name=chart.name,
        chart=chart.repository,
        version=chart.version,
        namespace=chart.namespace,
        opts=owner.child(provider=kubernetes, depends_on=depends_on),
    )
