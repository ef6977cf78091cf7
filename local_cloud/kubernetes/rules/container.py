"""Rules for containers (k8s.io/kubernetes pkg/apis/core/validation/validation.go: validateContainers)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from local_cloud.kubernetes import syntax
from local_cloud.kubernetes.field import Field

_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_FIELD_PATHS: Final = frozenset(
    {
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs", "status.podIP", "status.podIPs",
    }
)  # fmt: skip
_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def container_problems(container: Field, volumes: set[str] | None, *, kind: str, grace: int | None) -> Iterator[str]:
    """One container.

    ``volumes``: names of the pod's volumes, None when not all are known. ``kind``: containers or initContainers.
    ``grace``: the pod's grace period in seconds, None when unknown.
    """
    yield from container["name"].required()
    yield from syntax.spelled(container["name"], syntax.dns_label)
    yield from _image(container["image"])
    yield from container["imagePullPolicy"].among("Always", "IfNotPresent", "Never")
    yield from container["terminationMessagePolicy"].among("File", "FallbackToLogsOnError")
    yield from _ports(container["ports"])
    yield from _environment(container)
    yield from resource_problems(container["resources"])
    yield from _mounts(container["volumeMounts"], volumes)
    yield from _security(container["securityContext"])
    sidecar = kind == "initContainers" and container["restartPolicy"].text == "Always"
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container[name]
        if probe.present and kind == "initContainers" and not sidecar and not container["restartPolicy"].unknown:
            yield probe.says("may not be set for init containers without restartPolicy Always")
        yield from _probe(probe, once=name != "readinessProbe")
    for name in ("postStart", "preStop"):
        yield from _hook(container["lifecycle"][name], grace)


def _image(image: Field) -> Iterator[str]:
    yield from image.required()
    if image.text is not None and image.text != image.text.strip():
        yield image.says(f"{image.text!r} must not have leading or trailing spaces")


def _ports(ports: Field) -> Iterator[str]:
    names: set[str] = set()
    host_ports: set[tuple[object, ...]] = set()
    for port in ports.items:
        name = port["name"]
        yield from syntax.spelled(name, syntax.port_name)
        if name.text:
            if name.text in names:
                yield name.says(f"duplicate value {name.text!r}")
            names.add(name.text)
        yield from port["containerPort"].within(1, 65535)
        yield from port["hostPort"].within(1, 65535)
        yield from port["protocol"].among("TCP", "UDP", "SCTP")
        if port["hostPort"].number is not None and not port["protocol"].unknown and not port["hostIP"].unknown:
            key = (port["protocol"].text or "TCP", port["hostIP"].text, port["hostPort"].number)
            if key in host_ports:
                yield port["hostPort"].says(f"duplicate value {port['hostPort'].number}")
            host_ports.add(key)


def _environment(container: Field) -> Iterator[str]:
    for variable in container["env"].items:
        yield from variable["name"].required()
        yield from syntax.spelled(variable["name"], syntax.env_name)
        source = variable["valueFrom"]
        if source.present and variable["value"].text:
            yield source.says("may not be specified when value is not empty")
        if source.present and not source.unknown:
            yield from _env_source(source)
    for source in container["envFrom"].items:
        yield from source.exactly_one("configMapRef", "secretRef")
        for name in ("configMapRef", "secretRef"):
            if source[name].present:
                yield from source[name]["name"].required()


def _env_source(source: Field) -> Iterator[str]:
    yield from source.exactly_one(*_SOURCES)
    for name in ("configMapKeyRef", "secretKeyRef"):
        if source[name].present:
            yield from source[name]["name"].required()
            yield from source[name]["key"].required()
            yield from syntax.spelled(source[name]["key"], syntax.config_key)
    path = source["fieldRef"]["fieldPath"]
    if (
        path.text is not None
        and path.text not in _FIELD_PATHS
        and not path.text.startswith(("metadata.labels['", "metadata.annotations['"))
    ):
        yield path.says(
            f"{path.text!r} is not supported; allowed: {', '.join(sorted(_FIELD_PATHS))}, "
            "metadata.labels['key'], metadata.annotations['key']"
        )


def resource_problems(resources: Field) -> Iterator[str]:
    """Requests and limits: known names, no negative amounts, a request never above its limit."""
    for part in ("requests", "limits"):
        for name, quantity in resources[part].entries:
            standard = name in {"cpu", "memory", "ephemeral-storage"} or name.startswith("hugepages-")
            if not standard and "/" not in name:
                yield resources[part].says(
                    f"{name!r} must be cpu, memory, ephemeral-storage, hugepages-… or a name with a domain"
                )
            amount = syntax.amount(quantity)
            if amount is not None and amount < 0:
                yield quantity.says(f"{quantity.value!r} must be greater than or equal to 0")
    for name, limit in resources["limits"].entries:
        request = Field(resources["requests"][name].value, f"{resources.path}.requests[{name!r}]")
        low, high = syntax.amount(request), syntax.amount(limit)
        if low is not None and high is not None and low > high:
            yield request.says(f"{request.value!r} must be less than or equal to the {name} limit of {limit.value}")


def _mounts(mounts: Field, volumes: set[str] | None) -> Iterator[str]:
    paths: set[str] = set()
    for mount in mounts.items:
        name, path = mount["name"], mount["mountPath"]
        yield from name.required()
        if name.text and volumes is not None and name.text not in volumes:
            yield name.says(f"{name.text!r} not found among the pod's volumes ({_listed(sorted(volumes))})")
        yield from path.required()
        if path.text:
            if path.text in paths:
                yield path.says(f"{path.text!r} must be unique")
            paths.add(path.text)
            if ":" in path.text:
                yield path.says(f"{path.text!r} must not contain ':'")
        if mount["subPath"].text and mount["subPathExpr"].text:
            yield mount["subPathExpr"].says("subPathExpr and subPath are mutually exclusive")


def _security(context: Field) -> Iterator[str]:
    for name in ("runAsUser", "runAsGroup"):
        yield from context[name].within(0)
    if context["allowPrivilegeEscalation"].value is False:
        if context["privileged"].value is True:
            yield context["allowPrivilegeEscalation"].says(
                "cannot set allowPrivilegeEscalation to false and privileged to true"
            )
        if "SYS_ADMIN" in [item.value for item in context["capabilities"]["add"].items]:
            yield context["allowPrivilegeEscalation"].says(
                "cannot set allowPrivilegeEscalation to false and capabilities.add SYS_ADMIN"
            )


def _probe(probe: Field, *, once: bool) -> Iterator[str]:
    if probe.missing or probe.unknown:
        return
    yield from _one_handler(probe, _HANDLERS)
    yield from probe["initialDelaySeconds"].within(0)
    for name in ("timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        yield from probe[name].within(0)
    if once and probe["successThreshold"].number not in {None, 0, 1}:
        yield probe["successThreshold"].says(
            f"{probe['successThreshold'].number} must be 1 for liveness and startup probes"
        )
    grace = probe["terminationGracePeriodSeconds"]
    yield from grace.within(1)
    if not once and grace.present:
        yield grace.says("must not be set for readiness probes")


def _one_handler(owner: Field, handlers: tuple[str, ...]) -> Iterator[str]:
    yield from owner.exactly_one(*handlers)
    yield from owner["grpc"]["port"].within(1, 65535)
    for name in ("httpGet", "tcpSocket"):
        yield from syntax.port_or_name(owner[name]["port"])
    yield from owner["httpGet"]["scheme"].among("HTTP", "HTTPS")
    if owner["exec"].present and not owner["exec"].unknown and owner["exec"]["command"].value in (None, []):
        yield owner["exec"]["command"].says("is required")


def _hook(hook: Field, grace: int | None) -> Iterator[str]:
    if hook.missing or hook.unknown:
        return
    yield from _one_handler(hook, ("exec", "httpGet", "tcpSocket", "sleep"))
    seconds = hook["sleep"]["seconds"]
    if seconds.number is not None and grace is not None and not 0 <= seconds.number <= grace:
        yield seconds.says(f"{seconds.number} must be between 0 and terminationGracePeriodSeconds ({grace})")


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"
