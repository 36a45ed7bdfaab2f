"""Secrets in configs: which there are, how they are shown, and what becomes of a mask that comes back."""

import json
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.connectors.base import Config, Kinds, Target, field
from bridge.controlplane.secrets import MASK, find_secrets, mask_rule, unmask_rule
from bridge.errors import InvalidConfig
from bridge.model.documents import Document


class Login(Document, frozen=True, kw_only=True):
    user: Annotated[str, field("who")] = ""
    password: Annotated[str | None, field("how", secret=True)] = None


class SafeConfig(Config, frozen=True, kw_only=True):
    url: Annotated[str, field("where")] = ""
    keys: Annotated[tuple[str, ...], field("signs", secret=True)] = ()
    tokens: Annotated[dict[str, str], field("more", secret=True)] = msgspec.field(default_factory=dict)
    login_as: Annotated[Login | None, field("login")] = None
    pin: Annotated[int, field("number", secret=True)] = 0


class PlainConfig(Config, frozen=True, kw_only=True):
    keys: Annotated[tuple[str, ...], field("no secrets, in spite of the name")] = ()


class Safe(Target):
    kind = "safe"
    Config = SafeConfig


class Plain(Target):
    kind = "plain"
    Config = PlainConfig


class SomeKinds(Kinds):
    def find(self, kind: str) -> type[Target] | None:
        return {"safe": Safe, "plain": Plain}.get(kind)


KINDS = SomeKinds()
CONFIG = {
    "url": "https://x/",
    "keys": ["k1", "k2"],
    "tokens": {"a": "t1", "b": "t2"},
    "loginAs": {"user": "u", "password": "p"},
    "pin": 4711,
}


def rule(config: object, name: str = "t", kind: str = "safe") -> msgspec.Raw:
    return msgspec.Raw(
        json.dumps({"enabled": True, "targets": [{"name": name, "kind": kind, "config": config}]}).encode()
    )


def config_of(spec: msgspec.Raw) -> Any:
    return json.loads(bytes(spec))["targets"][0]["config"]


def test_secrets_are_found_by_their_marks() -> None:
    """At any depth, by the names that users write."""
    assert find_secrets(SafeConfig) == {"keys": None, "tokens": None, "loginAs": {"password": None}, "pin": None}
    assert find_secrets(PlainConfig) == {}


def test_secrets_are_shown_as_a_mask_and_all_else_as_it_is() -> None:
    """Texts, entries of lists, values of objects, numbers."""
    shown = mask_rule(rule(CONFIG), KINDS)
    assert config_of(shown) == {
        "url": "https://x/",
        "keys": [MASK, MASK],
        "tokens": {"a": MASK, "b": MASK},
        "loginAs": {"user": "u", "password": MASK},
        "pin": MASK,
    }
    assert json.loads(bytes(shown))["enabled"] is True


@pytest.mark.parametrize(
    "spec",
    [
        rule({"url": "https://x/", "keys": [], "tokens": {}, "loginAs": {"user": "u"}}),
        rule({"loginAs": None}),
        rule({}),
        rule(7),
        rule({"keys": ["a"]}, kind="plain"),
        msgspec.Raw(b'{"targets":[{"name":"t","kind":"safe"}]}'),
        msgspec.Raw(b'{"targets": 1}'),
        msgspec.Raw(b"[]"),
        msgspec.Raw(b"no JSON"),
    ],
)
def test_without_secrets_a_spec_stays_as_it_was_written(spec: msgspec.Raw) -> None:
    """The same object, whatever it is."""
    assert mask_rule(spec, KINDS) is spec
    assert unmask_rule(spec, spec, KINDS) is spec


def test_what_is_beside_the_secrets_keeps_its_text() -> None:
    """Numbers and spaces too, as patterns are exact."""
    spec = msgspec.Raw(
        b'{"pattern": {"data": {"a": [1.50e0]}}, "targets": [{"name":"t","kind":"safe","config":{"pin":1, "url":"\\u0041"}}]}'
    )
    shown = bytes(mask_rule(spec, KINDS))
    assert b'{"data": {"a": [1.50e0]}}' in shown
    assert b'"\\u0041"' in shown


