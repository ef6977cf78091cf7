"""The local cloud: stand-ins for the aws, eks and kubernetes providers that the real Pulumi engine talks to.

It knows AWS and Kubernetes, and nothing of the components that use it. ``python -m local_cloud --help`` lists what a
person can do with it.
"""
