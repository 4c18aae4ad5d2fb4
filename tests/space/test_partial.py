"""A part of an output: one writer, a file of our own and no other, whole lines."""

import os
import stat

import pytest

from sharp import SpecificationError
from sharp.space.partial import Partial

IDENTITY = "0123456789abcdef"


@pytest.fixture
def part(tmp_path):
    output = tmp_path / "table.csv"
    return Partial(output, output, IDENTITY)


def refusal(part, *, resume=True):
    with pytest.raises(SpecificationError) as error, part.opened(resume=resume):
        pass
    return str(error.value)


def test_it_becomes_the_output_and_keeps_its_permissions(part, tmp_path):
    part.output.write_text("old")
    part.output.chmod(0o640)
    with part.opened(resume=False) as stream:
        stream.write("new\r\ncafé\n")
        stream.flush()
        assert part.output.read_text() == "old"
        assert part.path.read_bytes() == "new\r\ncafé\n".encode()
    assert part.output.read_bytes() == "new\r\ncafé\n".encode()
    assert stat.S_IMODE(part.output.stat().st_mode) == 0o640
    assert (os.listdir(tmp_path), part.is_left) == (["table.csv"], False)


def write(part, text, *, resume=False, removed=False, error=None):
    with part.opened(resume=resume) as stream:
        stream.write(text)
        if removed:
            part.remove()
        if error is not None:
            raise error


def interrupted(part, text, **options):
    with pytest.raises(KeyboardInterrupt):
        write(part, text, error=KeyboardInterrupt(), **options)


def test_what_is_left_goes_on_after_its_last_whole_line(part, tmp_path):
    long = "x" * 2**17
    interrupted(part, f"{long}\n1,2\n{long}")
    assert part.is_left
    write(part, "3,4\n", resume=True)
    assert part.output.read_text() == f"{long}\n1,2\n3,4\n"
    interrupted(part, long)
    write(part, "5\n", resume=True)
    assert part.output.read_text() == "5\n"
    interrupted(part, "1\n")
    interrupted(part, "2\n")
    assert part.path.read_text() == "2\n"
    assert sorted(os.listdir(tmp_path)) == ["table.csv", part.path.name]


def test_nothing_is_left_of_nothing_or_what_was_removed(part, tmp_path):
    interrupted(part, "")
    interrupted(part, "1\n", removed=True)
    assert (os.listdir(tmp_path), part.is_left) == ([], False)


def test_another_process_does_not_write_it_as_well(part):
    other = Partial(part.output, part.output, IDENTITY)
    with part.opened(resume=False) as stream:
        stream.write("1\n")
        stream.flush()
        sentence = f"{part.path}: expected that nobody writes it, got another process that does the same"
        assert refusal(other) == sentence
        assert refusal(other, resume=False) == sentence
        assert (part.path.read_text(), other.is_left) == ("1\n", False)
    assert part.output.read_text() == "1\n"


def test_what_somebody_else_put_in_its_place_is_not_touched(part, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs\n")
    for place in (part.path.symlink_to, part.path.hardlink_to):
        place(theirs)
        assert part.path.name in refusal(part, resume=False)
        assert theirs.read_text() == "theirs\n"
        part.path.unlink()
    os.mkfifo(part.path)
    assert refusal(part) == f"{part.path}: expected a part that sharp wrote, got another file"
    part.path.unlink()
    part.path.mkdir()
    assert refusal(part).startswith(f"{part.path}: expected a place that can be written, got: ")


def test_others_are_parts_of_the_same_output(part, tmp_path):
    for name in ("table.csv.fedcba9876543210.partial", part.path.name, "table2.csv.fedcba9876543210.partial", "x.csv"):
        (tmp_path / name).write_text("1\n")
    assert part.others() == [tmp_path / "table.csv.fedcba9876543210.partial"]


def test_an_output_may_have_the_longest_name(tmp_path):
    output = tmp_path / ("é" * 127)
    part = Partial(output, output, IDENTITY)
    interrupted(part, "1\n")
    write(part, "2\n", resume=True)
    assert output.read_text() == "1\n2\n"
