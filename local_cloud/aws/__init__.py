"""The stand-in for pulumi-resource-aws: one table row (a ``Kind``) per resource type, one small engine for all of them."""
