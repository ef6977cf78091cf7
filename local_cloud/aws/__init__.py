"""The stand-in for pulumi-resource-aws: a table row (a ``Kind``) per resource type, one small engine for all."""
