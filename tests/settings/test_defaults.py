from typing import Any

from components.settings import load

MINIMAL: dict[str, Any] = {
    "network": {"zones": ["eu-west-1b", "eu-west-1a"]},
    "cluster": {"node_groups": {"general": {"instance_types": ["m7g.large"]}}},
}


def loaded(**more: Any) -> dict[str, Any]:
    return load(MINIMAL | more, region="eu-west-1").model_dump()


def test_zones_and_one_instance_type_are_all_that_must_be_said() -> None:
    assert loaded() == {
        "environment": {"kind": "all", "services_stacks": {}, "protected": False, "tags": {}},
        "existing": {
            "hosted_zone": None,
            "platform_stack": None,
            "vpc": None,
            "cluster": None,
            "listeners": {},
            "log_bucket": None,
            "service_network": None,
        },
        "network": {
            "cidr": "10.0.0.0/16",
            "zones": ("eu-west-1a", "eu-west-1b"),
            "nat": "single",
            "endpoints": (),
            "flow_logs": None,
        },
        "cluster": {
            "version": "1.36",
            "zones": ("eu-west-1a", "eu-west-1b"),
            "public_access_cidrs": (),
            "compute": "node_groups",
            "node_groups": {
                "general": {
                    "architecture": "arm64",
                    "ami": "al2023",
                    "release_version": None,
                    "instance_types": ("m7g.large",),
                    "capacity": "on_demand",
                    "autoscaled": False,
                    "min": 2,
                    "max": 6,
                    "disk_size": 50,
                    "labels": {},
                    "taints": {},
                }
            },
            "access": {},
            "logs": ("api", "audit", "authenticator"),
            "log_retention": 90,
            "deletion_protection": False,
            "support": "standard",
            "addons": {},
            "extra_addons": {},
            "network_policies": False,
            "external_dns": None,
            "metrics_adapter": None,
        },
        "registry": {"pull_accounts": (), "pull_organizations": (), "untagged_days": 14, "kept_images": 100},
        "load_balancers": {},
        "lattice": None,
        "services": {},
        "cloud_map": None,
        "observability": None,
    }


def test_a_load_balancer_needs_only_a_scheme_and_a_way_to_a_certificate() -> None:
    arn = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
    found = loaded(load_balancers={"public": {"scheme": "internal", "certificate": {"arn": arn}}})
    assert found["load_balancers"]["public"] == {
        "scheme": "internal",
        "owner": "pulumi",
        "idle_timeout": 300,
        "client_keep_alive": 3600,
        "http_redirect": False,
        "pod_ports": (),
        "generation": 1,
        "certificate": {"arn": arn, "domains": ()},
        "tls_policy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        "allow_cidrs": ("0.0.0.0/0",),
        "deletion_protection": False,
        "mtls": None,
        "waf": None,
        "headers": {
            "drop_invalid": False,
            "preserve_host": False,
            "forwarded_for": "append",
            "client_port": False,
            "tls_version_and_cipher": False,
            "server": True,
            "rename": {},
            "add": {},
        },
        "desync_mitigation": "defensive",
        "logs": None,
        "zonal_shift": False,
    }


def test_a_grpc_workload_is_checked_by_the_standard_health_service_under_its_first_name() -> None:
    services = {"orders": {"protocol": "grpc", "port": 50051, "grpc_services": ["acme.v1.Orders", "acme.v1.Reports"]}}
    assert loaded(services=services)["services"]["orders"] == {
        "protocol": "grpc",
        "port": 50051,
        "image": None,
        "grpc_services": ("acme.v1.Orders", "acme.v1.Reports"),
        "health": {
            "service": "acme.v1.Orders",
            "liveness": "",
            "path": "/grpc.health.v1.Health/Check",
            "success_codes": "0",
            "port": None,
            "interval": 15,
            "timeout": 5,
            "healthy": 2,
            "unhealthy": 2,
            "startup": 120,
        },
        "expose": {"alb": None, "lattice": None, "client_side": None},
        "backend_tls": None,
        "scaling": {"min": 2, "max": 10, "cpu": 70, "memory": None, "metrics": {}},
        "resources": {"cpu": "250m", "memory": "256Mi", "cpu_limit": None, "memory_limit": None},
        "env": {},
        "secrets": {},
        "drain": 30,
        "architecture": None,
        "calls": (),
        "permissions": (),
        "statements": {},
        "labels": {},
        "annotations": {},
        "spread": {"zones": "preferred", "nodes": "preferred"},
        "alarms": {"latency": None, "target_errors": None},
    }


