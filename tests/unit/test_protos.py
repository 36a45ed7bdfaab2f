"""The generated code is what protos/ says."""

from tests import protos


def test_generated_code_is_up_to_date() -> None:
    """bridge/_proto equals a fresh generation from protos/; `make proto` mends it."""
    kept = {str(p.relative_to(protos.TARGET)): p.read_text("utf-8") for p in protos.TARGET.rglob("*.py*")
            if "__pycache__" not in p.parts}  # fmt: skip
    assert kept == protos.generated()
