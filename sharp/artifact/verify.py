"""Compare figures and tables with a committed record of them: which file changed, by how much, and what made it.

The record is a folder beside them: ``SHA256SUMS`` of every file (`sha256sum -c` reads it), the texts (csv, json, tex)
as they were, a small gray copy of every image, and the manifest. Hashes say whether a file changed; the rest says how.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sharp.artifact.images import read_image
from sharp.artifact.manifest import MANIFEST, read_manifest
from sharp.artifact.outputs import FIGURE_SUFFIXES
from sharp.checks import check_name
from sharp.errors import SpecificationError
from sharp.files import make_folder, writable, write_text

if TYPE_CHECKING:
    from PIL import Image

RECORD = "record"
SUMS = "SHA256SUMS"
TEXTS = (".csv", ".json", ".tex")
REDUCTION = 4
"""Pixels of an image, each way, that are one pixel of its copy in the record: their mean."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_PARTS = {
    "notebook_sha256": "notebook",
    "parameters": "parameters",
    "inputs": "data",
    "settings": "settings",
    "code_sha256": "code",
}
_RUN = "run `make figures`"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A file that is not as recorded."""

    file: str
    difference: str
    """What differs, and by how much."""
    made_with: str
    """What it was made with that the recorded one was not, by the manifests."""


def compare(folder: Path, only: Collection[str] = ()) -> tuple[int, list[Change]]:
    """Compare what ``make figures`` wrote with the record.

    Parameters
    ----------
    folder : Path
        Figures and tables, their manifest, and the record of them.
    only : collection of str, optional
        The ids of those to compare; all where none is given.

    Returns
    -------
    int
        Number of files compared.
    list of Change
        Those that differ, by name.

    Raises
    ------
    SpecificationError
        Where the record is missing or not whole, or a file that it names is missing.
    """
    recorded, found = _read_sums(folder / RECORD), _hash_outputs(folder)
    for stem in only:
        check_name("--only", stem, sorted({Path(name).stem for name in (*recorded, *found)}))
    if only:
        recorded, found = (
            {name: digest for name, digest in sums.items() if Path(name).stem in only} for sums in (recorded, found)
        )
    missing = sorted(set(recorded) - set(found))
    if missing:
        others = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise SpecificationError(
            f"{folder}: expected every recorded file, got no {missing[0]}{others}: {_RUN}, "
            "or `make record` where a notebook is gone"
        )
    before, after = _read_manifest(folder / RECORD), _read_manifest(folder)
    changed = [name for name in sorted(found) if found[name] != recorded.get(name)]
    return len(found), [
        Change(
            file=name,
            difference=_difference(name, folder, changed) if name in recorded else "not in the record",
            made_with=_made_with(before.get(Path(name).stem, {}), after.get(Path(name).stem, {})),
        )
        for name in changed
    ]


def update(folder: Path) -> int:
    """Write the record anew from the figures and tables as they are; the number of files in it.

    Raises
    ------
    SpecificationError
        Where they are not one whole build: none there, a file missing or changed by hand, or made by other code; where
        the record's folder holds what no record has.
    """
    found = _whole_build(folder)
    _check_record(folder / RECORD)
    with writable(folder / RECORD), tempfile.TemporaryDirectory(dir=folder, prefix=f".{RECORD}-") as temporary:
        staging = Path(temporary) / RECORD
        make_folder(staging)
        for name in found:
            if Path(name).suffix in TEXTS:
                shutil.copyfile(folder / name, staging / name)
            if Path(name).suffix == ".png":
                _reduce(folder / name).save(staging / name, optimize=True)
        shutil.copyfile(folder / MANIFEST, staging / MANIFEST)
        write_text(staging / SUMS, "".join(f"{found[name]}  {name}\n" for name in sorted(found)))
        if (folder / RECORD).exists():
            (folder / RECORD).rename(Path(temporary) / "before")
        staging.rename(folder / RECORD)
    return len(found)


def _check_record(record: Path) -> None:
    """See that a folder holds nothing but what its list of hashes names."""
    if not os.path.lexists(record):
        return
    sums = record / SUMS
    listed = re.findall(
        r"^[0-9a-f]{64}  (\S+)$", _read(sums).decode("utf-8", "replace") if sums.is_file() else "", re.M
    )
    for path in sorted(record.iterdir()) if record.is_dir() and not record.is_symlink() else [record]:
        if path.name not in (SUMS, MANIFEST, *listed) or path.is_symlink() or not path.is_file():
            raise SpecificationError(f"{path}: expected nothing in a record but what {SUMS} names: move it away")


def _whole_build(folder: Path) -> dict[str, str]:
    """Hashes by name, after a check that the manifest names just these, made by one version of the code."""
    found = _hash_outputs(folder)
    if not found:
        raise SpecificationError(f"{folder}: expected figures and tables, got none: {_RUN}")
    lines = _read_manifest(folder)
    named = {name: digest for line in lines.values() for name, digest in line["outputs"].items()}
    for name in sorted({**named, **found}):
        if named.get(name) != found.get(name):
            raise SpecificationError(f"{folder / name}: expected the file that {MANIFEST} names: {_RUN}")
    versions = {line["code_sha256"]: name for name, line in lines.items()}
    if len(versions) > 1:
        one, other = sorted(versions.values())[:2]
        raise SpecificationError(
            f"{folder}: expected all by one version of the code, {one} and {other} are not: run `make clean figures`"
        )
    return found


def _hash_outputs(folder: Path) -> dict[str, str]:
    """SHA-256 of every figure's and table's file, by name."""
    if not folder.is_dir():
        raise SpecificationError(f"{folder}: expected a folder of figures and tables, got none: {_RUN}")
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in {*FIGURE_SUFFIXES, *TEXTS}]
    named = [path for path in paths if path.name != MANIFEST and not path.name.startswith(".")]
    return {path.name: hashlib.sha256(_read(path)).hexdigest() for path in named}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SpecificationError(f"{path}: expected a readable file, got: {error.strerror}") from None


def _read_sums(record: Path) -> dict[str, str]:
    if not (record / SUMS).is_file():
        raise SpecificationError(f"{record / SUMS}: expected a record to compare with, got none: run `make record`")
    lines = _read(record / SUMS).decode("utf-8", "replace").splitlines()
    pairs = [re.fullmatch(r"([0-9a-f]{64})  (\S+)", line) for line in lines]
    if not all(pairs) or not pairs:
        raise SpecificationError(f"{record / SUMS}: expected lines of a hash and a name: run `make record`")
    sums = {pair[2]: pair[1] for pair in pairs if pair}
    for name, digest in sums.items():
        if Path(name).suffix in TEXTS and hashlib.sha256(_read(record / name)).hexdigest() != digest:
            raise SpecificationError(f"{record / name}: expected the file that {SUMS} names: run `make record`")
    return sums


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        lines = read_manifest(folder)
    except SpecificationError:
        lines = {}
    if not lines:
        raise SpecificationError(f"{folder / MANIFEST}: expected a manifest of this version of sharp: {_RUN}")
    return lines


def _made_with(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What two lines of manifests differ in: "other code, numpy 2.5 (was 2.4)"."""
    if not before or not after:
        return ""
    parts = [f"other {label}" for key, label in _PARTS.items() if before.get(key, {}) != after.get(key, {})]
    versions = [{name: line[name] for name in ("machine", "python")} | line["packages"] for line in (before, after)]
    for name in sorted({**versions[0], **versions[1]}):
        was, now = (version.get(name) for version in versions)
        if was != now:
            parts.append(f"{name} {now or 'none'} (was {was or 'none'})")
    return ", ".join(parts) or "the same"


