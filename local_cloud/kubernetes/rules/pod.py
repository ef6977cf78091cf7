"""Rules for pod specifications (k8s.io/kubernetes pkg/apis/core/validation/validation.go: ValidatePodSpec)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from local_cloud.kubernetes import syntax
from local_cloud.kubernetes.field import Field
from local_cloud.kubernetes.rules.container import container_problems
from local_cloud.kubernetes.rules.metadata import annotation_problems, label_problems, selector_problems

_GRACE: Final = 30
"""Seconds the API server fills in for terminationGracePeriodSeconds (pkg/apis/core/v1/defaults.go)."""


def template_problems(template: Field, restart: tuple[str, ...] = ("Always",)) -> Iterator[str]:
    """A pod template of a workload. ``restart``: the restart policies its kind allows."""
    yield from label_problems(template.at("metadata", "labels"))
    yield from annotation_problems(template.at("metadata", "annotations"))
    spec = template["spec"]
    policy = spec["restartPolicy"]
    if policy.text is not None and policy.text not in restart:
        yield policy.says(f"{policy.text!r} is not supported here; allowed: {', '.join(restart)}")
    if policy.missing and not policy.unknown and "Always" not in restart:
        yield policy.says(f"is required; allowed: {', '.join(restart)}")
    yield from pod_problems(spec)


def pod_problems(spec: Field) -> Iterator[str]:
    """A pod specification by itself."""
    if spec.unknown:
        return
    if spec["containers"].value in (None, []):
        yield spec["containers"].says("is required")
    yield from _numbers_and_words(spec)
    volumes = spec["volumes"]
    yield from _volumes(volumes)
    yield from _containers(spec, _volume_names(volumes), spec["terminationGracePeriodSeconds"].number_or(_GRACE))
    for toleration in spec["tolerations"].items:
        yield from _toleration(toleration)
    yield from _spread(spec["topologySpreadConstraints"])
    yield from _affinity(spec["affinity"])
    if spec["hostNetwork"].value is True:
        yield from _host_ports(spec)


def _host_ports(spec: Field) -> Iterator[str]:
    for container in spec["containers"].items:
        for port in container["ports"].items:
            host, own = port["hostPort"].number, port["containerPort"].number
            if host is not None and own is not None and host != own:
                yield port["containerPort"].says(f"{own} must match hostPort ({host}) when hostNetwork is true")


def _numbers_and_words(spec: Field) -> Iterator[str]:
    yield from spec["terminationGracePeriodSeconds"].within(0)
    yield from spec["activeDeadlineSeconds"].within(1)
    yield from spec["dnsPolicy"].among("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
    yield from spec["restartPolicy"].among("Always", "OnFailure", "Never")
    for name in ("serviceAccountName", "priorityClassName", "runtimeClassName"):
        if spec[name].text:
            yield from syntax.spelled(spec[name], syntax.subdomain)
    for name in ("hostname", "subdomain"):
        if spec[name].text:
            yield from syntax.spelled(spec[name], syntax.dns_label)
    yield from label_problems(spec["nodeSelector"])
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        yield from spec["securityContext"][name].within(0)


def _containers(spec: Field, volumes: set[str] | None, grace: int | None) -> Iterator[str]:
    names: set[str] = set()
    for kind in ("initContainers", "containers"):
        for container in spec[kind].items:
            yield from container_problems(container, volumes, kind=kind, grace=grace)
            name = container["name"]
            if name.text:
                if name.text in names:
                    yield name.says(f"duplicate value {name.text!r}")
                names.add(name.text)


def _volume_names(volumes: Field) -> set[str] | None:
    if volumes.unknown or any(item.unknown or item["name"].unknown for item in volumes.items):
        return None
    return {item["name"].text or "" for item in volumes.items}


def _volumes(volumes: Field) -> Iterator[str]:
    names: set[str] = set()
    for volume in volumes.items:
        name = volume["name"]
        yield from name.required()
        yield from syntax.spelled(name, syntax.dns_label)
        if name.text:
            if name.text in names:
                yield name.says(f"duplicate value {name.text!r}")
            names.add(name.text)
        sources = [key for key in (volume.value if isinstance(volume.value, dict) else {}) if key != "name"]
        if len(sources) > 1:
            yield volume.says(f"may not specify more than 1 volume type; has {', '.join(sorted(sources))}")


def _toleration(toleration: Field) -> Iterator[str]:
    key, operator, effect = toleration["key"], toleration["operator"], toleration["effect"]
    if key.text:
        yield from syntax.spelled(key, syntax.qualified)
    yield from operator.among("Equal", "Exists", "Lt", "Gt")
    yield from effect.among("NoSchedule", "PreferNoSchedule", "NoExecute", "")
    if key.missing and not operator.unknown and operator.text != "Exists":
        yield operator.says("must be Exists when key is empty, which means 'match all values and all keys'")
    if operator.text == "Exists" and toleration["value"].text:
        yield toleration["value"].says("must be empty when operator is Exists")
    if toleration["tolerationSeconds"].present and not effect.unknown and effect.text != "NoExecute":
        yield effect.says("must be NoExecute when tolerationSeconds is set")


def _spread(constraints: Field) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for constraint in constraints.items:
        yield from constraint["maxSkew"].within(1)
        yield from constraint["topologyKey"].required()
        yield from syntax.spelled(constraint["topologyKey"], syntax.qualified)
        yield from constraint["whenUnsatisfiable"].among("DoNotSchedule", "ScheduleAnyway")
        yield from constraint["minDomains"].within(1)
        if constraint["minDomains"].present and constraint["whenUnsatisfiable"].text == "ScheduleAnyway":
            yield constraint["minDomains"].says("can only be used with whenUnsatisfiable DoNotSchedule")
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            yield from constraint[name].among("Honor", "Ignore")
        yield from selector_problems(constraint["labelSelector"])
        key, when = constraint["topologyKey"].text, constraint["whenUnsatisfiable"].text
        if key and when:
            if (key, when) in seen:
                yield constraint.says(f"duplicate value {{{key}, {when}}}")
            seen.add((key, when))


def _affinity(affinity: Field) -> Iterator[str]:
    for name in ("podAffinity", "podAntiAffinity"):
        for term in affinity[name]["requiredDuringSchedulingIgnoredDuringExecution"].items:
            yield from _pod_term(term)
        for preferred in affinity[name]["preferredDuringSchedulingIgnoredDuringExecution"].items:
            yield from preferred["weight"].within(1, 100)
            yield from _pod_term(preferred["podAffinityTerm"])
    node = affinity["nodeAffinity"]
    required = node.at("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    preferred_terms = node["preferredDuringSchedulingIgnoredDuringExecution"].items
    for preferred in preferred_terms:
        yield from preferred["weight"].within(1, 100)
    for term in [*required.items, *(preferred["preference"] for preferred in preferred_terms)]:
        for expression in term["matchExpressions"].items:
            yield from expression["operator"].among("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
            yield from syntax.spelled(expression["key"], syntax.qualified)
            yield from _values(expression)


def _values(expression: Field) -> Iterator[str]:
    operator, values = expression["operator"].text, expression["values"]
    if operator in {"In", "NotIn"} and not values.unknown and not values.value:
        yield values.says(f"must be specified when `operator` is {operator}")
    if operator in {"Exists", "DoesNotExist"} and values.value and not values.unknown:
        yield values.says(f"may not be specified when `operator` is {operator}")
    if operator in {"Gt", "Lt"} and not values.unknown and len(values.items) != 1:
        yield values.says(f"must have one element when `operator` is {operator}")


def _pod_term(term: Field) -> Iterator[str]:
    yield from term["topologyKey"].required()
    yield from syntax.spelled(term["topologyKey"], syntax.qualified)
    yield from selector_problems(term["labelSelector"])
