"""ECR006, ECR007: where the images of workloads come from, and whether they stay what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, MEDIUM, Context, Example, Option, Problem, Rule
from policies.engine.unknown import Unknown, UnknownValueError, is_unknown, known
from policies.rules.probes import workload
from policies.rules.registries import REPOSITORY, immutable, repository, scanned
from policies.rules.tokens import WORKLOADS

_PODS: Final = "spec.template.spec"
_ECR: Final = re.compile(r"\d{12}\.dkr[.-]ecr(?:-fips)?\.[^/]+/([^:@]+)(?:[:@].*)?")
_DIGEST: Final = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}")
_HUB: Final = "docker.io"


def images(workload: Resource) -> Iterator[tuple[str, Any]]:
    """The image of every container of a workload's pods, those that run before the others too, each with its path."""
    for kind in ("initContainers", "containers"):
        for path, _ in workload.items(f"{_PODS}.{kind}"):
            yield f"{path}.image", workload.get(f"{path}.image")


def _repositories(resource: Resource, path: str, image: Any, graph: Graph) -> list[Resource]:
    """The repositories of the program that an image may come from."""
    if not any(True for _ in graph.of(REPOSITORY)):
        return []
    if is_unknown(image):
        made = graph.made_of(resource, "spec", REPOSITORY)
        if not made and not resource.property_dependencies.get("spec"):
            raise UnknownValueError(f"{resource.name}: {path}")
        return made
    found = _ECR.fullmatch(str(image))
    if found is None:
        return []
    by_name, blind = graph.once(_named)
    if blind:
        raise UnknownValueError(blind)
    return by_name.get(found[1], [])


def _named(graph: Graph) -> tuple[dict[str, list[Resource]], str]:
    """The repositories of the program by name, and the path of a name that is not known; "" where all are."""
    found: dict[str, list[Resource]] = {}
    blind = ""
    for each in graph.of(REPOSITORY):
        name = each.get("name")
        if is_unknown(name):
            blind = blind or name.path
        elif isinstance(name, str):
            found.setdefault(name, []).append(each)
    return found, blind