def _difference(name: str, folder: Path, changed: Sequence[str]) -> str:
    path, before = folder / name, folder / RECORD / name
    if path.suffix in TEXTS:
        return _compare_texts(_cells(before, _read(before)), _cells(path, _read(path)))
    if path.suffix == ".png":
        return _compare_images(before, path)
    picture = path.with_suffix(".png").name
    return f"see {picture}" if picture in changed else f"drawn alike: {picture} is equal"


def _cells(path: Path, content: bytes) -> dict[str, str]:
    """The numbers and texts of a file by where they are."""
    text = content.decode("utf-8", "replace")
    kinds = {".csv": _csv_cells, ".json": _json_cells, ".tex": _tex_cells}
    try:
        return dict(kinds[path.suffix](text))
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error):
        return {"the text": text}


def _csv_cells(text: str) -> Iterator[tuple[str, str]]:
    header, *rows = csv.reader(io.StringIO(text))
    yield "header", ",".join(header)
    for number, row in enumerate(rows, 1):
        for column, value in zip(header, row, strict=True):
            yield f"{column}, row {number}", value


def _json_cells(text: str) -> Iterator[tuple[str, str]]:
    for key, value in json.loads(text)["headline"].items():
        yield key, str(value)


def _tex_cells(text: str) -> Iterator[tuple[str, str]]:
    for line, content in enumerate(text.splitlines(), 1):
        yield f"line {line}", _NUMBER.sub("#", content)
        for place, number in enumerate(_NUMBER.findall(content), 1):
            yield f"line {line}, number {place}", number


