"""The analyzer that the Pulumi engine talks to (pulumi sdk/proto/pulumi/analyzer.proto).

It decodes a resource once, whatever the number of rules: the SDK's own servicer does so for every policy. Rules about
one resource are tried in `Analyze`, which also remembers its inputs; the others, waivers and the count of what could
not be evaluated in `AnalyzeStack`.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterable, Mapping
from concurrent import futures
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto import analyzer_pb2_grpc, plugin_pb2

from policies.engine import configuration, files
from policies.engine.configuration import NOT_EVALUATED, WAIVERS, Configuration, ConfigurationError, stated
from policies.engine.decode import Decoder, is_marked
from policies.engine.evaluate import Evaluator, Report
from policies.engine.kinds import kind_of
from policies.engine.remedies import remedied
from policies.engine.resource import Resource
from policies.engine.rule import Level, Registry, Rule, Severity
from policies.engine.verdict import Judge, Verdict

NAME: Final = "grpc-platform"
VERSION: Final = "1.0.0"
# The engine sends a whole stack in one message.
_LARGEST: Final = 400 * 1024 * 1024
_LEVELS: Final = {
    Level.MANDATORY: proto.MANDATORY,
    Level.ADVISORY: proto.ADVISORY,
    Level.DISABLED: proto.DISABLED,
}
_SEVERITIES: Final = {
    Severity.CRITICAL: proto.POLICY_SEVERITY_CRITICAL,
    Severity.HIGH: proto.POLICY_SEVERITY_HIGH,
    Severity.MEDIUM: proto.POLICY_SEVERITY_MEDIUM,
    Severity.LOW: proto.POLICY_SEVERITY_LOW,
}
_COMPUTED: Final = ("arn", "id")
_OWN: Final = {
    NOT_EVALUATED: ("Every mandatory rule could be evaluated", "Make the value known at preview, or run it once more."),
    WAIVERS: (
        "Waivers and baseline are needed, and no waiver has expired",
        "Renew it, or take it out.",
    ),
}


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """Answers the engine with what the rules of a registry find.

    today: the day that waivers expire by. folder: where the configuration files of environments are.
    """

    def __init__(self, registry: Registry, today: dt.date | None = None, folder: Path = files.FOLDER) -> None:
        self._registry = registry
        self._today = today or dt.datetime.now(tz=dt.UTC).date()
        self._folder = folder
        self._use(Configuration())

    def _use(self, chosen: Configuration) -> None:
        self._configuration = chosen
        levels = {rule.id: chosen.level(rule) for rule in self._registry}
        self._evaluator = Evaluator(self._registry, levels, chosen.options)
        self._judge = Judge(self._registry, chosen, self._today)
        self._seen = Report()
        self._inputs: dict[str, Resource] = {}

    # The engine's calls: their names are the protocol's.

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Where engine and program are."""
        return proto.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The version of the pack."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetAnalyzerInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What rules there are, and how each is configured."""
        info = proto.AnalyzerInfo(name=NAME, version=VERSION, supportsConfig=True, displayName="gRPC on AWS")
        info.policies.extend(_described(rule) for rule in self._registry)
        info.policies.extend(_own(name) for name in _OWN)
        for name, level, options in stated(self._configuration, self._registry):
            info.initialConfig[name].enforcementLevel = _LEVELS[level] if level else proto.REMEDIATE
            info.initialConfig[name].properties.update(options)
        return info

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Takes the configuration, `--policy-pack-config` over the files; one that is wrong ends the run.

        The engine has worked `all` out by now: it stands for every rule, whether that is off by default or not.
        """
        given = {name: _configured(each) for name, each in request.policyConfig.items()}
        everywhere = given.pop("all", {}).get("enforcementLevel")
        for rule in self._registry:
            off = rule.level is Level.DISABLED and self._configuration.level(rule) is Level.DISABLED
            if off and rule.id in given and given[rule.id]["enforcementLevel"] == everywhere:
                given[rule.id] = {**given[rule.id], "enforcementLevel": "disabled"}
        try:
            self._use(configuration.read(given, self._registry, self._folder))
        except ConfigurationError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"policy pack {NAME}:\n{error}")
        return empty_pb2.Empty()

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Reads the configuration files of the stack; what is wrong with them ends the run.

        A stack whose settings say that it is protected is so for the pack too.
        """
        found = files.of(request.stack.rpartition("/")[2], self._folder)
        try:
            chosen = files.read(found, self._registry, self._folder.parent.parent)
        except ConfigurationError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"policy pack {NAME}:\n{error}")
        self._use(replace(chosen, protected=chosen.protected or _is_protected(request.config)))
        return proto.AnalyzerStackConfigureResponse()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """No call takes long enough to be cancelled."""
        return empty_pb2.Empty()

    def Analyze(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tries the rules that are about this resource alone."""
        resource = self._evaluator.sound(_resource(request))
        self._inputs[resource.urn] = resource
        if not self._evaluator.concerns(resource.kind):
            return proto.AnalyzeResponse()
        report = self._evaluator.alone(resource)
        self._seen.add(report)
        return self._response(self._judge.verdicts(report))

    def AnalyzeStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tries the rules that are about several resources, and says what could not be evaluated."""
        resources = [self._whole(each) for each in request.resources]
        report = self._evaluator.together(resources)
        verdicts = [*self._judge.verdicts(report), *self._judge.of_exceptions()]
        self._seen.add(report)
        blind = len(self._seen.not_evaluated) + len(self._seen.failures)
        if blind:
            said = f"{blind} of {self._seen.pairs} pairs of rule and resource could not be evaluated"
            verdicts.append(Verdict(NOT_EVALUATED, Level.ADVISORY, "", "", said))
        return self._response(verdicts)

    def _whole(self, request: Any) -> Resource:
        """A resource of the stack with its inputs.

        The engine sends what the provider gave back, which in a preview is nothing at all where the provider itself is
        not configured yet, as before there is a cluster (pulumi sdk/go/common/resource/plugin/provider_plugin.go).
        """
        known = self._inputs.get(request.urn)
        # Where the inputs are known already only these two are of interest, and what the provider says is secret.
        whole = known is None or is_marked(request.properties)
        resource = _stack_resource(request, None if whole else _COMPUTED)
        if known is None:
            return self._evaluator.sound(replace(resource, partial=not resource.properties))
        computed = {key: resource.properties[key] for key in _COMPUTED if key in resource.properties}
        properties = {**computed, **known.properties}
        return replace(
            resource,
            properties=properties,
            secrets=(*resource.secrets, *known.secrets),
            ignored=(*resource.ignored, *known.ignored),
            faults=known.faults,
            unseen=known.unseen,
        )

    def Remediate(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Makes the changes that are safe, where the configuration asks for it."""
        response = proto.RemediateResponse()
        rules = [rule for rule in self._registry if rule.fix and rule.id in self._configuration.remediate]
        kind = kind_of(request.type).name
        if not any(kind in rule.kinds for rule in rules):
            return response
        properties, repaired = remedied(_resource(request), request.properties, rules, self._configuration.options)
        for rule in repaired:
            response.remediations.append(
                proto.Remediation(
                    policyName=rule.id,
                    policyPackName=NAME,
                    policyPackVersion=VERSION,
                    description=rule.title,
                    properties=properties,
                )
            )
        return response

    def _response(self, verdicts: Iterable[Verdict]) -> Any:
        response = proto.AnalyzeResponse()
        for each in verdicts:
            if each.kind == "waived" or (each.kind == "not evaluated" and self._is_advisory(each.rule)):
                continue
            response.diagnostics.append(self._diagnostic(each))
        return response

    def _is_advisory(self, identity: str) -> bool:
        rule = self._registry.get(identity)
        return rule is not None and self._configuration.level(rule) is Level.ADVISORY

    def _diagnostic(self, verdict: Verdict) -> Any:
        rule = self._registry.get(verdict.rule)
        title, remedy = (rule.title, rule.remedy) if rule else _OWN[verdict.rule]
        where = f"{verdict.path}: " if verdict.path and verdict.kind in ("finding", "known") else ""
        lines = [title, f"{where}{verdict.message}", f"Fix: {remedy}"]
        if rule:
            lines.append(f"See: {rule.source}")
        return proto.AnalyzeDiagnostic(
            policyName=verdict.rule,
            policyPackName=NAME,
            policyPackVersion=VERSION,
            description=title,
            message="\n".join(lines),
            enforcementLevel=_LEVELS[verdict.level],
            severity=_SEVERITIES[rule.severity if rule else Severity.HIGH],
            urn=verdict.urn,
        )


def _resource(request: Any) -> Resource:
    decoder = Decoder()
    properties = decoder.struct(request.properties)
    return Resource(
        type=request.type,
        name=request.name,
        urn=request.urn,
        properties=properties,
        parent=request.options.parent,
        protect=request.options.protect,
        secrets=tuple(decoder.secrets),
        provider=request.provider.urn,
        ignored=tuple(request.options.ignoreChanges),
    )


def _stack_resource(request: Any, keys: Iterable[str] | None) -> Resource:
    """A resource of the stack, with the properties of some keys or with all."""
    decoder = Decoder()
    given = request.properties
    return Resource(
        type=request.type,
        name=request.name,
        urn=request.urn,
        properties=decoder.struct(given) if keys is None else decoder.chosen(given, keys),
        parent=request.parent,
        dependencies=tuple(request.dependencies),
        property_dependencies={key: tuple(each.urns) for key, each in request.propertyDependencies.items()},
        protect=request.options.protect,
        secrets=tuple(decoder.secrets),
        provider=request.provider.urn,
        ignored=tuple(request.options.ignoreChanges),
    )


def _described(rule: Rule) -> Any:
    info = proto.PolicyInfo(
        name=rule.id,
        displayName=f"{rule.id} {rule.title}",
        description=rule.title,
        message=rule.why,
        enforcementLevel=_LEVELS[rule.level],
        severity=_SEVERITIES[rule.severity],
        policy_type=proto.POLICY_TYPE_STACK if rule.stack else proto.POLICY_TYPE_RESOURCE,
        remediation_steps=rule.remedy,
    )
    info.configSchema.properties.update({key: dict(option.schema) for key, option in rule.options.items()})
    return info


def _own(name: str) -> Any:
    title, remedy = _OWN[name]
    info = proto.PolicyInfo(
        name=name,
        displayName=f"{name} {title}",
        description=title,
        enforcementLevel=proto.MANDATORY,
        severity=proto.POLICY_SEVERITY_HIGH,
        policy_type=proto.POLICY_TYPE_STACK,
        remediation_steps=remedy,
    )
    own = configuration.OWN_OPTIONS[name]
    info.configSchema.properties.update({key: dict(option.schema) for key, option in own.items()})
    return info


def _is_protected(config: Mapping[str, str]) -> bool:
    """Whether the stack's settings say `environment.protected`; the engine gives structured values as JSON."""
    try:
        section = json.loads(config.get("grpc-platform:environment", ""))
    except ValueError:
        return False
    return isinstance(section, dict) and section.get("protected") in (True, "true")


def _configured(given: Any) -> dict[str, Any]:
    level = {proto.ADVISORY: "advisory", proto.MANDATORY: "mandatory", proto.DISABLED: "disabled"}.get(
        given.enforcementLevel, "remediate"
    )
    return {"enforcementLevel": level, **Decoder().struct(given.properties)}


def serve(registry: Registry) -> None:
    """Serves the pack on loopback and tells the engine the port, until the engine ends the process."""
    options = [("grpc.max_receive_message_length", _LARGEST), ("grpc.max_send_message_length", _LARGEST)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=options)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer(registry), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


__all__ = ["NAME", "VERSION", "Analyzer", "serve", "struct_pb2"]
