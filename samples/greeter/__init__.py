"""Greeter: a gRPC server and client that behave well behind a load balancer, and the same API as REST."""
