"""What kind of environment this is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from .base import Keys, Says, Section, Text
from .forms import Flag, Whole, key
from .priorities import SLOTS

# Tagging API: key up to 128, value up to 256 characters, the prefix aws: is Amazon's own.
_TAG_SOURCE = "AWS General Reference, Tag naming limits and requirements"
# ALB User Guide, "Tags": no spaces at either end.
_TAG_KEY = Text(
    r"[\w.:/=+@-](?:[\w .:/=+@-]{0,126}[\w.:/=+@-])?",
    "1 to 128 letters, digits, spaces and _ . : / = + - @, not starting or ending with a space, not starting with aws:",
    refused=r"[aA][wW][sS]:.*",
)
TagKey = Annotated[str, _TAG_KEY]
TagValue = Annotated[
    str,
    Text(
        r"(?:[\w.:/=+@-](?:[\w .:/=+@-]{0,254}[\w.:/=+@-])?)?",
        "0 to 256 letters, digits, spaces and _ . : / = + - @, not starting or ending with a space",
    ),
]

# The name starts the stack's namespaces, `<stack>-<workload>`, of at most 63 characters (RFC 1123, section 2.1).
_STACK_NAME = key(30)
StackName = Annotated[str, _STACK_NAME]
Slot = Annotated[Whole, Field(ge=1, le=SLOTS)]


class Environment(Section):
    """What kind of environment the stack is."""

    kind: Annotated[
        Literal["all", "platform", "services"],
        Says(
            "Which part of the platform the stack holds. `all`: network, cluster, load balancers and services. "
            "`platform`: everything but services, for stacks of kind `services` to join, each with services of its "
            "own. See docs/stacks.md."
        ),
    ] = "all"
    services_stacks: Annotated[
        Mapping[StackName, Slot],
        Keys(_STACK_NAME),
        Says(
            "Kind `platform`: the stacks that may join, each with a number of its own from 1 to 20. The number decides "
            "which priorities a stack's listener rules have; it is given once and never changed."
        ),
    ] = Field(default_factory=dict)
    protected: Annotated[
        Flag,
        Says(
            "Whether the environment serves real users. Turns deletion protection on by default; needs image digests, "
            "two pods per workload, a node per zone and a cluster endpoint that is not open to everyone."
        ),
    ] = False
    tags: Annotated[
        Mapping[TagKey, TagValue],
        Field(max_length=40),
        # 50 is the limit for one resource; the rest is for the tags that the platform and Kubernetes add.
        Keys(_TAG_KEY),
        Says("Tags put on every AWS resource that takes tags; keys differ in more than case.", source=_TAG_SOURCE),
    ] = Field(default_factory=dict)
