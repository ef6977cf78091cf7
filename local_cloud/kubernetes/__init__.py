"""The kubernetes stand-in: what a cluster's API server, its controllers and Helm do with the objects a program sends.

``manifests.validate`` is the part that needs no cluster; ``provider`` is the Pulumi plug-in.
"""
