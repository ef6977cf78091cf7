"""The HTTPS listener of a load balancer: certificate, client certificates, headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from components import settings
from components.base import Component
from components.settings import names

# A gRPC client reads 404 as UNIMPLEMENTED (grpc/grpc doc/http-grpc-status-mapping.md), which is what a call that no
# rule knows is. Redirects and authentication make no sense before a gRPC target group and AWS refuses them there.
NO_ROUTE = {"content_type": "text/plain", "message_body": "no route", "status_code": "404"}


def https_listener(
    owner: Component,
    config: settings.LoadBalancer,
    load_balancer: aws.lb.LoadBalancer,
    certificate_arn: pulumi.Input[str],
    *,
    protect: bool,
    tags: Mapping[str, str],
) -> aws.lb.Listener:
    """The one listener, on port 443.

    gRPC needs HTTPS: "Listener protocol 'HTTP' is not supported with a target group with the protocol-version 'GRPC'"
    (kubernetes-sigs/aws-load-balancer-controller#2214).
    """
    return aws.lb.Listener(
        f"{owner.name}-https",
        load_balancer_arn=load_balancer.arn,
        port=443,
        protocol="HTTPS",
        certificate_arn=certificate_arn,
        ssl_policy=config.tls_policy,
        mutual_authentication=_mutual_authentication(owner, config, tags),
        default_actions=[
            aws.lb.ListenerDefaultActionArgs(
                type="fixed-response", fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(**NO_ROUTE)
            )
        ],
        tags=dict(tags),
        opts=owner.child(protect=protect or None),
        **_headers(config.headers),
    )


def redirecting_listener(
    owner: Component, load_balancer: aws.lb.LoadBalancer, *, protect: bool, tags: Mapping[str, str]
) -> aws.lb.Listener:
    """Port 80, which sends browsers on to HTTPS and forwards nothing (ALB User Guide, "Redirect actions")."""
    redirect = aws.lb.ListenerDefaultActionRedirectArgs(port="443", protocol="HTTPS", status_code="HTTP_301")
    return aws.lb.Listener(
        f"{owner.name}-http",
        load_balancer_arn=load_balancer.arn,
        port=80,
        protocol="HTTP",
        default_actions=[aws.lb.ListenerDefaultActionArgs(type="redirect", redirect=redirect)],
        tags=dict(tags),
        opts=owner.child(protect=protect or None),
    )


def _headers(headers: settings.Headers) -> dict[str, Any]:
    """Listener attributes (ELB API: ListenerAttribute), by the names of the provider's inputs."""
    renamed = {f"routing_http_request_{header}_header_name": name for header, name in sorted(headers.rename.items())}
    added = {f"routing_http_response_{header}_header_value": value for header, value in sorted(headers.add.items())}
    return {**renamed, **added, "routing_http_response_server_enabled": headers.server}


def _mutual_authentication(
    owner: Component, config: settings.LoadBalancer, tags: Mapping[str, str]
) -> aws.lb.ListenerMutualAuthenticationArgs:
    """Said even when off: the provider leaves an input that is not given as it is."""
    mtls = config.mtls
    if mtls is None:
        return aws.lb.ListenerMutualAuthenticationArgs(mode="off")
    if mtls.trust_store is None:
        return aws.lb.ListenerMutualAuthenticationArgs(mode=mtls.mode)
    return aws.lb.ListenerMutualAuthenticationArgs(
        mode=mtls.mode,
        trust_store_arn=mtls.trust_store.arn or _trust_store(owner, mtls.trust_store, tags).arn,
        ignore_client_certificate_expiry=mtls.ignore_expiry,
        advertise_trust_store_ca_names="on" if mtls.advertise_ca_names else "off",
    )


def _trust_store(owner: Component, store: settings.TrustStore, tags: Mapping[str, str]) -> aws.lb.TrustStore:
    """Named, since a logical name with the provider's ending may have more than the 32 characters AWS takes."""
    return aws.lb.TrustStore(
        f"{owner.name}-trust-store",
        name=names.physical(f"{pulumi.get_stack()}-{owner.name}", "trust-store", pulumi.get_project(), owner.name),
        ca_certificates_bundle_s3_bucket=store.bucket or "",
        ca_certificates_bundle_s3_key=store.key or "",
        ca_certificates_bundle_s3_object_version=store.version,
        tags=dict(tags),
        opts=owner.child(delete_before_replace=False),
    )


def web_acl_association(
    owner: Component, waf: settings.Waf, load_balancer: aws.lb.LoadBalancer
) -> aws.wafv2.WebAclAssociation:
    """The firewall before the load balancer.

    Another one is put there after the old one is gone: a load balancer has one association, and deleting the old one
    afterwards would take the new one away (pulumi/pulumi-aws#4782).
    """
    return aws.wafv2.WebAclAssociation(
        f"{owner.name}-web-acl",
        resource_arn=load_balancer.arn,
        web_acl_arn=waf.web_acl_arn,
        opts=owner.child(delete_before_replace=True),
    )
