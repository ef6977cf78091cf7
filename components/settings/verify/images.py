"""Rules of the container image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings.model import Settings
from components.settings.wording import Fault


def _source(settings: Settings, name: str) -> Iterator[Fault]:
    image = settings.services[name].image
    if image is not None and (image.repository is None) == (image.uri is None):
        yield Fault(
            ("services", name, "image"),
            "must have exactly one of repository (of this stack) and uri (anywhere else)",
        )


def _version(settings: Settings, name: str) -> Iterator[Fault]:
    image = settings.services[name].image
    if image is not None and (image.digest is None) == (image.tag is None):
        yield Fault(("services", name, "image"), "must have exactly one of digest and tag")


def _pinned(settings: Settings, name: str) -> Iterator[Fault]:
    image = settings.services[name].image
    if settings.environment.protected and image is not None and image.tag is not None:
        yield Fault(
            ("services", name, "image", "tag"),
            "a protected environment needs a digest, since a tag can be moved; "
            "give digest: sha256:… instead (docker buildx imagetools inspect IMAGE prints it)",
        )


RULES: Final = (_source, _version, _pinned)
