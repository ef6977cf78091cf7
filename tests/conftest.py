"""The one place for what is peculiar about testing Pulumi programs: mocks, event loops, configuration."""

import asyncio
import gc
import inspect
import json
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks, resource, rpc
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import source_pb2

from local_cloud.store import Row, Store
from tools.engine import LocalEngine, Result

CHECKOUT = Path(__file__).resolve().parent.parent
PROJECT = "grpc-platform"
STACK = "test"
REGION = "eu-west-1"
REFERENCE_KEY = rpc._special_sig_key
REFERENCE = rpc._special_resource_sig


def pytest_configure() -> None:
    """A shell starts background jobs with SIGINT ignored, and every child inherits that: tests interrupt theirs."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # With each resource the SDK sends the stack that made it, to an engine that shows it. Under mocks nobody looks, and
    # the stack is pytest's: a fifth of the time of such tests.
    resource._get_stack_trace = source_pb2.StackTrace


def pytest_collection_finish() -> None:
    """What is imported by now stays: a search for garbage need not go through it, nor as often as by default."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with most tests on the engine come first: a worker that gets one last works alone for minutes."""
    engine = Counter(item.path for item in items if item.get_closest_marker("engine"))
    items.sort(key=lambda item: -engine[item.path])


@dataclass(frozen=True)
class Registered:
    """One resource as the program registered it."""

    type: str
    name: str
    urn: str
    inputs: dict[str, Any]
    depends_on: tuple[str, ...]
    protect: bool
    delete_before_replace: bool | None
    replace_on_changes: tuple[str, ...]
    provider: str


@dataclass
class Registrations:
    """What a program registered, in order, with the look-ups that tests read like sentences."""

    all: list[Registered] = field(default_factory=list)

    def of(self, type_: str) -> list[Registered]:
        return [each for each in self.all if each.type == type_]

    def one(self, type_: str, name: str | None = None) -> Registered:
        found = [each for each in self.of(type_) if name in {None, each.name}]
        assert len(found) == 1, f"{len(found)} of {type_} {name}: {[each.name for each in self.of(type_)]}"
        return found[0]

    def names(self, type_: str) -> list[str]:
        return sorted(each.name for each in self.of(type_))


class FakeCloud(mocks.Mocks):
    """Outputs just real enough for the program: ids and ARNs from types and names."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program looked something up at preview: {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = dict(args.inputs)
        identifier = f"{args.name}-id"
        outputs.setdefault("arn", f"arn:aws:{args.typ}:{args.name}")
        if args.typ == "aws:acm/certificate:Certificate":
            domains = [args.inputs["domainName"], *args.inputs.get("subjectAlternativeNames", [])]
            outputs["domainValidationOptions"] = [_validation(domain) for domain in domains]
        if args.typ == "aws:ecr/repository:Repository":
            outputs["repositoryUrl"] = f"111122223333.dkr.ecr.{REGION}.amazonaws.com/{args.inputs['name']}"
        if args.typ == "aws:lb/loadBalancer:LoadBalancer":
            outputs["arnSuffix"] = f"app/{args.name}/50dc6c495c0c9188"
            outputs |= {"dnsName": f"{args.name}.elb.amazonaws.com", "zoneId": "Z32O12XQLNTSW2"}
        if args.typ == "aws:lb/targetGroup:TargetGroup":
            outputs["arnSuffix"] = f"targetgroup/{args.name}/73e2d6bc24d8a067"
        if args.typ == "aws:route53/record:Record":
            outputs["fqdn"] = args.inputs.get("name")
        if args.typ == "aws:vpclattice/serviceNetwork:ServiceNetwork":
            outputs["arn"] = f"arn:aws:vpc-lattice:{REGION}:111122223333:servicenetwork/sn-0123456789abcdef0"
        outputs |= _addressed(args.typ, f"k8s-{args.name}.elb.amazonaws.com")
        if args.typ.startswith("kubernetes:gateway.networking.k8s.io/") and args.typ.endswith("Route"):
            outputs["metadata"] = _assigned(args.inputs["metadata"])
        if args.typ.startswith("kubernetes:") and isinstance(outputs.get("metadata"), Mapping):
            outputs["metadata"] = {"name": f"{args.name}-auto", **outputs["metadata"]}
        return identifier, outputs


def _addressed(kind: str, host: str) -> dict[str, Any]:
    """The status of what the load balancer controller makes a load balancer of."""
    if kind == "kubernetes:networking.k8s.io/v1:Ingress":
        return {"status": {"loadBalancer": {"ingress": [{"hostname": host}]}}}
    if kind == "kubernetes:gateway.networking.k8s.io/v1:Gateway":
        return {"status": {"addresses": [{"type": "Hostname", "value": host}]}}
    return {}


def _assigned(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A route once the VPC Lattice controller has made its service; others are as they were."""
    name = metadata["annotations"].get("application-networking.k8s.aws/service-name-override")
    if name is None:
        return dict(metadata)
    domain = f"{name}-0123456789abcdef0.7d67968.vpc-lattice-svcs.{REGION}.on.aws"
    assigned = {"application-networking.k8s.aws/lattice-assigned-domain-name": domain}
    return {**metadata, "annotations": {**metadata["annotations"], **assigned}}


