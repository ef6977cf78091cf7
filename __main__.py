"""The Pulumi program: settings in, one Platform, its outputs out."""

import pulumi

from components import Platform, configuration


async def main() -> pulumi.Inputs:
    """Register everything the selected stack's settings ask for; the stack's outputs."""
    settings, region = configuration.read()
    platform = Platform("platform", settings, region=region)
    await platform.register_workloads()
    return platform.outputs


pulumi.run(main)
