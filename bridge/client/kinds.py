"""The kinds of resources that a client can name, in whatever form people type them."""

from typing import NamedTuple

from bridge.errors import InvalidInput


class Kind(NamedTuple):
    """``Rule``, its plural in routes, and whether it is named within a bus."""

    name: str
    plural: str
    in_bus: bool


KINDS = (Kind("Bus", "buses", in_bus=False), Kind("Rule", "rules", in_bus=True))
_BY_WORD = {word: kind for kind in KINDS for word in (kind.name.lower(), kind.plural)}


def kind_of(word: str) -> Kind:
    """``rule``, ``rules``, ``Rule``: the kind. Raises InvalidInput."""
    try:
        return _BY_WORD[word.lower()]
    except KeyError:
        raise InvalidInput(f"{word!r} is no kind; known are {', '.join(_BY_WORD)}") from None
