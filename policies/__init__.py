"""The policy pack: rules about gRPC on AWS, on one engine that fails closed. It imports nothing of the project."""
