"""Set-up, the language host and the commands behind `make`."""
