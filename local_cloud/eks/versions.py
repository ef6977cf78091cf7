"""Add-on builds the component looks up when none is pinned: the newest per Kubernetes minor.

Source: ``aws eks describe-addon-versions``, as of 2026-09.
"""

from __future__ import annotations

from typing import Final

from local_cloud.plugin import Refused

_NEWEST: Final[dict[str, dict[str, str]]] = {
    "kube-proxy": {
        "1.34": "v1.34.6-eksbuild.29",
        "1.35": "v1.35.3-eksbuild.29",
        "1.36": "v1.36.0-eksbuild.25",
    },
    "coredns": {
        "1.34": "v1.13.2-eksbuild.19",
        "1.35": "v1.14.3-eksbuild.11",
        "1.36": "v1.14.7-eksbuild.10",
    },
    "vpc-cni": dict.fromkeys(("1.34", "1.35", "1.36"), "v1.23.1-eksbuild.1"),
}


def newest(addon: str, minor: str) -> str:
    """The build aws:eks/getAddonVersion answers with mostRecent. Raises ``Refused`` when none is on record."""
    known = _NEWEST[addon]
    if minor not in known:
        raise Refused(
            f"the local cloud knows no {addon} build for Kubernetes {minor} (it does for {', '.join(known)}); pin one: "
            f"aws eks describe-addon-versions --addon-name {addon} --kubernetes-version {minor}"
        )
    return known[minor]
