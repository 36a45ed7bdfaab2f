"""The command line. Uses only `bridge.client`."""
