"""Attributes by the API's names, and the properties of the load balancing types that stand for them.

Source: Elastic Load Balancing API Reference, LoadBalancerAttribute and TargetGroupAttribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from local_cloud.kubernetes.lbc.model import Props, Unreconciled


def _flag(text: str) -> bool:
    return text == "true"


Setter = tuple[str, Callable[[str], Any]]

_BALANCER: Final[dict[str, Setter]] = {
    "idle_timeout.timeout_seconds": ("idleTimeout", int),
    "client_keep_alive.seconds": ("clientKeepAlive", int),
    "deletion_protection.enabled": ("enableDeletionProtection", _flag),
    "routing.http2.enabled": ("enableHttp2", _flag),
    "routing.http.drop_invalid_header_fields.enabled": ("dropInvalidHeaderFields", _flag),
    "routing.http.desync_mitigation_mode": ("desyncMitigationMode", str),
    "routing.http.preserve_host_header.enabled": ("preserveHostHeader", _flag),
    "routing.http.xff_header_processing.mode": ("xffHeaderProcessingMode", str),
    "routing.http.xff_client_port.enabled": ("enableXffClientPort", _flag),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": ("enableTlsVersionAndCipherSuiteHeaders", _flag),
    "waf.fail_open.enabled": ("enableWafFailOpen", _flag),
    "zonal_shift.config.enabled": ("enableZonalShift", _flag),
    "access_logs.s3.enabled": ("accessLogs.enabled", _flag),
    "access_logs.s3.bucket": ("accessLogs.bucket", str),
    "access_logs.s3.prefix": ("accessLogs.prefix", str),
    "connection_logs.s3.enabled": ("connectionLogs.enabled", _flag),
    "connection_logs.s3.bucket": ("connectionLogs.bucket", str),
    "connection_logs.s3.prefix": ("connectionLogs.prefix", str),
}
_TARGETS: Final[dict[str, Setter]] = {
    "deregistration_delay.timeout_seconds": ("deregistrationDelay", int),
    "slow_start.duration_seconds": ("slowStart", int),
    "load_balancing.algorithm.type": ("loadBalancingAlgorithmType", str),
    "load_balancing.algorithm.anomaly_mitigation": ("loadBalancingAnomalyMitigation", str),
    "load_balancing.cross_zone.enabled": ("loadBalancingCrossZoneEnabled", str),
    "stickiness.enabled": ("stickiness.enabled", _flag),
    "stickiness.type": ("stickiness.type", str),
    "stickiness.lb_cookie.duration_seconds": ("stickiness.cookieDuration", int),
    "stickiness.app_cookie.duration_seconds": ("stickiness.cookieDuration", int),
    "stickiness.app_cookie.cookie_name": ("stickiness.cookieName", str),
}
_DELAY: Final = (0, 3600)


def balancer(attributes: Mapping[str, str]) -> Props:
    """The properties of a load balancer. Raises ``Unreconciled`` in the API's words."""
    return _set(attributes, _BALANCER, "Load balancer")


def target_group(attributes: Mapping[str, str]) -> Props:
    """The properties of a target group. Raises ``Unreconciled`` in the API's words."""
    props = _set(attributes, _TARGETS, "Target group")
    delay = props.get("deregistrationDelay", 0)
    if not _DELAY[0] <= delay <= _DELAY[1]:
        raise Unreconciled(
            "ValidationError: 'deregistration_delay.timeout_seconds' value must be between '0' and '3600' inclusive",
            "FailedDeployModel",
        )
    return props


def _set(attributes: Mapping[str, str], table: Mapping[str, Setter], thing: str) -> Props:
    props: Props = {}
    for key, text in attributes.items():
        if key not in table:
            raise Unreconciled(f"ValidationError: {thing} attribute key '{key}' is not recognized", "FailedDeployModel")
        path, read = table[key]
        try:
            value = read(str(text))
        except ValueError:
            message = f"ValidationError: {thing} attribute '{key}' does not take the value '{text}'"
            raise Unreconciled(message, "FailedDeployModel") from None
        head, _, tail = path.partition(".")
        if tail:
            props.setdefault(head, {})[tail] = value
        else:
            props[head] = value
    return props
