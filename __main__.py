"""The Pulumi program: settings in, one Platform, its outputs out."""

import pulumi

from components import Platform, configuration, stacks


async def main() -> pulumi.Inputs:
    """Register everything the selected stack's settings ask for; the stack's outputs."""
    settings, region = await stacks.joined(*configuration.read())
    platform = Platform("platform", settings, region=region)
    await platform.register_workloads()
    outputs: pulumi.Inputs = platform.outputs
    return outputs


pulumi.run(main)
