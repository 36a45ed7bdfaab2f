"""CloudEvents <-> bytes: JSON, JSON batch, HTTP, protobuf, chunks of a log. Pure: no I/O, no clock."""
