"""Rules of one workload."""

from typing import Any

import pytest

from .conftest import Desk

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("grpc_services", ["acme.v1.Web"]),
        ("health.service", "web"),
        ("health.liveness", "web"),
    ],
)
def test_keys_of_grpc_are_refused_on_http(desk: Desk, path: str, value: Any) -> None:
    assert desk.put(f"services.web.{path}", value).lines() == [
        f"services.web.{path}: only for gRPC workloads, and the protocol is http; leave it out"
    ]


def test_paths_are_refused_on_grpc(desk: Desk) -> None:
    assert desk.put("services.orders.expose.alb.paths", ["/*"]).lines() == [
        (
            "services.orders.expose.alb.paths: only for HTTP workloads, and the protocol is grpc; leave it out "
            "(gRPC paths come from grpc_services)"
        )
    ]


def test_slow_start_is_off_or_half_a_minute(desk: Desk) -> None:
    path = "services.orders.expose.alb.slow_start"
    assert desk.put(path, 29).lines() == [f"{path}: must be 0, or from 30 to 900; received 29"]


@pytest.mark.parametrize("algorithm", ["least_outstanding_requests", "weighted_random"])
def test_slow_start_works_with_round_robin_only(desk: Desk, algorithm: str) -> None:
    desk.put("services.orders.expose.alb.slow_start", 30).put("services.orders.expose.alb.algorithm", algorithm)
    assert desk.lines() == [
        (
            "services.orders.expose.alb.slow_start: works with the algorithm round_robin only, and it is "
            f"{algorithm}; leave one of the two out"
        )
    ]


def test_fewest_pods_are_at_most_the_most(desk: Desk) -> None:
    assert desk.put("services.orders.scaling", {"min": 11}).lines() == [
        "services.orders.scaling.min: must be at most max, 10; received 11"
    ]
    assert desk.put("services.orders.scaling", {"max": 1}).lines() == [
        "services.orders.scaling.max: must be at least min, 2; received 1"
    ]


@pytest.mark.parametrize(
    ("resources", "line"),
    [
        ({"cpu": "1", "cpu_limit": "999m"}, "cpu_limit: must be at least what is requested (cpu: 1); received 999m"),
        ({"memory_limit": "255Mi"}, "memory_limit: must be at least what is requested (memory: 256Mi); received 255Mi"),
        ({"memory": "1Gi", "memory_limit": "1G"}, "memory_limit: must be at least what is requested (memory: 1Gi)"),
    ],
)
def test_a_limit_is_at_least_the_request(desk: Desk, resources: dict[str, str], line: str) -> None:
    (found,) = desk.put("services.orders.resources", resources).lines()
    assert found.startswith(f"services.orders.resources.{line}")


@pytest.mark.parametrize("key", ["memory", "memory_limit"])
def test_memory_without_a_unit_is_told_to_be_bytes(desk: Desk, key: str) -> None:
    path = f"services.orders.resources.{key}"
    assert f'{path}: must be at least "4Mi"; received "256", which is 256 bytes' in desk.put(path, "256").lines()
    assert desk.put("services.orders.resources", {"memory": "4Mi", "memory_limit": "4194304"}).lines() == []


@pytest.mark.parametrize("name", ["PORT", "DRAIN_SECONDS"])
@pytest.mark.parametrize("section", ["env", "secrets"])
def test_variables_of_the_platform_are_taken(desk: Desk, section: str, name: str) -> None:
    assert desk.put(f"services.orders.{section}.{name}", "1").lines() == [
        f"services.orders.{section}.{name}: the platform sets this variable itself; choose another name"
    ]


def test_a_variable_is_plain_or_secret_not_both(desk: Desk) -> None:
    desk.put("services.orders.env.TOKEN", "a").put("services.orders.secrets.TOKEN", "b")
    assert desk.lines() == ["services.orders.env.TOKEN: also under secrets; a variable has one value, leave one out"]


@pytest.mark.parametrize("image", [{"digest": DIGEST}, {"repository": "orders", "uri": "a.io/b", "digest": DIGEST}])
def test_an_image_has_one_source(desk: Desk, image: dict[str, str]) -> None:
    assert desk.put("services.orders.image", image).lines() == [
        "services.orders.image: must have exactly one of repository (of this stack) and uri (anywhere else)"
    ]


