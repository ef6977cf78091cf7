"""Validation of Kubernetes manifests in process: schema, then the API server's own rules. No cluster, no network.

The kubernetes stand-in calls it in Check; tools call it for the manifests found in the events of a preview.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from local_cloud.kubernetes import schemas
from local_cloud.kubernetes.crd_schemas import CUSTOM
from local_cloud.kubernetes.field import Field, normal
from local_cloud.kubernetes.rules import rules_of
from local_cloud.kubernetes.rules.metadata import metadata_problems


def validate(manifest: Mapping[str, Any], version: str = "1.36", *, partial: bool = False) -> list[str]:
    """What is wrong with a manifest, one line each (path, value received, what is allowed); [] when nothing is.

    ``version`` is the cluster's minor version ("1.36"); a version newer than the newest known schemas is judged by
    those.
    ``partial`` is for the ``...Patch`` types, whose fields are all optional: only unknown fields and wrong types are
    reported.
    Unknown values and hidden secrets (see ``field.normal``) are skipped wherever they stand: what they might be
    is never reported, and never counts as missing. Never raises on any input that is a mapping.
    """
    whole = {key: item for key, item in normal(dict(manifest)).items() if not key.startswith("__")}
    return list(dict.fromkeys(_problems(whole, version, partial=partial)))


def _problems(whole: dict[str, Any], version: str, *, partial: bool) -> Iterator[str]:
    root = Field(whole)
    api, kind = root["apiVersion"], root["kind"]
    for field in (api, kind):
        if field.text is None and not field.unknown:
            yield field.says("is required and must be text")
    if api.text is None or kind.text is None:
        return
    if not _known(api.text, kind.text, version):
        yield _no_such_kind(api.text, kind.text, version)
        return
    yield from schemas.problems(whole, api.text, kind.text, version, partial=partial)
    if not partial:
        yield from metadata_problems(root)
        for rule in rules_of(api.text, kind.text):
            yield from rule(root, version)


def _known(api: str, kind: str, version: str) -> bool:
    return schemas.built_in(api, kind, version) or (api, kind) in CUSTOM


def _no_such_kind(api: str, kind: str, version: str) -> str:
    elsewhere = schemas.groups(kind, version)
    if elsewhere:
        return (
            f"apiVersion: {kind} does not exist in {api!r} of Kubernetes {version}; it exists in: "
            f"{', '.join(elsewhere)}"
        )
    near = difflib.get_close_matches(kind, schemas.kinds(version), n=1, cutoff=0.75)
    hint = (
        f'; did you mean "{near[0]}"?'
        if near
        else "; a custom resource needs a schema in local_cloud/kubernetes/crd_schemas.py"
    )
    return f"kind: {kind!r} of {api!r} has no schema{hint}"
