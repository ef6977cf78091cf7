"""Benchmarks: the platform beside a bare program that registers the same resources, as ratios within one run."""
