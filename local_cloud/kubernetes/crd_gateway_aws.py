"""Schemas of what the AWS Load Balancer Controller adds to the Gateway API and to Ingress.

Source: config/crd/gateway/gateway-crds.yaml and helm/aws-load-balancer-controller/crds/crds.yaml, version 3.5. The CRDs
set no bounds for health checks; these are the load balancer's own (Elastic Load Balancing API Reference,
CreateTargetGroup).
"""

from __future__ import annotations

from typing import Any, Final

from local_cloud.kubernetes.crd_shapes import (
    FLAG,
    PORT,
    SELECTOR,
    TEXT,
    WHOLE,
    Kind,
    choice,
    custom,
    fields,
    listed,
    mapped,
    text,
    whole,
)

V1: Final = "gateway.k8s.aws/v1"
LOAD_BALANCER_CONFIGURATION: Final = (V1, "LoadBalancerConfiguration")
TARGET_GROUP_CONFIGURATION: Final = (V1, "TargetGroupConfiguration")
LISTENER_RULE_CONFIGURATION: Final = (V1, "ListenerRuleConfiguration")
INGRESS_CLASS_PARAMS: Final = ("elbv2.k8s.aws/v1beta1", "IngressClassParams")

_PAIRS = listed(fields(("key", "value"), key=TEXT, value=TEXT))
_SCHEME = choice("internal", "internet-facing")
_ADDRESSES = choice("ipv4", "dualstack", "dualstack-without-public-ipv4")
_NAMED = fields(("name",), name=TEXT)
_CAPACITY = fields(("capacityUnits",), capacityUnits=WHOLE)
_TEXTS = listed(TEXT)

_LISTENER = fields(
    ("protocolPort",),
    protocolPort=text(r"^(HTTP|HTTPS|TLS|TCP|UDP|TCP_UDP):[1-9][0-9]{0,4}$"),
    defaultCertificate=TEXT,
    certificates=_TEXTS,
    sslPolicy=TEXT,
    alpnPolicy=choice("HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None"),
    mutualAuthentication=fields(
        ("mode",),
        mode=choice("off", "passthrough", "verify"),
        trustStore=TEXT,
        ignoreClientCertificateExpiry=FLAG,
        advertiseTrustStoreCaNames=choice("on", "off"),
    ),
    listenerAttributes=_PAIRS,
    quicEnabled=FLAG,
    targetGroupStickiness=FLAG,
)

_LOAD_BALANCER = fields(
    mergingMode=choice("prefer-gateway", "prefer-gateway-class"),
    loadBalancerName=text(r"^.{1,32}$"),
    scheme=_SCHEME,
    ipAddressType=_ADDRESSES,
    loadBalancerSubnets=listed(
        fields(
            identifier=TEXT,
            eipAllocation=TEXT,
            privateIPv4Allocation=TEXT,
            ipv6Allocation=TEXT,
            sourceNatIPv6Prefix=TEXT,
        )
    ),
    loadBalancerSubnetsSelector=mapped(_TEXTS),
    listenerConfigurations=listed(_LISTENER),
    loadBalancerAttributes=_PAIRS,
    tags=mapped(TEXT),
    sourceRanges=_TEXTS,
    securityGroups=_TEXTS,
    securityGroupPrefixes=_TEXTS,
    disableSecurityGroup=FLAG,
    manageBackendSecurityGroupRules=FLAG,
    enableICMP=FLAG,
    enforceSecurityGroupInboundRulesOnPrivateLinkTraffic=TEXT,
    defaultTargetGroupConfiguration=_NAMED,
    minimumLoadBalancerCapacity=_CAPACITY,
    shieldConfiguration=fields(enabled=FLAG),
    wafV2=fields(("webACL",), webACL=TEXT),
    ipv4IPAMPoolId=TEXT,
    customerOwnedIpv4Pool=TEXT,
)

_TARGETS = fields(
    targetType=choice("instance", "ip"),
    protocol=choice("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"),
    protocolVersion=choice("HTTP1", "HTTP2", "GRPC"),
    ipAddressType=choice("ipv4", "ipv6"),
    targetGroupName=TEXT,
    targetControlPort=PORT,
    enableMultiCluster=FLAG,
    nodeSelector=SELECTOR,
    targetGroupAttributes=_PAIRS,
    tags=mapped(TEXT),
    healthCheckConfig=fields(
        healthCheckPath=text(r"^/", 1024),
        healthCheckPort=TEXT,
        healthCheckProtocol=choice("HTTP", "HTTPS", "TCP"),
        healthCheckInterval=whole(5, 300),
        healthCheckTimeout=whole(2, 120),
        healthyThresholdCount=whole(2, 10),
        unhealthyThresholdCount=whole(2, 10),
        matcher=fields(httpCode=TEXT, grpcCode=TEXT),
    ),
)

