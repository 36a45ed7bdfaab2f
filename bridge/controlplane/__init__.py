"""Resources in, resources out: one file per kind with special rules, plus HTTP and gRPC."""
