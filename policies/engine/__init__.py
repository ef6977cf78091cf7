"""The rule engine: resources as rules see them, the rules' form, evaluation, and the analyzer that Pulumi talks to."""
