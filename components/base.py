"""What every component shares: its type token and how it makes children."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pulumi

PACKAGE = "grpc-platform:index:"


class Component(pulumi.ComponentResource):
    """A component resource of this package.

    `type_name` is part of every child's URN and therefore an API: it is spelled out and never derived from the class
    name, so that renaming a class replaces nothing.
    """

    type_name: ClassVar[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(PACKAGE + self.type_name, name, {}, opts)
        self.name = name

    def child(
        self,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
        provider: pulumi.ProviderResource | None = None,
        delete_before_replace: bool | None = None,
        replace_on_changes: list[str] | None = None,
        protect: bool | None = None,
        delete_timeout: int | None = None,
    ) -> pulumi.ResourceOptions:
        """Options of a child: this component is the parent, the rest as given; `delete_timeout` in seconds."""
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(depends_on),
            provider=provider,
            delete_before_replace=delete_before_replace,
            replace_on_changes=replace_on_changes,
            protect=protect,
            custom_timeouts=pulumi.CustomTimeouts(delete=f"{delete_timeout}s") if delete_timeout else None,
        )
