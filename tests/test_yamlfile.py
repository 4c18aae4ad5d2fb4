"""YAML: the values of JSON, merges, no key twice, and limits that end at once."""

import time

import pytest
import yaml

from sharp import SpecificationError, yamlloader
from sharp.yamlfile import parse, read_yaml

LONG = 10_000


def bomb(levels, width):
    """A list whose aliases stand for width ** levels texts."""
    lists = ["&a0 [" + ", ".join(["x"] * width) + "]"]
    lists += [f"&a{level} [" + ", ".join([f"*a{level - 1}"] * width) + "]" for level in range(1, levels)]
    return "[" + ", ".join(lists) + "]"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "[5e8, 1., .5, -1e-3, 010, 1:30, 2001-01-01, yes, =, ~, 0x10, 1_000]",
            [5e8, 1.0, 0.5, -1e-3, "010", "1:30", "2001-01-01", True, "=", None, "0x10", "1_000"],
        ),
        (
            "[12345678901234567890123456789012345678901234567890, -7]",
            [12345678901234567890123456789012345678901234567890, -7],
        ),
        ("{a: &x {p: 1, q: 2}, b: {<<: *x, q: 3}}", {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),
        (
            "{a: &x {p: 1}, b: &y {<<: *x, r: 5}, c: {<<: [*y, {p: 9, s: 8}], r: 6}, d: *y}",
            {"a": {"p": 1}, "b": {"p": 1, "r": 5}, "c": {"p": 1, "s": 8, "r": 6}, "d": {"p": 1, "r": 5}},
        ),
        ("[&x 1, *x, &x 2, *x]", [1, 1, 2, 2]),
        ("'<<': 1", {"<<": 1}),
    ],
)
def test_values(text, value):
    content = parse("here", text)
    assert content == value
    assert repr(content) == repr(value)  # 1 is neither 1.0 nor true


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3\nc: 4\n", "here, line 3: expected YAML, got: key 'a' is given twice"),
        ("x:\n  b: 2\n  'b': 3\n", "here, line 3: expected YAML, got: key 'b' is given twice"),
        ("{true: 1, yes: 2}", "here, line 1: expected YAML, got: key 'yes' is given twice"),
        ("a: &x {p: 1}\nb:\n  <<: *x\n  <<: *x\n", "here, line 4: expected YAML, got: key '<<' is given twice"),
        ("a: {<<: 3}", "expected a mapping or list of mappings for merging"),
        ("[1]: 2", "a key that is neither a text nor a number"),
        ("&a [1, *a]", "alias 'a' of what it stands in"),
        ("&a {b: &b [1, *a]}", "alias 'a' of what it stands in"),
        ("[&a [1], &a [*a]]", "alias 'a' of what it stands in"),
        ("*nowhere", "found undefined alias"),
        ("a: 1\n--- \nb: 2\n", "line 2: expected YAML, got: expected a single document in the stream but found"),
        ("!!python/object/apply:os.system [ls]", "could not determine a constructor for the tag"),
        ("!!set {a, b}", "could not determine a constructor for the tag"),
        ("!!binary aGk=", "could not determine a constructor for the tag"),
        ("!!int many", "expected YAML, got: "),
        ("9" * 5000, "expected YAML, got: Exceeds the limit"),
        ("a\0b", "unacceptable character"),
        ("[" * LONG, "here, line 1: expected YAML, got: more than 50 lists and mappings inside each other"),
        ("a: " + "[" * LONG + "]" * LONG, "more than 50 lists and mappings inside each other"),
        ("{a: " * LONG + "1" + "}" * LONG, "more than 50 lists and mappings inside each other"),
        ("\n".join("  " * level + "a:" for level in range(200)), "line 51: expected YAML, got: more than 50 lists"),
        ("- " * LONG, "more than 50 lists and mappings inside each other"),
        (bomb(9, 10), "more than 200,000 keys and values"),
        (
            "a: &x {" + "".join(f"k{i}: 1, " for i in range(999)) + "}\nb: [" + "{<<: *x}, " * 200 + "]",
            "more than 200,",
        ),
        ("[&x " + "y" * 10**6 + ", " + "*x, " * 1000 + "]", "more than 200,000 keys and values"),
        ("".join(f"k{i}: 1\n" for i in range(200_000)), "line 100000: expected YAML, got: more than 200,000"),
    ],
)
def test_what_is_no_yaml_of_ours_is_refused_at_once(text, sentence):
    started = time.process_time()
    with pytest.raises(SpecificationError) as refusal:
        parse("here", text)
    assert sentence in str(refusal.value)
    assert time.process_time() - started < 10


def test_many_keys_take_time_in_proportion():
    text = "".join(f"k{i}: 1\n" for i in range(90_000))
    started = time.process_time()
    assert len(parse("here", text)) == 90_000
    assert time.process_time() - started < 10  # about one; a comparison of each key with each took a minute


def test_a_bomb_within_the_limits_is_written_out():
    assert len(repr(parse("here", bomb(4, 10)))) > 10**4


@pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="PyYAML without its parser in C")
def test_the_parser_in_python_has_the_same_limits(monkeypatch):
    class Slow(yamlloader._Bounded, yaml.SafeLoader):
        yaml_implicit_resolvers = yamlloader.Loader.yaml_implicit_resolvers
        yaml_constructors = yamlloader.Loader.yaml_constructors

        def __init__(self, text):
            yamlloader._Bounded.__init__(self)
            yaml.SafeLoader.__init__(self, text)

    monkeypatch.setattr(yamlloader, "Loader", Slow)
    assert parse("here", "{a: &x {p: 1}, b: {<<: *x, p: 2}}") == {"a": {"p": 1}, "b": {"p": 2}}
    for text in ("[" * LONG, bomb(9, 10), "{a: 1, a: 2}"):
        with pytest.raises(SpecificationError, match=r"more than|twice"):
            parse("here", text)


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_text("a: 1 # " + "x" * 2**22)
    with pytest.raises(SpecificationError, match="expected a readable YAML file of at most 4 MiB, got more"):
        read_yaml(path)
