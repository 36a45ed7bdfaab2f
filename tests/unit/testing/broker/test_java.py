"""Hash and order as Java has them; the values are Java's own."""

import pytest

from bridge.testing.broker.java import hash_map, java_hash


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 0), ("TagA", 2598919), ("TagB", 2598920), ("polygenelubricants", -2147483648), ("😀", 1772899)],
)
def test_a_text_has_the_hash_that_java_gives_it(text: str, value: int) -> None:
    """Over UTF-16 units, with 32 bits and a sign."""
    assert java_hash(text) == value


def test_properties_come_back_in_the_order_of_a_hash_map() -> None:
    """As recorded from a real broker."""
    names = ["KEYS", "WAIT", "TAGS", "CE_id", "UNIQ_KEY", "CLUSTER", "TRACE_ON", "MSG_REGION", "CE_type", "CE_source"]
    recorded = "CE_source CE_type MSG_REGION UNIQ_KEY CLUSTER TAGS CE_id KEYS WAIT TRACE_ON"
    assert list(hash_map((name, "") for name in names)) == recorded.split()


def test_a_full_map_doubles() -> None:
    """With more names than three quarters of its places nothing is lost."""
    assert len(hash_map((str(number), "") for number in range(500))) == 500