_SESSION: Final[dict[str, Any]] = {
    "scope": TEXT,
    "sessionCookieName": TEXT,
    "sessionTimeout": whole(1, 604_800),
    "onUnauthenticatedRequest": choice("deny", "allow", "authenticate"),
    "authenticationRequestExtraParams": mapped(TEXT),
}
_ACTION = fields(
    ("type",),
    type=choice("forward", "redirect", "fixed-response", "authenticate-oidc", "authenticate-cognito", "jwt-validation"),
    forwardConfig=fields(
        targetGroupStickinessConfig=fields(enabled=FLAG, durationSeconds=whole(1, 604_800)),
    ),
    redirectConfig=fields(query=TEXT),
    fixedResponseConfig=fields(
        ("statusCode",),
        statusCode=WHOLE,
        contentType=choice("text/plain", "text/css", "text/html", "application/javascript", "application/json"),
        messageBody=text(most=1024),
    ),
    jwtValidationConfig=fields(
        ("issuer", "jwksEndpoint"),
        issuer=text(most=256),
        jwksEndpoint=text(most=256),
        additionalClaims=listed(
            fields(
                ("format", "name", "values"),
                format=choice("single-string", "string-array", "space-separated-values"),
                name=TEXT,
                values=listed(text(most=256), 1, 10),
            )
        ),
    ),
    authenticateOIDCConfig=fields(
        ("issuer", "authorizationEndpoint", "tokenEndpoint", "userInfoEndpoint", "secret"),
        issuer=TEXT,
        authorizationEndpoint=TEXT,
        tokenEndpoint=TEXT,
        userInfoEndpoint=TEXT,
        secret=_NAMED,
        useExistingClientSecret=FLAG,
        **_SESSION,
    ),
    authenticateCognitoConfig=fields(
        ("userPoolArn", "userPoolClientId", "userPoolDomain"),
        userPoolArn=TEXT,
        userPoolClientId=TEXT,
        userPoolDomain=TEXT,
        **_SESSION,
    ),
)

SCHEMAS: Final[dict[Kind, dict[str, Any]]] = {
    LOAD_BALANCER_CONFIGURATION: custom(LOAD_BALANCER_CONFIGURATION, _LOAD_BALANCER),
    TARGET_GROUP_CONFIGURATION: custom(
        TARGET_GROUP_CONFIGURATION,
        fields(
            targetReference=fields(("name",), group=TEXT, kind=choice("Service", "Gateway"), name=TEXT),
            defaultConfiguration=_TARGETS,
            routeConfigurations=listed(
                fields(
                    ("routeIdentifier", "targetGroupProps"),
                    routeIdentifier=fields(kind=TEXT, namespace=TEXT, name=TEXT),
                    targetGroupProps=_TARGETS,
                )
            ),
        ),
    ),
    LISTENER_RULE_CONFIGURATION: custom(
        LISTENER_RULE_CONFIGURATION,
        fields(
            actions=listed(_ACTION, 1, 2),
            conditions=listed(
                fields(
                    ("field",),
                    field=choice("source-ip"),
                    sourceIPConfig=fields(("values",), values=listed(TEXT, 1)),
                    matchIndexes=listed(WHOLE),
                )
            ),
            tags=mapped(TEXT),
        ),
    ),
    INGRESS_CLASS_PARAMS: custom(
        INGRESS_CLASS_PARAMS,
        fields(
            namespaceSelector=SELECTOR,
            group=_NAMED,
            scheme=_SCHEME,
            ipAddressType=_ADDRESSES,
            targetType=choice("instance", "ip"),
            certificateArn=_TEXTS,
            sslPolicy=TEXT,
            sslRedirectPort=TEXT,
            inboundCIDRs=_TEXTS,
            prefixListsIDs=_TEXTS,
            subnets=fields(ids=listed(text(r"^subnet-[0-9a-f]+$"), 1), tags=mapped(_TEXTS)),
            loadBalancerName=TEXT,
            loadBalancerAttributes=_PAIRS,
            listeners=listed(fields(protocol=TEXT, port=PORT, listenerAttributes=_PAIRS)),
            tags=_PAIRS,
            minimumLoadBalancerCapacity=_CAPACITY,
            ipamConfiguration=fields(ipv4IPAMPoolId=TEXT),
            wafv2AclArn=TEXT,
            wafv2AclName=TEXT,
        ),
    ),
}