def _from_scanned(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    for path, image in images(resource):
        for each in _repositories(resource, path, image, graph):
            if not scanned(each, graph):
                yield Problem(path, f"comes from the repository {each.name}, whose images nobody scans")
                break


def _from(name: str) -> str:
    return f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/{name}:1.4.2"


def _deployed(name: str, kind: str = "Deployment", **properties: Any) -> Mapping[str, Mapping[str, Any]]:
    return {"orders": workload(kind, image=_from(name)), "repository": repository(name=name, **properties)}


_OFF: Final = {"scanOnPush": False}

ECR006: Final = Rule(
    id="ECR006",
    title="What runs comes from repositories that are scanned",
    severity=HIGH,
    level=MANDATORY,
    kinds=WORKLOADS,
    check=_from_scanned,
    stack=True,
    why="An image that runs and that nobody scans is a hole that is open.",
    remedy="Set imageScanningConfiguration.scanOnPush of the repository to true.",
    source="Amazon ECR user guide: Scan images for software vulnerabilities",
    bad=(
        Example("off", _deployed("unscanned/runs", imageScanningConfiguration=_OFF), about=("orders",)),
        Example(
            "by default, for a StatefulSet",
            _deployed("unscanned/set", kind="StatefulSet", imageScanningConfiguration=None),
            about=("orders",),
        ),
    ),
    good=(
        Example("scanned", _deployed("acme/runs")),
        Example("from elsewhere", {"orders": workload(), "repository": repository(name="acme/idle")}),
    ),
)


def _parts(image: str) -> tuple[str, str, str]:
    """Registry with path, tag, digest: `docker.io/library/nginx`, `1.27`, "" for nginx:1.27."""
    name, _, digest = image.partition("@")
    path, _, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    host = path.partition("/")[0]
    whole = f"{path}/{base}" if path else base
    if not path or not ("." in host or ":" in host or host == "localhost"):
        whole = f"{_HUB}/{whole}" if path else f"{_HUB}/library/{whole}"
    return whole, tag, digest


def _allowed(path: str, registries: list[str]) -> bool:
    return not registries or any(path == each or path.startswith(each.rstrip("/") + "/") for each in registries)


def _fixed(resource: Resource, path: str, image: Any, context: Context) -> bool:
    """Whether an image that is not known yet comes from repositories of the program whose tags do not move."""
    if not is_unknown(image) or context.options["registries"]:
        return False
    made = _repositories(resource, path, image, context.graph)
    return bool(made) and all(immutable(each) for each in made)


def _pinned(resource: Resource, context: Context) -> Iterator[Problem]:
    for path, image in images(resource):
        if image is None or _fixed(resource, path, image, context):
            continue
        whole, tag, digest = _parts(str(known(image)))
        if not _allowed(whole, context.options["registries"]):
            yield Problem(path, f"{resource.shown(path)} is from none of the registries that are allowed")
        if digest and not _DIGEST.fullmatch(digest):
            yield Problem(path, f"{resource.shown(path)} has no digest after its @")
        elif not digest and tag in ("", *context.options["moving"]):
            what = f"the tag {tag}, which moves" if tag else "no tag, which means latest"
            yield Problem(path, f"{resource.shown(path)} has {what}")


def _later() -> Mapping[str, Any]:
    """The properties of a workload whose image is not known yet."""
    whole = workload()["properties"]
    pod = {"containers": [{"name": "orders", "image": Unknown("image")}]}
    template = {**whole["spec"]["template"], "spec": pod}
    return {**whole, "spec": {**whole["spec"], "template": template}}


def _running(image: str) -> Mapping[str, Mapping[str, Any]]:
    return {"orders": workload(image=image)}


def _wrong(title: str, image: str) -> Example:
    return Example(title, _running(image), about=("orders",))


ECR007: Final = Rule(
    id="ECR007",
    title="Workloads run images that are pinned, from registries that are allowed",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=WORKLOADS,
    check=_pinned,
    stack=True,
    why="With a tag that moves, pods of one Deployment run different programs, and nobody knows which one was tested.",
    remedy="Name the image by its digest, or by a tag of its own.",
    source="Kubernetes, Images: Image names",
    options={
        "registries": Option(
            {
                "type": "array",
                "items": {"type": "string"},
                "default": [],
                "description": (
                    "Registries that images may come from, or paths in them, such as ghcr.io/acme; [] allows all. "
                    "Docker Hub is docker.io."
                ),
            }
        ),
        "moving": Option(
            {
                "type": "array",
                "items": {"type": "string"},
                "default": ["latest", "main", "master", "stable", "edge", "nightly"],
                "description": "Tags that are known to move.",
            }
        ),
    },
    bad=(
        _wrong("latest", "ghcr.io/acme/orders:latest"),
        _wrong("no tag", "localhost:5000/acme/orders"),
        _wrong("half a digest", "ghcr.io/acme/orders:1.4.2@sha256"),
        Example(
            "a container that runs first",
            {
                "orders": {
                    **workload(),
                    "properties": {
                        "metadata": {"name": "orders", "namespace": "shop"},
                        "spec": {"template": {"spec": {"initContainers": [{"name": "migrate", "image": "flyway"}]}}},
                    },
                }
            },
            about=("orders",),
        ),
    ),
    good=(
        Example("a tag", _running("ghcr.io/acme/orders:1.4.2")),
        Example("a digest", _running(f"registry.example.com:5000/acme/orders@sha256:{'0c6f1b2a' * 8}")),
        Example(
            "a tag of a repository of the program",
            {
                "orders": {**workload(), "properties": _later(), "made_of": {"spec": ("repository",)}},
                "repository": repository(name="acme/pinned"),
            },
        ),
        Example("a digest beside a tag that moves", _running(f"acme/orders:latest@sha256:{'0c6f1b2a' * 8}")),
    ),
)

RULES: Final = (ECR006, ECR007)
