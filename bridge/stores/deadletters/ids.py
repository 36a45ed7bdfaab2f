"""Ids of dead letters: the number of arrival, padded so that text sorts as numbers. Pure."""

from bridge.errors import InvalidInput

DIGITS = 16


def id_of(number: int) -> str:
    return f"{number:0{DIGITS}d}"


def find_number(letter_id: str) -> int | None:
    """The number behind an id; None if it is none."""
    if len(letter_id) == DIGITS and letter_id.isascii() and letter_id.isdigit():
        return int(letter_id)
    return None


def number_after(letter_id: str) -> int:
    """The number to go on behind: 0 for no id. Raises InvalidInput."""
    number = find_number(letter_id) if letter_id else 0
    if number is None:
        raise InvalidInput(f"{letter_id!r} is not the id of a dead letter")
    return number
