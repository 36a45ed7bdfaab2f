"""docs/transforms.md: every example is executed, byte by byte."""

import re
from pathlib import Path

import pytest

from bridge.codec.json import parse_event
from bridge.errors import InvalidTransform
from bridge.model.event import is_json
from bridge.rules.scope import Names, Scope
from bridge.rules.transform import compile_transform

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "transforms.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(?:json|text) (event|transform|payload|refused)\n(.*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)
EVENT = next(text for kind, text in BLOCKS if kind == "event").encode()
EXAMPLES = [(text, *BLOCKS[index + 1]) for index, (kind, text) in enumerate(BLOCKS) if kind == "transform"]


@pytest.mark.parametrize(("transform", "kind", "expected"), EXAMPLES)
def test_example(transform: str, kind: str, expected: str) -> None:
    """What the page says a transform gives, or why it is refused."""
    scope = Scope(parse_event(EVENT), "traffic", 0.0)
    if kind == "refused":
        with pytest.raises(InvalidTransform) as caught:
            render(transform, scope)
        assert str(caught.value) == expected
    else:
        body, content_type = render(transform, scope)
        assert body.decode() == expected
        block = f"```{'json' if is_json(content_type) else 'text'} payload\n{expected}\n```"
        assert block in PAGE


def render(transform: str, scope: Scope):
    compiled = compile_transform(transform.encode())
    assert compiled is not None
    return compiled.render(scope, Names("red-lights", "city-hall"))


def test_there_are_examples() -> None:
    """The page's blocks are found, and each transform says what it gives."""
    assert len(EXAMPLES) >= 15
    assert {kind for _, kind, _ in EXAMPLES} == {"payload", "refused"}


@pytest.mark.parametrize("form", ["original", "path", "constant", "template", "text", "aliyun", "aws"])
def test_every_form_is_described(form: str) -> None:
    """Each form has a row of the table."""
    assert re.search(rf"^\| `{form}: ", PAGE, re.MULTILINE)
