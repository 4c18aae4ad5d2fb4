"""The page on a batch: no picture, however broken or large, costs the page."""

import numpy as np
import pytest
from PIL import Image

from sharp.artifact.batch import Batch, Point
from sharp.artifact.batch_folder import claimed
from sharp.artifact.batch_report import write_report
from sharp.artifact.batch_run import FAILED, FINISHED, TIMED_OUT, Outcome


@pytest.fixture
def page(tmp_path):
    """Write a page on points with these pictures, and read it."""

    def write(*pictures, **options):
        points = tuple(
            Point(name=f"a={place}-{place:08d}", parameters={"a": f"<{place}>"}, line={})
            for place in range(len(pictures))
        )
        with claimed(tmp_path / "out") as folder:
            for point, picture in zip(points, pictures, strict=True):
                folder.put_point(point.name, {"fig_x.png": picture}, 1)
            outcomes = [Outcome(point=point, status=FINISHED, headline={"v": 1}) for point in points]
            outcomes.append(Outcome(point=points[0], status=FAILED, error="it failed"))
            outcomes.append(Outcome(point=points[0], status=TIMED_OUT, error="too late"))
            batch = Batch(notebook=tmp_path / "fig_x.md", source=b"", axes=("a",), points=points)
            write_report(batch, outcomes, folder, **options)
        return (tmp_path / "out" / "report.html").read_text()

    return write


def png(tmp_path, *size, mode="RGBA"):
    Image.new(mode, size, "white" if mode != "I;16" else 0).save(tmp_path / "x.png")
    return (tmp_path / "x.png").read_bytes()


def test_pictures_of_every_mode_are_shown(page, tmp_path):
    text = page(*(png(tmp_path, 400, 300, mode=mode) for mode in ("RGBA", "RGB", "L", "1", "P", "LA", "I;16")))
    assert text.count("data:image/png;base64,") == 7
    assert "7 finished, 1 failed, 1 timed out" in text
    assert "&lt;0&gt;" in text


def test_what_is_no_picture_is_named(page, tmp_path):
    good = png(tmp_path, 40, 30)
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noisy).save(tmp_path / "noisy.png")
    whole = (tmp_path / "noisy.png").read_bytes()
    broken = [
        b"",
        b"no picture",
        b"\x89PNG\r\n\x1a\n",
        whole[:-2000],
        whole[:500] + b"\0" * 9 + whole[509:],
        b"GIF89a" + whole,
    ]
    text = page(good, *broken)
    assert text.count("data:image/png;base64,") == 1
    assert text.count("fig_x.png</a> (expected a PNG image, got: ") == len(broken)


def test_a_picture_that_is_too_large_is_named(page, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    text = page(png(tmp_path, 30, 30), png(tmp_path, 40, 30), png(tmp_path, 60, 60))
    assert text.count("data:image/png;base64,") == 1
    assert text.count("(expected an image of at most 1,000 pixels, got a larger one)") == 2


def test_without_time_pictures_are_linked(page, tmp_path):
    text = page(png(tmp_path, 30, 30), pictures_s=-1)
    assert 'fig_x.png">fig_x.png</a> (the batch was interrupted)' in text
