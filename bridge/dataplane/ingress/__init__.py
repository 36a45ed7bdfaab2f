"""The doors for events: gRPC and HTTP."""
