"""Property values survive the way to the engine and back."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from local_cloud import values
from local_cloud.values import UNKNOWN, Asset, Secret, decode, encode, has_unknown, leaves, plain

_NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_SCALARS = st.none() | st.booleans() | _NUMBERS | st.text() | st.just(UNKNOWN)
_KEYS = st.text().filter(lambda key: key != rpc._special_sig_key)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    bare = inner.filter(lambda value: not isinstance(value, Secret))
    return st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4) | st.builds(Secret, bare)


VALUES = st.recursive(_SCALARS, _nested, max_leaves=12)


@given(st.dictionaries(_KEYS, VALUES, max_size=4))
def test_every_value_comes_back_from_the_wire(props: dict[str, Any]) -> None:
    assert decode(struct_pb2.Struct.FromString(encode(props).SerializeToString()), secrets=True) == props


@given(st.dictionaries(_KEYS, VALUES, max_size=4))
def test_unwrapped_secrets_leave_everything_else_alone(props: dict[str, Any]) -> None:
    assert decode(encode(props)) == plain(props)


@given(VALUES)
def test_an_unknown_is_found_at_any_depth(value: Any) -> None:
    assert has_unknown([{"a": value}, {"b": [Secret(UNKNOWN)]}])
    assert has_unknown(value) == (rpc.UNKNOWN.encode() in encode({"x": value}).SerializeToString())


def test_the_marks_are_those_of_the_sdk() -> None:
    assert values.UNKNOWN_TEXT == rpc.UNKNOWN
    wire = encode({"s": Secret("x"), "u": UNKNOWN, "a": Asset("asset", {"text": "t"})})
    assert wire.fields["s"].struct_value.fields[rpc._special_sig_key].string_value == rpc._special_secret_sig
    assert wire.fields["u"].string_value == rpc.UNKNOWN
    assert wire.fields["a"].struct_value.fields[rpc._special_sig_key].string_value == rpc._special_asset_sig


def _marked(signature: str, **fields: Any) -> dict[str, Any]:
    return decode(encode({"x": {rpc._special_sig_key: signature, **fields}}), secrets=True)


def test_outputs_and_references_of_the_engine_are_read() -> None:
    output = rpc._special_output_value_sig
    assert _marked(output, value=5, dependencies=["urn"])["x"] == 5
    assert _marked(output, dependencies=["urn"])["x"] is UNKNOWN
    assert _marked(output, value="p", secret=True)["x"] == Secret("p")
    assert _marked(rpc._special_resource_sig, urn="urn:a", id="vpc-1")["x"] == "vpc-1"
    assert _marked(rpc._special_resource_sig, urn="urn:a")["x"] == "urn:a"


def test_an_unknown_signature_is_not_taken_for_a_map() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        _marked("nonsense", value=1)


@pytest.mark.parametrize("text", sorted(values._UNKNOWN_TEXTS))
def test_every_unknown_of_the_engine_is_the_same_unknown(text: str) -> None:
    assert decode(encode({"x": [text]}))["x"][0] is UNKNOWN


def test_there_is_one_unknown_also_after_a_copy() -> None:
    assert copy.deepcopy({"a": [UNKNOWN]})["a"][0] is UNKNOWN
    assert copy.copy(UNKNOWN) is values.Unknown()


def test_a_secret_never_shows_itself() -> None:
    assert "hunter2" not in repr({"a": [Secret("hunter2")]})


def test_what_has_no_wire_form_is_named() -> None:
    with pytest.raises(TypeError, match="set"):
        encode({"x": {1, 2}})


def test_leaves_carry_their_path() -> None:
    value = {"a": [{"b": 1}, Secret({"c": True})], "d": {}, "e": []}
    assert list(leaves(value)) == [("a[0].b", 1), ("a[1].c", True), ("d", {}), ("e", [])]
