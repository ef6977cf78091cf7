"""The CloudWatch metrics of load balancers and target groups that alarms and dashboards are made of.

Names, dimensions and when each is reported: ALB user guide, "CloudWatch metrics for your Application Load Balancer".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NAMESPACE: Final = "AWS/ApplicationELB"
PERIOD: Final = 60  # seconds; load balancers report once a minute


@dataclass(frozen=True)
class Place:
    """Where a metric is measured, as its dimensions want it: the last part of an ARN.

    load_balancer: `app/NAME/HASH`. target_group: `targetgroup/NAME/HASH`, empty for the whole load balancer.
    """

    load_balancer: str
    target_group: str = ""

    def dimensions(self) -> dict[str, str]:
        """Dimension names and values."""
        found = {"LoadBalancer": self.load_balancer}
        return {"TargetGroup": self.target_group, **found} if self.target_group else found


@dataclass(frozen=True)
class Share:
    """Bad calls in a hundred, from two metrics that are sums.

    `bad_included`: whether the calls already count the bad ones. Those that a load balancer answers itself it has
    mostly sent to no target, and `RequestCount` counts only calls for which a target was chosen.
    """

    bad: str
    calls: str = "RequestCount"
    bad_included: bool = True

    def expression(self, least_calls: int) -> str:
        """Metric math over the ids `bad` and `calls`: per cent, and 0 where a minute has too few calls to judge."""
        calls = "FILL(calls,0)" if self.bad_included else "(FILL(calls,0)+FILL(bad,0))"
        return f"IF({calls} >= {least_calls}, 100 * FILL(bad,0) / {calls}, 0)"


TARGET_ERRORS: Final = Share("HTTPCode_Target_5XX_Count")
BALANCER_ERRORS: Final = Share("HTTPCode_ELB_5XX_Count", bad_included=False)
REFUSED_CALLS: Final = Share("HTTPCode_ELB_4XX_Count", bad_included=False)
