"""The manifest: whose files are whose, also after a kill at any moment of putting them in their place."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharp import SpecificationError
from sharp.artifact import manifest
from sharp.artifact.batch_folder import BATCH, POINT, claimed
from sharp.artifact.manifest import begin_line, publish, read_manifest

NAMES = ["tab_x.csv", "tab_x.tex", "tab_x.json"]


def stage(folder, text, names=NAMES):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def line(tmp_path):
    (tmp_path / "tab_x.md").write_text("")
    return {**begin_line(tmp_path / "tab_x.md", b"", {"size": "3"}), "inputs": {}, "settings": {}, "unseen": []}


@pytest.fixture
def output(tmp_path, line):
    folder = tmp_path / "out"
    folder.mkdir()
    publish(stage(tmp_path / "staging", "1"), NAMES, folder, line, "tab_x")
    return folder


def texts(output):
    return {path.name: path.read_text() for path in output.glob("tab_*")}


def test_what_is_published_is_ours_and_replaced(output, tmp_path, line):
    assert texts(output) == dict.fromkeys(NAMES, "1")
    publish(stage(tmp_path / "staging", "2"), NAMES, output, line, "tab_x")
    assert texts(output) == dict.fromkeys(NAMES, "2")
    (read,) = read_manifest(output).values()
    assert set(read) == {*line, "outputs"}
    assert set(read["outputs"]) == set(NAMES)


def test_one_file_of_others_stops_all(output, tmp_path, line):
    (output / "tab_x.json").write_text("mine")
    before = texts(output), (output / "manifest.json").read_bytes()
    with pytest.raises(SpecificationError, match=r"tab_x.json: expected no file, or one that sharp wrote and nobody"):
        publish(stage(tmp_path / "staging", "2"), NAMES, output, line, "tab_x")
    assert (texts(output), (output / "manifest.json").read_bytes()) == before


def test_what_is_no_longer_written_goes_unless_it_was_changed(output, tmp_path, line):
    names = ["tab_x.csv", "tab_x.json"]
    publish(stage(tmp_path / "staging", "2", names), names, output, line, "tab_x")
    assert texts(output) == dict.fromkeys(names, "2")
    publish(stage(tmp_path / "staging", "3"), NAMES, output, line, "tab_x")
    (output / "tab_x.tex").write_text("mine")
    publish(stage(tmp_path / "staging", "4", names), names, output, line, "tab_x")
    assert texts(output) == {**dict.fromkeys(names, "4"), "tab_x.tex": "mine"}


@pytest.mark.parametrize("names", [NAMES, ["tab_x.csv", "tab_x.json"]])
@pytest.mark.parametrize("moment", range(8))
def test_killed_at_any_moment_the_next_run_knows_its_files(output, tmp_path, line, moment, names):
    """Before the manifest, before each file, before the manifest again."""
    if os.fork() == 0:
        steps = iter(range(moment, -1, -1))

        def step(function):
            def stepped(*arguments):
                return function(*arguments) if next(steps) else os._exit(9)

            return stepped

        manifest._write, os.replace = step(manifest._write), step(os.replace)
        publish(stage(tmp_path / "staging", "2", names), names, output, line, "tab_x")
        os._exit(0)
    os.wait()
    assert set(texts(output).values()) <= {"1", "2"}
    publish(stage(tmp_path / "staging", "3"), NAMES, output, line, "tab_x")
    assert texts(output) == dict.fromkeys(NAMES, "3")
    assert "replaced" not in json.dumps(read_manifest(output))


def test_a_lock_that_is_held_is_waited_for_only_so_long(output, tmp_path, line, monkeypatch):
    monkeypatch.setattr(manifest, "_LOCK_S", 0.1)
    with (
        manifest.locked(output / ".manifest.json.lock", 1),
        pytest.raises(SpecificationError, match=r"out: expected its manifest to be free within 0.1 s"),
    ):
        publish(stage(tmp_path / "staging", "2"), NAMES, output, line, "tab_x")


def test_a_lock_file_of_others_is_left_alone(output, tmp_path, line):
    (output / ".manifest.json.lock").write_text("mine")
    with pytest.raises(SpecificationError, match=r"manifest.json.lock: expected no file, or one that sharp wrote"):
        publish(stage(tmp_path / "staging", "2"), NAMES, output, line, "tab_x")
    assert (output / ".manifest.json.lock").read_text() == "mine"


NAMES_IN_MANIFESTS = (
    *("tab_x", "outputs", "inputs", "packages", "parameters", "settings", "replaced", "files", "work", "made_by"),
    *("python", "machine", "notebook_sha256", "code_sha256", "../x", "tab_x.csv", "summary.csv", "sharp batch"),
    ".work-" + 16 * "0",
)
names = st.sampled_from(NAMES_IN_MANIFESTS)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | names | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=9),
    max_leaves=20,
)


@settings(max_examples=50)
@given(anything, st.binary(max_size=3))
def test_no_manifest_of_wrong_types_is_anything_but_refused(content, tail):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("manifest.json", BATCH):
            (folder / name).write_bytes(json.dumps(content).encode() + tail)
        (folder / "points" / "a-1").mkdir(parents=True)
        (folder / "points" / "a-1" / POINT).write_text(json.dumps(content))
        before = {path: path.read_bytes() for path in folder.rglob("*.json")}
        with pytest.raises(SpecificationError):
            read_manifest(folder)
        try:
            with claimed(folder) as held:
                assert not held.is_whole("a-1")
                with pytest.raises(SpecificationError):
                    held.check_replaceable("a-1")
        except SpecificationError:
            pass
        assert {path: path.read_bytes() for path in before if path.name != BATCH} == {
            path: text for path, text in before.items() if path.name != BATCH
        }
