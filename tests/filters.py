"""Random filters, as JSON values, and events to go with them."""

from typing import Any

from hypothesis import strategies as st

from tests.expressions import TEXTS, events, expressions

__all__ = ["events", "filters"]

_ATTRIBUTES = st.sampled_from(["id", "type", "source", "subject", "speed", "urgent", "bin", "missing"])
_WANTED = st.sampled_from([text for text in TEXTS if text] + ["1", "/j/7", "light.", "ed", "-", "AP8="])
_compared = st.dictionaries(_ATTRIBUTES, _WANTED, min_size=1, max_size=2)
_simple = st.one_of(
    st.tuples(st.sampled_from(["exact", "prefix", "suffix"]), _compared),
    st.tuples(st.sampled_from(["sql", "cesql"]), expressions.map(str)),
).map(lambda pair: dict([pair]))


def _larger(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(parts, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"all": some}),
        st.fixed_dictionaries({"any": some}),
        st.fixed_dictionaries({"not": parts}),
    )


filters = st.recursive(_simple, _larger, max_leaves=4)
