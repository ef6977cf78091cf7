"""The stand-in for pulumi-resource-aws: the engine's calls, carried out on the account."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from local_cloud import process, schema
from local_cloud.aws import catalogue
from local_cloud.aws.account import PROVIDER, Account
from local_cloud.aws.check import bare, checked
from local_cloud.aws.diff import difference
from local_cloud.aws.kind import Failure, Kind, Props, Refusal, Row, Value
from local_cloud.aws.words import meant, said
from local_cloud.package_schema import package_schema
from local_cloud.plugin import Call, Difference, Plugin, Refused
from local_cloud.store import Store
from local_cloud.values import UNKNOWN

_EMPTY: Final[Props] = {"str": "", "bool": False, "int": 0, "float": 0, "list": [], "map": {}}
_NO_SUCH_TYPE: Final = "the local cloud does not know the resource type {}{}"


class Aws(Plugin):
    """One provider process. Each create, update and delete is one transaction of the store."""

    package = "aws"

    def __init__(self, store: Store | None = None) -> None:
        self.version = version("pulumi-aws")
        self.store: Store = store or Store()
        self.account = Account(self.store)
        self._default_tags: Props = {}
        self._adopted_ids: set[tuple[str, str]] = set()
        self._types = schema.load("pulumi_aws", catalogue.KINDS)

    # The provider's own configuration

    def check_config(self, call: Call) -> tuple[Props, list[Failure]]:
        """Region and default tags matter here; the rest (endpoints, profiles, retries) is accepted and unused."""
        region = call.news.get("region")
        if region is UNKNOWN:
            return call.news, []
        if not region:
            return call.news, [Failure("", "Missing region configuration: run `pulumi config set aws:region REGION`")]
        if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", str(region)):
            return call.news, [Failure("", f"Invalid AWS Region: {region} (a valid one looks like eu-west-1)")]
        return call.news, []

    def diff_config(self, call: Call) -> Difference:
        """The provider itself is never replaced."""
        changed = {key for key in call.news.keys() | call.olds.keys() if call.news.get(key) != call.olds.get(key)}
        return Difference(dict.fromkeys(sorted(changed - {"version"}), "update"))

    def configure(self, config: Props) -> None:
        """Nested values arrive as JSON text from ``Pulumi.<stack>.yaml`` and as objects from a provider resource."""
        region, default = config.get("region"), _parsed(config.get("defaultTags"))
        self.account.region = region if isinstance(region, str) and region else self.account.region
        tags = default.get("tags") if isinstance(default, dict) else None
        self._default_tags = tags if isinstance(tags, dict) else {}

    # Resources

    def check(self, call: Call) -> tuple[Props, list[Failure]]:
        """Types, defaults, names and the provider's plan-time validations."""
        types = self._known(call.type)
        if call.olds:
            self.store.name_oldest(call.urn)
        return checked(catalogue.KINDS.get(call.type), types, call, self.store.orphan(call.urn))

    def diff(self, call: Call) -> Difference:
        """In place, or by replacement; refused for a type whose create-only properties nobody has looked up."""
        self._named(call)
        kind = catalogue.KINDS.get(call.type)
        if kind is not None:
            return difference(kind, call.old_inputs, call.news, call.ignore)
        if bare(call.old_inputs) == bare(call.news):
            return Difference()
        raise Refused(f"replacement behaviour unknown: the local cloud has no table row for {call.type}")

    def create(self, call: Call) -> tuple[str, Props]:
        """Makes the resource, or adopts what a killed engine left behind under this URN."""
        kind = self._kind(call.type)
        props: Props = bare(call.news)
        if call.preview:
            return "", self._previewed(kind, props)
        try:
            with self.store.transaction():
                row = self._adopted(kind, call, props) or self._created(kind, call, props)
        except Refusal as refusal:
            raise Refused(said(kind, "create", _name(kind, props), refusal)) from None
        process.die_after("create", call.urn)
        return row.id, row.outputs

    def read(self, call: Call) -> tuple[str, Props, Props]:
        """The live state, for refresh and import; an empty id when it is gone."""
        kind = catalogue.KINDS.get(call.type)
        identity = call.id
        if kind and kind.locate and self.account.get(kind.token, identity) is None:
            identity = kind.locate(self.account, identity)
        row = self._named(replace(call, id=identity))
        return (row.id, row.inputs, row.outputs) if row else ("", {}, {})

    def update(self, call: Call) -> Props:
        """Changes the resource in place."""
        kind = self._kind(call.type)
        props: Props = bare(call.news)
        row = self._named(call)
        if call.preview:
            before = row.outputs if row else call.olds
            unknown = dict.fromkeys(kind.volatile, UNKNOWN)
            planned = {**_kept(before, call.old_inputs), **_nested(before, call.old_inputs, props)}
            return {**planned, **self._always(kind, props), **unknown}
        if row is None:
            raise Refused(said(kind, "update", call.id, Refusal("", "couldn't find resource")))
        try:
            with self.store.transaction():
                row = self._changed(kind, row, call.news, refusing=True)
        except Refusal as refusal:
            raise Refused(said(kind, "update", call.id, refusal)) from None
        process.die_after("update", call.urn)
        return row.outputs

    def delete(self, call: Call) -> None:
        """Removes the resource unless AWS would keep it; one that is gone already is a success."""
        kind = self._kind(call.type)
        row = self._named(call)
        if row is None or (row.token, row.id) in self._adopted_ids:
            return  # adopted in this very run: what the engine takes for the old one is the new one
        try:
            with self.store.transaction():
                for refuse in kind.refuse_delete:
                    refuse(self.account, row)
                self._dropped(kind, row)
        except Refusal as refusal:
            raise Refused(said(kind, "delete", call.id, refusal)) from None
        process.die_after("delete", call.urn)

    def described(self) -> str:
        """The resource types with a row."""
        return package_schema(self.package, self.version, self._types)

    # Steps

    def _known(self, token: str) -> schema.Types:
        if token not in self._types.inputs:
            self._types = schema.load("pulumi_aws", [*catalogue.KINDS, token])
        if token not in self._types.inputs:
            raise Refused(_NO_SUCH_TYPE.format(token, meant(token, catalogue.KINDS)))
        return self._types

    def _kind(self, token: str) -> Kind:
        return catalogue.KINDS.get(token) or catalogue.bare_kind(token)

    def _named(self, call: Call) -> Row | None:
        """The resource with this id; the engine naming it is recorded, and its URN where an alias has changed it."""
        row = self.account.get(self._kind(call.type).token, call.id)
        if row is not None and row.urn != call.urn:
            self.store.rename(row, call.urn)
        if row is not None:
            self.store.name(row)
        return row

    def _always(self, kind: Kind, props: Props) -> Props:
        """Outputs every resource of the SDK has, known in preview too."""
        state = self._known(kind.token).states[kind.token].properties
        always: Props = {}
        if "tagsAll" in state:
            tags = props.get("tags") or {}
            always["tagsAll"] = tags if tags is UNKNOWN else {**self._default_tags, **tags}
        if "region" in state:
            always["region"] = props.get("region", self.account.region)
        return always

    def _computed(self, kind: Kind) -> Props:
        """What AWS fills in, each with the empty value of its type (which the state has where AWS says nothing)."""
        types = self._known(kind.token)
        state, inputs = types.states[kind.token].properties, types.inputs[kind.token].properties
        names = kind.computed | (state.keys() - inputs.keys())
        kinds = {name: state.get(name, inputs.get(name)) for name in sorted(names)}
        return {name: _EMPTY.get(of if isinstance(of, str) else of[0]) for name, of in kinds.items() if of is not None}

    def _previewed(self, kind: Kind, props: Props) -> Props:
        types = self._known(kind.token)
        computed = kind.computed | (
            types.states[kind.token].properties.keys() - types.inputs[kind.token].properties.keys()
        )
        unknown = {key: UNKNOWN for key in computed if key not in props}
        known = kind.preview(props) if kind.preview else {}
        return {**props, **unknown, **self._always(kind, props), **known}

    def _created(self, kind: Kind, call: Call, props: Props) -> Row:
        if kind.name and kind.name.property not in props and f"{kind.name.property}Prefix" in props:
            props[kind.name.property] = props[f"{kind.name.property}Prefix"] + str(int(self.account.hex(20), 16)).zfill(
                26
            )
        for refuse in kind.refuse_create:
            refuse(self.account, props)
        identity = kind.identify(self.account, props)
        empty = {name: value for name, value in self._computed(kind).items() if value is not None}
        outputs = {**empty, **props, **self._always(kind, props), **kind.outputs(self.account, identity, props)}
        try:
            row = self.store.insert(Row(identity, kind.token, call.urn, call.news, outputs, PROVIDER))
        except KeyError:
            raise Refusal("", f"{identity} already exists") from None
        for effect in kind.after_create:
            effect(self.account, row)
        return self.account.get(kind.token, identity) or row

    def _adopted(self, kind: Kind, call: Call, props: Props) -> Row | None:
        """The orphan of this URN, brought up to the new inputs; one that AWS could not change so makes room."""
        orphan = self.store.orphan(call.urn)
        if orphan is None or orphan.token != kind.token:
            return None
        if not difference(kind, orphan.inputs, call.news).replaces:
            self._adopted_ids.add((orphan.token, orphan.id))
            self.store.expect_naming(orphan)
            return self._changed(kind, orphan, call.news, refusing=False)
        self._dropped(kind, orphan)
        return None

    def _changed(self, kind: Kind, row: Row, news: Props, *, refusing: bool) -> Row:
        props: Props = bare(news)
        for refuse in kind.refuse_update if refusing else ():
            refuse(self.account, row, props)
        kept = _kept(row.outputs, row.inputs)
        outputs = {**kept, **props, **self._always(kind, props), **kind.outputs(self.account, row.id, props)}
        changed = replace(row, inputs=news, outputs=outputs)
        self.store.update(changed)
        for effect in kind.after_update:
            effect(self.account, row, changed)
        return self.account.get(kind.token, row.id) or changed

    def _dropped(self, kind: Kind, row: Row) -> None:
        self.store.delete(row)
        for effect in kind.after_delete:
            effect(self.account, row)


def _nested(before: Props, old_inputs: Props, props: Props) -> Props:
    """New inputs, each object with what AWS had computed inside it (the cluster security group in ``vpcConfig``).

    An update in place plans such values as they are (hashicorp/terraform-plugin-sdk: computed attributes of a block).
    """
    planned = dict(props)
    for name, given in props.items():
        earlier, typed = before.get(name), old_inputs.get(name)
        if isinstance(given, dict) and isinstance(earlier, dict) and isinstance(typed, dict):
            planned[name] = {**{key: value for key, value in earlier.items() if key not in typed}, **given}
    return planned


def _kept(outputs: Props, inputs: Props) -> Props:
    """The computed part of a state."""
    return {key: value for key, value in outputs.items() if key not in inputs}


def _name(kind: Kind, props: Props) -> str:
    return str(props.get(kind.name.property, "")) if kind.name else ""


def _parsed(value: Value) -> Value:
    if isinstance(value, str) and value[:1] in {"{", "["}:
        return json.loads(value)
    return value
