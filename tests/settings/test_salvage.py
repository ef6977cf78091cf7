"""A fault in one place does not hide what is wrong elsewhere, and invents nothing."""

from .conftest import Desk


def test_rules_are_tried_on_a_workload_that_has_a_fault_of_form_too(desk: Desk) -> None:
    desk.put("services.orders.port", "x").put("services.orders.scaling", {"min": 5, "max": 2})
    desk.put("services.orders.health", {"timeout": 60, "interval": "often"})
    assert [line.split(":")[0] for line in desk.lines()] == [
        "services.orders.health.interval",
        "services.orders.port",
        "services.orders.scaling.min",
    ]


def test_rules_are_tried_although_another_section_is_missing(desk: Desk) -> None:
    desk.drop("network").put("cluster.node_groups.general.min", 9)
    assert [line.split(":")[0] for line in desk.lines()] == ["network", "cluster.node_groups.general.min"]


def test_rules_are_tried_although_a_neighbour_is_no_map(desk: Desk) -> None:
    desk.put("services.broken", "text").put("services.orders.expose.alb.load_balancer", "publc")
    assert [line.split(":")[0] for line in desk.lines()] == [
        "services.broken",
        "services.orders.expose.alb.load_balancer",
    ]


def test_rules_are_tried_although_a_name_is_not_allowed(desk: Desk) -> None:
    desk.put("services.Orders", {"protocol": "grpc", "port": 1}).put("services.web.scaling", {"min": 11})
    assert [line.split(":")[0] for line in desk.lines()] == ["services.Orders", "services.web.scaling.min"]


def test_a_faulty_load_balancer_still_exists_for_the_services_that_name_it(desk: Desk) -> None:
    desk.put("load_balancers.public.scheme", 5).put("services.web.expose.alb.load_balancer", "public")
    assert [line.split(":")[0] for line in desk.lines()] == ["load_balancers.public.scheme"]


def test_a_faulty_certificate_is_not_called_missing(desk: Desk) -> None:
    desk.drop("existing").put("load_balancers.public.certificate", {"arn": "x"})
    assert [line.split(":")[0] for line in desk.lines()] == ["load_balancers.public.certificate.arn"]


def test_a_faulty_hosted_zone_is_not_called_missing(desk: Desk) -> None:
    desk.put("existing.hosted_zone.id", "x")
    assert [line.split(":")[0] for line in desk.lines()] == ["existing.hosted_zone.id"]


def test_a_faulty_host_does_not_hide_that_a_balancer_is_full(desk: Desk) -> None:
    desk.put("services.web.expose.alb.host", "?")
    desk.put("services.orders.grpc_services", ["acme.orders.v1.Orders", *(f"a.S{i}" for i in range(100))])
    assert [line.split(":")[0] for line in desk.lines()] == ["load_balancers.public", "services.web.expose.alb.host"]


def test_a_faulty_environment_leaves_out_only_what_depends_on_it(desk: Desk) -> None:
    desk.put("environment", {"protected": "yes"}).put("services.orders.scaling", {"min": 1})
    assert [line.split(":")[0] for line in desk.lines()] == ["environment.protected"]