@pytest.mark.parametrize("image", [{"uri": "a.io/b"}, {"uri": "a.io/b", "tag": "1", "digest": DIGEST}])
def test_an_image_has_one_version(desk: Desk, image: dict[str, str]) -> None:
    assert desk.put("services.orders.image", image).lines() == [
        "services.orders.image: must have exactly one of digest and tag"
    ]


def test_a_repository_is_that_of_a_workload(desk: Desk) -> None:
    assert desk.put("services.orders.image", {"repository": "order", "tag": "1"}).lines() == [
        (
            'services.orders.image.repository: there is no workload "order" with a repository; did you mean "orders"? '
            "(there is: orders, web)"
        )
    ]
    assert desk.put("services.orders.image", {"repository": "web", "tag": "1"}).lines() == []


def test_a_workload_whose_image_lies_elsewhere_has_no_repository(desk: Desk) -> None:
    desk.put("services.web.image", {"uri": "a.io/web", "tag": "1"})
    assert desk.put("services.orders.image", {"repository": "web", "tag": "1"}).lines() == [
        "services.orders.image.repository: services.web has its image at a.io/web, so it has no repository here"
    ]


def test_a_protected_environment_needs_a_digest(desk: Desk) -> None:
    desk.put("services.orders.image", {"repository": "orders", "tag": "1"})
    assert desk.lines() == []
    (line,) = desk.protect().lines()
    assert line.startswith("services.orders.image.tag: a protected environment needs a digest")
    assert desk.put("services.orders.image", {"repository": "orders", "digest": DIGEST}).lines() == []


def test_a_check_waits_less_than_until_the_next(desk: Desk) -> None:
    desk.put("services.orders.health", {"interval": 10, "timeout": 10})
    assert desk.lines() == ["services.orders.health.timeout: must be less than interval, 10; received 10"]
    assert desk.put("services.orders.health.timeout", 9).lines() == []


@pytest.mark.parametrize(
    ("service", "codes", "kind"),
    [
        ("orders", "200", "gRPC status codes from 0 to 99"),
        ("orders", "5-3", "gRPC status codes from 0 to 99"),
        ("orders", "0-100", "gRPC status codes from 0 to 99"),
        ("web", "0", "HTTP status codes from 200 to 499"),
        ("web", "200-500", "HTTP status codes from 200 to 499"),
    ],
)
def test_codes_are_of_the_protocol(desk: Desk, service: str, codes: str, kind: str) -> None:
    assert desk.put(f"services.{service}.health.success_codes", codes).lines()[:1] == [
        f'services.{service}.health.success_codes: must be {kind}, ranges from low to high; received "{codes}"'
    ]


@pytest.mark.parametrize("codes", ["0-99", "14", "0,12-14"])
def test_a_check_that_takes_unavailable_for_well_is_refused(desk: Desk, codes: str) -> None:
    path = "services.orders.health"
    (line,) = desk.put(path, {"success_codes": codes, "path": "/acme.v1.Probe/Check"}).lines()
    assert line == (
        f"{path}.success_codes: must not include 14, UNAVAILABLE, or the check never fails; "
        f'received "{codes}" (try "0")'
    )


@pytest.mark.parametrize("path", ["/healthz", "/acme.v1.Orders", "/AWS.ALB/healthcheck/", "/a.B/C/D"])
def test_grpc_is_checked_by_a_grpc_method(desk: Desk, path: str) -> None:
    (line,) = desk.put("services.orders.health.path", path).lines()
    assert line.startswith("services.orders.health.path: must be a gRPC method, /package.Service/Method, such as")


@pytest.mark.parametrize(
    ("health", "answer"),
    [
        ({"success_codes": "12"}, "/grpc.health.v1.Health/Check answers 0"),
        ({"path": "/AWS.ALB/healthcheck"}, "/AWS.ALB/healthcheck answers 12"),
        ({"path": "/AWS.ALB/healthcheck", "success_codes": "0-11"}, "/AWS.ALB/healthcheck answers 12"),
    ],
)
def test_a_check_that_can_never_succeed_is_refused(desk: Desk, health: dict[str, str], answer: str) -> None:
    (line,) = desk.put("services.orders.health", health).lines()
    assert line.startswith(f"services.orders.health.success_codes: {answer} when the server is well")


