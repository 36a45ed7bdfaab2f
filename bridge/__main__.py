"""``python -m bridge``: the `bridge` command."""

from bridge.cli.main import main

if __name__ == "__main__":
    main()
