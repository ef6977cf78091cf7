"""What every section of the settings shares: frozen models, the forms of text and names, and what the schema says.

Settings are read twice at most. The first pass finds every fault of form. When there is one, a second, *salvage* pass
keeps all that is sound and puts `BROKEN` where it is not, so that rules between fields can still be tried on the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .broken import BROKEN

SALVAGE: Final = "salvage"


def _salvaging(info: ValidationInfo) -> bool:
    return isinstance(info.context, dict) and bool(info.context.get(SALVAGE))


def _settle(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """Validate; in the salvage pass a fault becomes `BROKEN` instead of an error."""
    if value is not None and value is not BROKEN:
        try:
            return handler(value)
        except ValidationError:
            if not _salvaging(info):
                raise
    elif value is None and not _salvaging(info):
        raise PydanticCustomError("empty", "empty")
    return BROKEN


class Section(BaseModel):
    """Base of every settings model: frozen, unknown keys refused, an empty value is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _settle_field(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        return _settle(value, handler, info)

    @model_validator(mode="before")
    @classmethod
    def _prune(cls, value: Any, info: ValidationInfo) -> Any:
        """In the salvage pass drop unknown keys and mark missing ones."""
        if not _salvaging(info) or not isinstance(value, Mapping):
            return value
        kept = {name: value[name] for name in cls.model_fields if name in value}
        missing = {
            name: BROKEN for name, field in cls.model_fields.items() if field.is_required() and name not in value
        }
        return kept | missing


@dataclass(frozen=True)
class Says:
    """What the schema and the reference say of a field.

    `default` describes in words a default that is worked out from other settings; `source` is the AWS or Kubernetes
    page that sets the limit.
    """

    text: str
    default: str = ""
    source: str = ""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        shown = handler(schema)
        shown["description"] = self.text
        if self.default:
            shown["x-default"] = self.default
        if self.source:
            shown["x-source"] = self.source
        return shown


@dataclass(frozen=True)
class Text:
    """Text of a given form. `allowed` completes the sentence "must be …"."""

    pattern: str
    allowed: str
    maximum: int = 0
    refused: str = ""
    """A pattern of what the form admits but we do not, such as reserved words."""

    def fits(self, value: str) -> bool:
        """Whether the value has the form."""
        if self.maximum and len(value) > self.maximum:
            return False
        if self.refused and re.fullmatch(self.refused, value):
            return False
        return re.fullmatch(self.pattern, value) is not None

    def _check(self, value: str) -> str:
        if not self.fits(value):
            raise PydanticCustomError("shape", "shape", {"allowed": self.allowed})
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        shown = handler(schema)
        guard = f"(?!(?:{self.refused})$)" if self.refused else ""
        shown["pattern"] = f"^{guard}(?:{self.pattern})$"
        if self.maximum:
            shown["maxLength"] = self.maximum
        shown["x-allowed"] = self.allowed
        return shown


@dataclass(frozen=True)
class Planned:
    """Values that will exist one day: refused with "not available yet" rather than as a typing error."""

    values: tuple[str, ...]

    def _check(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, str) and value in self.values:
            raise PydanticCustomError("planned", "planned")
        return handler(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._check, handler(source))


@dataclass(frozen=True)
class Keys:
    """The form of the keys of a map, which become names."""

    text: Text
    known: tuple[str, ...] = ()
    """The closed set the keys are from, when there is one."""

    def _check(self, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if _salvaging(info) and isinstance(value, Mapping):
            value = {key: item for key, item in value.items() if isinstance(key, str) and self.text.fits(key)}
        return handler(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_wrap_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        shown = handler(schema)
        shown["x-keys"] = self.text.allowed
        if self.known:
            shown["x-known-keys"] = list(self.known)
        return shown


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("shape", "shape", {"allowed": "a list in which each value occurs once"})
    return values


EACH_ONCE: Final = AfterValidator(_each_once)
Item = TypeVar("Item")
Settled = Annotated[Item, WrapValidator(_settle)]
"""A map entry that is judged apart from its neighbours."""