def test_liveness_and_readiness_ask_for_different_names(desk: Desk) -> None:
    (line,) = desk.put("services.orders.health", {"liveness": "acme.orders.v1.Orders"}).lines()
    assert line.startswith(
        'services.orders.health.liveness: must differ from the readiness name, "acme.orders.v1.Orders"'
    )
    (line,) = desk.put("services.orders.health", {"service": ""}).lines()
    assert line.startswith('services.orders.health.liveness: must differ from the readiness name, ""')
    assert desk.put("services.orders.health", {"service": "", "liveness": "alive"}).lines() == []


def test_without_grpc_services_the_readiness_name_must_be_said(desk: Desk) -> None:
    desk.put("services.orders.grpc_services", []).put("services.orders.health", {})
    assert desk.lines() == [
        "services.orders.health.service: missing; without grpc_services the name that readiness asks for must be given"
    ]
    assert desk.put("services.orders.health.service", "orders").lines() == []


def test_variables_fit_into_one_deployment(desk: Desk) -> None:
    variables = {f"V{number:02}": "é" * 16_000 for number in range(31)}
    assert desk.put("services.orders.env", variables).lines() == []
    assert desk.put("services.orders.env", {**variables, "LAST": "x" * 8_000}).lines() == [
        (
            "services.orders.env: names and values have 1000097 bytes together, and a Deployment holds them: at most "
            "1000000; keep large files elsewhere"
        )
    ]


ROUTE = "services.orders.expose.alb.routes.purge"


def test_methods_of_a_route_belong_to_the_workload(desk: Desk) -> None:
    assert desk.put(f"{ROUTE}.methods", ["acme.orders.v1.Order/Purge"]).lines() == [
        (
            f'{ROUTE}.methods[0]: "acme.orders.v1.Order/Purge" is not of this workload\'s grpc_services; did you mean '
            '"acme.orders.v1.Orders"? (there is: acme.orders.v1.Orders)'
        )
    ]


def test_without_grpc_services_a_route_may_name_any_method(desk: Desk) -> None:
    desk.put("services.orders.grpc_services", []).put("services.orders.health.service", "orders")
    assert desk.put(f"{ROUTE}.methods", ["other.v1.Thing/Do"]).lines() == []


def test_a_rule_takes_five_values(desk: Desk) -> None:
    assert desk.put(f"{ROUTE}.headers", {"x-role": ["a", "b"], "x-team": ["c"]}).lines() == []
    assert desk.put(f"{ROUTE}.headers", {"x-role": ["a", "b", "c"], "x-team": ["d"]}).lines() == [
        (
            f"{ROUTE}: a listener rule takes 5 values, and this needs 6: 1 host, 1 method and 4 header "
            f"values; split the route"
        )
    ]


def test_a_rule_takes_five_wildcards(desk: Desk) -> None:
    assert desk.put(f"{ROUTE}.headers", {"x-role": ["*a*b*c?"]}).lines() == []
    (line,) = desk.put(f"{ROUTE}.headers", {"x-role": ["*a*b*c?*?"]}).lines()
    assert line == f"{ROUTE}.headers: a listener rule takes 5 wildcards (* and ?); received 6"


def test_header_names_that_differ_in_case_only_are_one_header(desk: Desk) -> None:
    (line,) = desk.put(f"{ROUTE}.headers", {"x-role": ["a"], "X-Role": ["b"]}).lines()
    assert line.startswith(f'{ROUTE}.headers.X-Role: the same header as "x-role"')


def test_a_path_has_eight_segments_at_most(desk: Desk) -> None:
    path = "services.web.expose.alb.paths"
    assert desk.put(path, ["/1/2/3/4/5/6/7/8/*"]).lines() == []
    (line,) = desk.put(path, ["/1/2/3/4/5/6/7/8/9"]).lines()
    assert line == f"{path}[0]: must have at most 8 segments, which decide what is tried first; received 9"
    assert desk.put(path, ["/1/2/3/4/5/6/7/"]).lines() == []
    (line,) = desk.put(path, ["/1/2/3/4/5/6/7/8/"]).lines()
    assert line.startswith(f"{path}[0]: must have at most 7 segments before a final slash")
