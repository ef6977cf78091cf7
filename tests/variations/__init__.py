"""Every setting with a value that is not its default: for tests that turn them on one by one, or many at random."""
