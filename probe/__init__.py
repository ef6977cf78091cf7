"""Checks a running gRPC endpoint from the client's side, whatever is in front of it."""
