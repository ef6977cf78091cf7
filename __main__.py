"""The Pulumi program: settings in, one Platform, its outputs out."""

import pulumi

from components import Platform, configuration

settings, region = configuration.read()
platform = Platform("platform", settings, region=region)
for name, value in platform.outputs.items():
    pulumi.export(name, value)