def _validation(domain: str) -> dict[str, str]:
    base = domain.removeprefix("*.")
    return {
        "domainName": domain,
        "resourceRecordName": f"_x.{base}.",
        "resourceRecordType": "CNAME",
        "resourceRecordValue": "_y.acm-validations.aws.",
    }


@contextmanager
def _worker_loop() -> Iterator[None]:
    """The SDK makes an event loop in each of its worker threads and never closes it; this one ends with the call."""
    if threading.current_thread() is threading.main_thread():
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _without_references(struct: Any) -> None:
    """Make plain maps of resource references: the SDK would look each one up on a loop that nobody runs."""
    if REFERENCE_KEY in struct.fields and struct.fields[REFERENCE_KEY].string_value == REFERENCE:
        del struct.fields[REFERENCE_KEY]
    for value in struct.fields.values():
        _without_references_in(value)


def _without_references_in(value: Any) -> None:
    if value.WhichOneof("kind") == "struct_value":
        _without_references(value.struct_value)
    for each in value.list_value.values if value.WhichOneof("kind") == "list_value" else ():
        _without_references_in(each)


class RecordingMonitor(mocks.MockMonitor):
    """The SDK's mock monitor, which also remembers options and gives the eks component its children."""

    def __init__(self) -> None:
        super().__init__(FakeCloud())
        self.seen = Registrations()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        _without_references(request.object)
        with _worker_loop():
            response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
            self._remember(request, response.urn)
            if request.type == "eks:index:Cluster":
                self._eks_children(request, response)
            return response

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        with _worker_loop():
            return super().Invoke(request)  # type: ignore[no-untyped-call]

    def _remember(self, request: Any, urn: str) -> None:
        if request.type == "pulumi:pulumi:Stack":
            return
        self.seen.all.append(
            Registered(
                type=request.type,
                name=request.name,
                urn=urn,
                inputs=rpc.deserialize_properties(request.object),
                depends_on=tuple(sorted(request.dependencies)),
                protect=request.protect,
                delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
                replace_on_changes=tuple(request.replaceOnChanges),
                provider=request.provider,
            )
        )

    def _eks_children(self, request: Any, response: Any) -> None:
        inputs = rpc.deserialize_properties(request.object)
        child = self.make_urn(response.urn, "aws:eks/cluster:Cluster", f"{request.name}-eksCluster")
        self.resources[child] = self.ResourceRegistration(
            child,
            inputs["name"],
            {
                "name": inputs["name"],
                "endpoint": "https://cluster.example.com",
                "certificateAuthority": {"data": "LS0tLS1CRUdJTg=="},
                "vpcConfig": {"clusterSecurityGroupId": "sg-cluster"},
            },
        )
        reference = {REFERENCE_KEY: REFERENCE, "urn": child, "id": inputs["name"], "packageVersion": ""}
        outputs = {
            "eksCluster": reference,
            "core": {"endpoint": "https://cluster.example.com"},
            "kubeconfigJson": json.dumps({"clusters": [inputs["name"]]}),
            "clusterSecurityGroupId": "sg-cluster",
        }
        response.object.update(outputs)


@pytest.fixture(autouse=True)
def _definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the local cloud: definitions of custom resources are on the cluster already, none is fetched."""
    monkeypatch.setenv("GRPC_PLATFORM_CRDS", "present")


@pytest.fixture(autouse=True)
def _event_loop() -> Iterator[None]:
    """Pulumi's mocks need a loop in the main thread; each test gets its own and closes it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


Register = Callable[..., Registrations]


