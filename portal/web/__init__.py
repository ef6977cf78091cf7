"""The portal over HTTP: pages for people, JSON for pipelines."""
