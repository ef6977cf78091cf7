"""The AWS Gateway API Controller: routes become VPC Lattice services, and leak when they go in the wrong order.

Sources: aws-application-networking-k8s docs and pkg (2.1). `model` says what a route means, `owned` brings the account
in line with it, `reconcile` is when.
"""