@pytest.fixture
def register() -> Register:
    """`register(program, config=..., stack=..., preview=...)` runs a program under mocks and returns what it did."""

    def run(
        program: Callable[[], object],
        *,
        config: Mapping[str, Any] | None = None,
        stack: str = STACK,
        preview: bool = False,
    ) -> Registrations:
        monitor = RecordingMonitor()
        mocks.set_mocks(monitor.mocks, project=PROJECT, stack=stack, preview=preview, monitor=monitor)
        set_all_config({"aws:region": REGION, **_encoded(config or {})})
        pulumi.runtime.test(lambda: _awaited(program))()  # type: ignore[no-untyped-call]
        return monitor.seen

    return run


async def _awaited(program: Callable[[], object]) -> None:
    """What the program returns is a coroutine to await, or of no interest (mocks would try to unwrap a component)."""
    result = program()
    if inspect.iscoroutine(result):
        await result


def _encoded(config: Mapping[str, Any]) -> dict[str, str]:
    return {f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


MINIMAL: dict[str, Any] = {
    "existing": {"hosted_zone": {"id": "Z0123456789ABCDEFGHIJ", "name": "dev.example.com"}},
    "network": {"zones": ["eu-west-1a", "eu-west-1b"]},
    "cluster": {"node_groups": {"general": {"instance_types": ["m7g.large"]}}},
    "load_balancers": {"public": {"scheme": "internet-facing"}},
    "services": {
        "orders": {
            "protocol": "grpc",
            "port": 50051,
            "image": {"uri": "ghcr.io/acme/orders", "tag": "1.4.2"},
            "grpc_services": ["acme.orders.v1.Orders"],
            "expose": {"alb": {"host": "orders.dev.example.com"}},
        }
    },
}


@pytest.fixture
def minimal() -> dict[str, Any]:
    """The smallest settings that make a whole platform; each test gets its own copy to change."""
    return deepcopy(MINIMAL)


@pytest.fixture
def platform(register: Register) -> Callable[[Mapping[str, Any]], Registrations]:
    """`platform(settings)` registers the whole platform under mocks."""
    from components import settings
    from components.platform import Platform

    def run(raw: Mapping[str, Any], **options: Any) -> Registrations:
        loaded = settings.load(raw, region=REGION)
        return register(lambda: Platform("platform", loaded, region=REGION).register_workloads(), **options)

    return run


@dataclass
class World:
    """The program in a folder of its own, on a local cloud of its own, with one stack selected at a time."""

    program: Path
    engine: LocalEngine
    stack: str = "test"

    def configure(self, raw: Mapping[str, Any]) -> None:
        """Write the stack file; the encryption salt that `stack init` put there stays."""
        file = self.program / f"Pulumi.{self.stack}.yaml"
        kept = yaml.safe_load(file.read_text()) if file.exists() else {}
        config = {"aws:region": REGION, **{f"{PROJECT}:{key}": value for key, value in raw.items()}}
        file.write_text(yaml.safe_dump({**(kept or {}), "config": config}, sort_keys=False))

    def run(self, *args: str, check: bool = True) -> Result:
        """`pulumi <args>` on the selected stack."""
        return self.engine.run(*args, "--stack", self.stack, cwd=self.program, check=check)

    def up(self) -> Result:
        return self.run("up", "--yes", "--skip-preview")

    def steps(self, *args: str) -> dict[str, list[str]]:
        """What a preview would do: names by operation."""
        planned: dict[str, list[str]] = {}
        for step in self.run("preview", "--json", *args).json()["steps"]:
            planned.setdefault(step["op"], []).append(step["urn"].rpartition("::")[2])
        return planned

    def cloud(self, token: str = "") -> list[Row]:
        """What exists, of one type or at all."""
        store = Store(self.engine.store)
        try:
            return store.rows(token=token or None)
        finally:
            store.close()


def new_world(root: Path, program: str | None = None, *, throw_away: bool = True) -> World:
    """A world under `root`: the platform's program, or the text of another one."""
    folder = root / "program"
    folder.mkdir(parents=True)
    for name in ("Pulumi.yaml", ".venv", *(("__main__.py", "components") if program is None else ())):
        (folder / name).symlink_to(CHECKOUT / name)
    if program is not None:
        (folder / "__main__.py").write_text(program)
    world = World(folder, LocalEngine.create(root / "cloud", throw_away=throw_away))
    world.engine.run("stack", "init", world.stack, cwd=folder)
    return world


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty world with the platform's program."""
    return new_world(tmp_path)