def test_an_http_workload_is_checked_at_the_root_and_gets_every_path_of_its_host() -> None:
    found = loaded(
        existing={"hosted_zone": {"id": "Z0123456789ABCDEFGHIJ", "name": "example.com"}},
        load_balancers={"public": {"scheme": "internal"}},
        services={"web": {"protocol": "http", "port": 8080, "expose": {"alb": {"host": "web.example.com"}}}},
    )["services"]["web"]
    assert (found["health"]["path"], found["health"]["success_codes"]) == ("/", "200")
    assert found["expose"]["alb"] == {
        "load_balancer": "public",
        "host": "web.example.com",
        "algorithm": "round_robin",
        "anomaly_mitigation": False,
        "generation": 1,
        "slow_start": 0,
        "routes": {},
        "paths": ("/*",),
        "canary": None,
        "stickiness": None,
        "target_health": None,
        "rewrite": None,
    }


def test_a_protected_environment_turns_deletion_protection_on() -> None:
    arn = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
    found = loaded(
        environment={"protected": True},
        load_balancers={"public": {"scheme": "internal", "certificate": {"arn": arn}}},
    )
    assert found["cluster"]["deletion_protection"] is True
    assert found["load_balancers"]["public"]["deletion_protection"] is True


def test_what_is_said_about_deletion_protection_wins_over_the_default() -> None:
    arn = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
    found = loaded(
        environment={"protected": True},
        cluster={**MINIMAL["cluster"], "deletion_protection": False},
        load_balancers={
            "public": {"scheme": "internal", "certificate": {"arn": arn}, "deletion_protection": False},
        },
    )
    assert found["cluster"]["deletion_protection"] is False
    assert found["load_balancers"]["public"]["deletion_protection"] is False


def test_the_control_plane_keeps_the_zones_that_are_named_for_it() -> None:
    found = loaded(
        network={"zones": ["eu-west-1c", "eu-west-1b", "eu-west-1a"]},
        cluster={**MINIMAL["cluster"], "zones": ["eu-west-1c", "eu-west-1a"]},
    )
    assert found["cluster"]["zones"] == ("eu-west-1a", "eu-west-1c")
    assert found["network"]["zones"] == ("eu-west-1a", "eu-west-1b", "eu-west-1c")


def test_a_section_left_empty_counts_as_left_out() -> None:
    assert loaded(services=None, load_balancers=None, existing=None, environment=None) == loaded()


def test_settings_cannot_be_changed_after_loading() -> None:
    import pydantic
    import pytest

    settings = load(MINIMAL)
    with pytest.raises(pydantic.ValidationError):
        settings.cluster.version = "1.34"  # type: ignore[misc]


def test_lattice_defaults_are_signed_calls_that_are_logged_and_no_check_of_grpc() -> None:
    grpc = {"protocol": "grpc", "port": 50051, "grpc_services": ["acme.v1.Orders"]}
    web = {"protocol": "http", "port": 8080, "health": {"path": "/ready", "port": 8081, "success_codes": "200-299"}}
    exposed = {"expose": {"lattice": {"allow": ["arn:aws:iam::111122223333:role/billing"]}}}
    lists = {"prefix_lists": {"ipv4": "pl-0123456789abcdef0"}}
    found = loaded(lattice=lists, services={"orders": grpc | exposed, "web": web | exposed})
    assert found["lattice"] == {
        "auth": "iam",
        "access_logs": True,
        "log_retention": 90,
        "association": "vpc",
        "prefix_lists": {"ipv4": "pl-0123456789abcdef0", "ipv6": None},
        "share": None,
    }
    orders, site = (found["services"][name]["expose"]["lattice"] for name in ("orders", "web"))
    assert orders["health_check"] is None
    assert (orders["idle_timeout"], orders["longest_stream"]) == (60, None)
    assert site["health_check"] == {
        "port": 8081,
        "path": "/ready",
        "version": "HTTP1",
        "success_codes": "200-299",
        "interval": 15,
        "timeout": 5,
        "healthy": 2,
        "unhealthy": 2,
    }


def test_what_a_lattice_check_of_http_leaves_out_is_as_in_health() -> None:
    exposure = {"allow": ["arn:aws:iam::111122223333:role/billing"], "health_check": {"interval": 10, "path": "/up"}}
    web = {
        "protocol": "http",
        "port": 8080,
        "health": {"path": "/ready", "healthy": 3},
        "expose": {"lattice": exposure},
    }
    lists = {"prefix_lists": {"ipv4": "pl-0123456789abcdef0"}}
    check = loaded(lattice=lists, services={"web": web})["services"]["web"]["expose"]["lattice"]["health_check"]
    assert (check["path"], check["interval"], check["healthy"], check["port"]) == ("/up", 10, 3, 8080)
