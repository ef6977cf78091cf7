"""The two versions of a workload that may run side by side: stable and canary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Track:
    """How the names of one version's resources begin.

    The dot in the canary's logical names keeps them apart from those of a workload named `<name>-canary`: map keys
    have no dots, objects in Kubernetes may have them.
    """

    canary: bool

    def logical(self, workload: str) -> str:
        """Beginning of logical names, and so of auto-named objects."""
        return f"{workload}.canary" if self.canary else workload

    def name(self, workload: str) -> str:
        """Name of Deployment and Service, and value of the label that selects the pods: never the other version's."""
        return f"{workload}-canary" if self.canary else workload

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells the target groups of the two apart."""
        return ("canary",) if self.canary else ()


STABLE = Track(canary=False)
CANARY = Track(canary=True)
