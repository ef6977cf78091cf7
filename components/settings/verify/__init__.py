"""Rules between settings."""

from ..model import Settings
from ..reading import Fault


def faults_of(settings: Settings, region: str | None) -> list[Fault]:
    return []
