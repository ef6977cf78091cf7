"""The self-service portal: preview, policies, approval, apply, for people who need not know Pulumi."""