def test_a_secret_given_twice_is_not_shown_once() -> None:
    """Of members of one name only the last is kept."""
    spec = msgspec.Raw(b'{"targets":[{"name":"t","kind":"safe","config":{"pin":"first","pin":"second"}}]}')
    assert b"first" not in bytes(mask_rule(spec, KINDS))


def test_of_a_kind_that_is_not_here_every_value_is_masked() -> None:
    """Nobody knows which are secret."""
    shown = mask_rule(rule({"url": "x", "more": {"a": [1, "b", None]}}, kind="gone"), KINDS)
    assert config_of(shown) == {"url": MASK, "more": {"a": [MASK, MASK, None]}}
    assert unmask_rule(shown, rule({"url": "x", "more": {"a": [1, "b", None]}}, kind="gone"), KINDS) is not shown


def test_a_mask_that_comes_back_keeps_what_is_stored() -> None:
    """Beside things that were changed."""
    stored = rule(CONFIG)
    shown = config_of(mask_rule(stored, KINDS))
    edited = rule(shown | {"url": "https://y/", "tokens": {"b": MASK, "c": "new"}, "pin": 1})
    assert config_of(unmask_rule(edited, stored, KINDS)) == CONFIG | {
        "url": "https://y/",
        "tokens": {"b": "t2", "c": "new"},
        "pin": 1,
    }


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ([MASK, MASK], ["k1", "k2"]),
        (["new", MASK, MASK], ["new", "k1", "k2"]),
        ([MASK, "new", MASK], ["k1", "new", "k2"]),
        (["new"], ["new"]),
        ([], []),
    ],
)
def test_masks_in_a_list_stand_for_its_entries_in_order(keys: list[str], kept: list[str]) -> None:
    """New ones may stand between them; without a mask the list is a new one."""
    assert config_of(unmask_rule(rule({"keys": keys}), rule(CONFIG), KINDS)) == {"keys": kept}


@pytest.mark.parametrize(
    ("config", "stored", "path"),
    [
        ({"keys": [MASK]}, rule(CONFIG), "$.targets[0].config.keys"),
        ({"keys": [MASK, MASK, MASK]}, rule(CONFIG), "$.targets[0].config.keys"),
        ({"keys": [MASK]}, None, "$.targets[0].config.keys"),
        ({"tokens": {"z": MASK}}, rule(CONFIG), "$.targets[0].config.tokens.z"),
        ({"loginAs": {"password": MASK}}, rule({}), "$.targets[0].config.loginAs.password"),
        (
            {"loginAs": {"password": MASK}},
            rule({"loginAs": {"password": None}}),
            "$.targets[0].config.loginAs.password",
        ),
        ({"pin": MASK}, rule(CONFIG, name="other"), "$.targets[0].config.pin"),
        ({"pin": MASK}, rule(CONFIG, kind="plain"), "$.targets[0].config.pin"),
        ({"pin": MASK}, rule({"pin": [1]}), "$.targets[0].config.pin"),
    ],
)
def test_a_mask_that_stands_for_nothing_is_refused(config: object, stored: msgspec.Raw | None, path: str) -> None:
    """By its path; never guessed."""
    with pytest.raises(InvalidConfig, match="stands for a stored secret") as caught:
        unmask_rule(rule(config), stored, KINDS)
    assert caught.value.path == path


def test_the_text_of_the_mask_elsewhere_is_just_a_text() -> None:
    """In fields that are not secret."""
    spec = rule({"url": MASK})
    assert unmask_rule(spec, None, KINDS) is spec


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "keys": st.lists(st.text(min_size=1)),
            "tokens": st.dictionaries(st.text(), st.text()),
            "loginAs": st.fixed_dictionaries({}, optional={"password": st.none() | st.text(), "user": st.text()}),
            "url": st.text(),
        },
    )
)
def test_unmask_undoes_mask(config: dict[str, Any]) -> None:
    """Whatever the secrets are."""
    stored = rule(config)
    assert config_of(unmask_rule(mask_rule(stored, KINDS), stored, KINDS)) == config