def _compare_texts(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The largest relative difference of two numbers and where it is, or that a text changed."""
    odd = [where for where in {**before, **after} if where not in before or where not in after]
    if odd:
        return f"text changed: {odd[0]} is {'new' if odd[0] in after else 'gone'}, {len(odd)} such in all"
    changed = {where: _relative(before[where], after[where]) for where in before if before[where] != after[where]}
    numbers = {where: size for where, size in changed.items() if size is not None}
    texts = [where for where in changed if where not in numbers]
    said = []
    if numbers:
        where = max(numbers, key=numbers.__getitem__)
        many = f"{len(numbers)} number{'s' if len(numbers) > 1 else ''}, by {numbers[where]:.1e} at most"
        said.append(f"{many}: {where}, {before[where]} to {after[where]}")
    if texts:
        said.append(f"text changed: {texts[0]}, {len(texts)} such in all")
    return "; ".join(said) or "text changed: white space or quotes"


def _relative(before: str, after: str) -> float | None:
    """The relative difference of two numbers, None where one is no number."""
    try:
        old, new = float(before), float(after)
    except ValueError:
        return None
    if not (math.isfinite(old) and math.isfinite(new)):
        return None
    return abs(new - old) / max(abs(old), abs(new)) if new != old else 0.0


def _reduce(path: Path) -> Image.Image:
    """An image in gray, every `REDUCTION` pixels each way one."""
    from PIL import Image

    image = read_image(path)
    flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return flat.convert("L").reduce(REDUCTION)


def _compare_images(before: Path, after: Path) -> str:
    """How many of the reduced image's pixels differ, and the largest difference of gray."""
    from PIL import ImageChops

    try:
        new = _reduce(after)
    except SpecificationError:
        return "no PNG image any more"
    try:
        old = read_image(before).convert("L")
    except SpecificationError:
        raise SpecificationError(f"{before}: expected a PNG image: run `make record`") from None
    if old.size != new.size:
        return f"another size: {new.size[0]} x {new.size[1]} blocks, was {old.size[0]} x {old.size[1]}"
    counts = ImageChops.difference(old, new).histogram()
    total = sum(counts)
    if counts[0] == total:
        return f"no block of {REDUCTION} x {REDUCTION} pixels differs in mean gray"
    most = max(level for level, count in enumerate(counts) if count)
    return f"{total - counts[0]:,} of {total:,} blocks of {REDUCTION} x {REDUCTION} pixels, by {most} of 255 at most"
