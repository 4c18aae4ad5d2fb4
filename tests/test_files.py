"""Files: whole or not at all, under names that nobody can plant, never in the place of an input."""

import os
import stat
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from sharp import SpecificationError, files
from sharp.files import csv_text, make_folder, read_bytes, read_input, read_json, replacing, write_text

linux = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")


def refusal(call, *arguments):
    with pytest.raises(SpecificationError) as error:
        call(*arguments)
    return str(error.value)


def test_a_file_is_replaced_in_one_step_and_keeps_its_permissions(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    path.chmod(0o640)
    with replacing(path) as stream:
        stream.write("new\r\ncafé\n")
        stream.flush()
        assert path.read_text() == "old"
    assert path.read_bytes() == "new\r\ncafé\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    write_text(tmp_path / "other.csv", "x")
    assert stat.S_IMODE((tmp_path / "other.csv").stat().st_mode) == 0o666 & ~umask()
    assert sorted(os.listdir(tmp_path)) == ["other.csv", "out.csv"]


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def fail(path, error):
    with replacing(path) as stream:
        stream.write("new")
        raise error


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(5, "of another file", "other")])
def test_after_any_error_a_file_is_as_it_was(tmp_path, error):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(type(error)) as raised:
        fail(path, error)
    assert raised.value is error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_temporary_names_cannot_be_foreseen(tmp_path, monkeypatch):
    path, names = tmp_path / "out.csv", set()
    for _ in range(3):
        with replacing(path):
            names |= {name for name in os.listdir(tmp_path) if name != "out.csv"}
    assert len(names) == 3
    assert not any(str(os.getpid()) == part for name in names for part in name.split("."))
    # Even a name that was foreseen is not followed, nor its file written to.
    victim = tmp_path / "victim"
    victim.write_text("victim's")
    monkeypatch.setattr(files.secrets, "token_hex", lambda length: "planted")
    (tmp_path / ".planted.tmp").symlink_to(victim)
    assert "expected a place that can be written, got: File exists" in refusal(write_text, path, "x")
    assert victim.read_text() == "victim's"


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    path = tmp_path / "out.csv"
    with replacing(path) as first, replacing(path) as second:
        for _ in range(1000):
            first.write("first\n")
            second.write("second\n")
    assert path.read_text() == "first\n" * 1000  # the last to end


def test_a_link_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "out.csv")
    for text in ("once", "twice"):
        write_text(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "there" / "out.csv").read_text() == text


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("")
    said = "expected a place that can be written, got: "
    assert f"loop: {said}Too many levels of symbolic links" in refusal(write_text, tmp_path / "loop", "x")
    assert f"loop: {said}" in refusal(make_folder, tmp_path / "loop")
    assert f": {said}Is a directory" in refusal(write_text, tmp_path, "x")
    assert f"x: {said}Not a directory" in refusal(write_text, tmp_path / "file" / "x", "x")
    assert f"x: {said}No such file" in refusal(write_text, tmp_path / "none" / "x", "x")
    assert f"{said}File name too long" in refusal(write_text, tmp_path / ("x" * 300), "x")
    assert sorted(os.listdir(tmp_path)) == ["file", "loop"]
    write_text(tmp_path / ("x" * 255), "a name of the greatest length")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_must_not_be_written_is_not_replaced(tmp_path):
    (tmp_path / "out.csv").write_text("old")
    (tmp_path / "out.csv").chmod(0o444)
    assert "Permission denied" in refusal(write_text, tmp_path / "out.csv", "new")


@linux
def test_what_cannot_be_written_is_named_and_nothing_else(tmp_path):
    full = Path("/dev/full")
    for text in ("short", "x" * 10**6):
        assert refusal(write_text, full, text) == (
            "/dev/full: expected a place that can be written, got: No space left on device"
        )
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "out.csv"):
        (tmp_path / "none").read_text()  # not an error of the output


@linux
def test_devices_pipes_and_open_files_are_written_to_as_they_are(tmp_path):
    code = "import sys, pathlib, sharp.files; sharp.files.write_text(pathlib.Path(sys.argv[1]), 'new\\n')"

    def run(place, **options):
        return subprocess.run([sys.executable, "-c", code, place], text=True, check=True, **options)

    for place in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        assert run(place, stdout=subprocess.PIPE).stdout == "new\n"
    log = tmp_path / "log"
    log.write_text("old\n")
    with log.open("a") as stream:
        run("/dev/stdout", stdout=stream)
    assert log.read_text() == "old\nnew\n"
    assert run("/dev/null", stdout=subprocess.PIPE).stdout == ""
    assert os.listdir(tmp_path) == ["log"]


def test_no_output_takes_the_place_of_an_input(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("name: m\n")
    (tmp_path / "link.csv").symlink_to(path)
    read_input(path)
    for output in (path, tmp_path / "link.csv", tmp_path / "." / "m.yaml"):
        assert "expected another file than those that are read" in refusal(write_text, output, "x")
    assert path.read_text() == "name: m\n"
    later = tmp_path / "later.yaml"
    later.write_text("old")
    with pytest.raises(SpecificationError, match="those that are read"), replacing(later):
        assert read_input(later) == "old"
    assert later.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["later.yaml", "link.csv", "m.yaml"]


@linux
def test_inputs_without_end_or_text(tmp_path):
    sentence = "/dev/zero: expected a readable text file of at most 4 MiB, got more"
    assert refusal(read_input, Path("/dev/zero")) == sentence
    assert "expected a readable text file, got: Is a directory" in refusal(read_input, tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    assert "got: Too many levels of symbolic links" in refusal(read_input, tmp_path / "loop")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert "got: it is not UTF-8 text" in refusal(read_input, tmp_path / "bytes")


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "{", '{"a": NaN', "[" * 10**5, '{"a":' * 10**5, "\xff"])
def test_json_that_is_not_ours(tmp_path, text):
    path = tmp_path / "manifest.json"
    path.write_text(text)
    assert refusal(read_json, path, "a manifest").startswith(f"{path}: expected a manifest, got: ")


def test_json_of_ours_may_be_written_anew(tmp_path):
    path = tmp_path / "manifest.json"
    write_text(path, '{"a": 1}')
    assert read_json(path, "a manifest") == {"a": 1}
    write_text(path, "{}")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("-2.5e3", "-2.5e3"),
        ("+1", "+1"),
        ("unfolded", "unfolded"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_cells_that_would_run_are_neutralised(text, cell):
    assert csv_text(text) == cell


def test_reading_a_file_takes_no_more_memory_than_it_has(tmp_path):
    path = tmp_path / "small.bin"
    path.write_bytes(bytes(range(256)) * 5000)
    tracemalloc.start()
    try:
        assert read_bytes(path, "a file", 2**32) == path.read_bytes()
        assert tracemalloc.get_traced_memory()[1] < 10 * path.stat().st_size
    finally:
        tracemalloc.stop()
    with pytest.raises(SpecificationError, match="expected a file of at most 1 MiB, got more"):
        read_bytes(path, "a file", 2**20)
    assert len(read_bytes(path, "a file", path.stat().st_size)) == path.stat().st_size
