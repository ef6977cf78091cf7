"""The bare program of the benchmark."""
