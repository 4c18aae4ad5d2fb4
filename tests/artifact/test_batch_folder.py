"""The folder of a batch: ours by its record, held alone, put right after a kill; what is not ours stays as it is."""

import json
import os

import pytest

from sharp import SpecificationError
from sharp.artifact.batch_folder import claimed

FILES = {"tab_x.csv": b"a\n1\n", "manifest.json": b"{}"}
MADE = ["batch.json", "points", "report.html", "summary.csv"]


def listed(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".batch.lock")


def refuse_to_claim(output, sentence):
    with pytest.raises(SpecificationError, match=sentence), claimed(output):
        pytest.fail("claimed")


def make(output):
    with claimed(output) as folder:
        folder.put_point("a-1", FILES, 1.5)
        folder.put("summary.csv", "a,seconds\n1,1.5\n")
        folder.put("report.html", "<html>")


@pytest.fixture
def output(tmp_path):
    make(tmp_path / "out")
    return tmp_path / "out"


def test_what_is_made_and_made_again(output):
    assert listed(output) == MADE
    record = (output / "batch.json").read_bytes()
    assert len(record) == 1024
    with claimed(output) as folder:
        assert folder.is_whole("a-1")
        assert not folder.is_whole("b-2")
        folder.put("summary.csv", "a,seconds\n1,2.5\n")
    assert (output / "batch.json").read_bytes() == record, "how long it took is no change"
    assert json.loads((output / "points" / "a-1" / "timing.json").read_text()) == {"seconds": 1.5}


@pytest.mark.parametrize("name", ["grid.yaml", "summary.csv", "report.html", "points/"])
def test_a_folder_with_something_else_is_refused(tmp_path, name):
    (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text("mine")
    (tmp_path / ".work").mkdir()
    with (
        pytest.raises(SpecificationError, match=r"expected an empty folder or that of a batch, got one with \w+"),
        claimed(tmp_path),
    ):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {name.strip("/"), ".work"}


def test_hidden_files_of_others_are_left_alone(tmp_path):
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "precious").write_text("mine")
    (tmp_path / ".DS_Store").write_text("mine")
    make(tmp_path)
    assert (tmp_path / ".work" / "precious").read_text() == "mine"
    assert listed(tmp_path) == [".DS_Store", ".work", *MADE]


def test_a_lock_file_of_others_is_left_alone(tmp_path):
    (tmp_path / ".batch.lock").write_text("mine")
    with (
        pytest.raises(SpecificationError, match=r"\.batch\.lock: expected no file, or one that sharp wrote"),
        claimed(tmp_path),
    ):
        pass
    assert (tmp_path / ".batch.lock").read_text() == "mine"


@pytest.mark.parametrize("name", ["summary.csv", "report.html"])
def test_a_file_that_was_changed_is_refused(output, name):
    (output / name).write_text("edited by hand")
    with (
        pytest.raises(SpecificationError, match=rf"{name}: expected what sharp wrote and nobody has changed"),
        claimed(output),
    ):
        pass
    assert (output / name).read_text() == "edited by hand"
    (output / name).unlink()
    make(output)
    assert listed(output) == MADE


def test_a_file_that_is_put_there_meanwhile_is_refused(tmp_path):
    with claimed(tmp_path / "out") as folder:
        (tmp_path / "out" / "summary.csv").write_text("mine")
        with pytest.raises(SpecificationError, match=r"summary.csv: expected what sharp wrote"):
            folder.put("summary.csv", "a")
    assert (tmp_path / "out" / "summary.csv").read_text() == "mine"


@pytest.mark.parametrize("change", ["edit", "add", "link", "directory", "record"])
def test_a_point_that_was_changed_is_not_replaced(output, change):
    point = output / "points" / "a-1"
    if change == "edit":
        (point / "tab_x.csv").write_text("mine")
    elif change == "add":
        (point / "notes.txt").write_text("mine")
    elif change == "directory":
        (point / "below").mkdir()
    elif change == "record":
        (point / "point.json").write_text("[1]")
    else:
        point.rename(output / "elsewhere")
        point.symlink_to(output / "elsewhere")
    with claimed(output) as folder:
        assert folder.is_whole("a-1") == (change in ("add", "directory", "link"))
        with pytest.raises(SpecificationError, match="expected what sharp wrote and nobody has changed"):
            folder.put_point("a-1", {"tab_x.csv": b"new"}, 1)
    assert (point / "tab_x.csv").read_bytes() in (b"mine", FILES["tab_x.csv"])
    assert listed(output)[:2] == ["batch.json", *(["elsewhere"] if change == "link" else ["points"])]


def test_a_point_is_replaced_whole(output):
    with claimed(output) as folder:
        folder.put_point("a-1", {"tab_y.csv": b"new"}, 1)
    assert sorted(path.name for path in (output / "points" / "a-1").iterdir()) == [
        "point.json",
        "tab_y.csv",
        "timing.json",
    ]


def kill_while(output, write):
    """A process that does something in the folder, then dies at once."""
    if pid := os.fork():
        os.waitpid(pid, 0)
        return
    held = claimed(output)
    write(held.__enter__())
    os._exit(9)


def test_after_a_kill_the_next_puts_right(output):
    def half_replaced(folder):
        os.rename(folder.point("a-1"), folder._work / "a-1")
        (folder._work / "new").mkdir()

    kill_while(output, half_replaced)
    assert not (output / "points" / "a-1").exists()
    with claimed(output) as folder:
        assert folder.is_whole("a-1"), "what had not yet been replaced is back"
    assert listed(output) == MADE


def test_after_a_kill_between_a_file_and_its_record_all_is_known(output):
    def half_recorded(folder):
        record = folder._record

        def record_write_and_die():
            record()
            (output / "summary.csv").write_text("b\n2,\n")
            os._exit(9)

        folder._record = record_write_and_die
        folder.put("summary.csv", "b\n2,\n")

    kill_while(output, half_recorded)
    assert (output / "summary.csv").read_text() == "b\n2,\n"
    make(output)
    assert listed(output) == MADE


def test_killed_before_the_record_was_written_is_as_new(tmp_path):
    (tmp_path / "batch.json").touch()
    make(tmp_path)
    assert listed(tmp_path) == MADE


@pytest.mark.parametrize(
    "record",
    ["[]", '{"name": "x"}', '{"made_by": "sharp batch", "files": {"thesis.pdf": []}, "work": null}', "[" * 100_000]
    + [f'{{"made_by": "sharp batch", "files": {{}}, "work": "{work}"}}' for work in ("..", ".work", "/tmp", ".work-x")]
    + ['{"made_by": "sharp batch", "files": {"summary.csv": 3}, "work": 3}'],
)
def test_a_record_that_is_not_ours_is_refused(tmp_path, record):
    (tmp_path / "batch.json").write_text(record)
    refuse_to_claim(tmp_path, r"batch.json: expected what `sharp batch` writes")
    assert (tmp_path / "batch.json").read_text() == record


def test_a_link_by_the_name_of_the_record_is_not_followed(tmp_path):
    victim, output = tmp_path / "victim", tmp_path / "out"
    victim.touch()
    output.mkdir()
    (output / "batch.json").symlink_to(victim)
    refuse_to_claim(output, "out: expected a place that can be written")
    assert victim.read_text() == ""
