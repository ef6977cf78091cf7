"""The pull-request gate: what a change would replace or delete, and which rules it breaks, without any credential."""
