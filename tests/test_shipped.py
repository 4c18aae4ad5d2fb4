"""Shipped files, and files by name: found, read as what they are, or refused in one sentence."""

import pytest

from sharp import SpecificationError, find_accelerator, find_network
from sharp.rivals.machines import load_any
from sharp.shipped import DATA


def test_unknown_names_and_unreadable_files(tmp_path):
    with pytest.raises(SpecificationError, match="got 'esen' \\(did you mean 'eesen'"):
        find_network("esen")
    with pytest.raises(SpecificationError, match="the suite 'deepbench' of 69"):
        find_network("deepbench")
    with pytest.raises(SpecificationError, match=r"expected epur, .*, sharp or a YAML file, got 'shap'"):
        find_accelerator("shap")
    with pytest.raises(SpecificationError, match="expected a readable YAML file, got: No such file"):
        find_network(str(tmp_path / "none.yaml"))
    with pytest.raises(SpecificationError, match="expected a readable YAML file, got: Is a directory"):
        load_any(tmp_path)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecificationError, match="it is not UTF-8 text"):
        load_any(tmp_path / "bytes.yaml")


def test_all_shipped_files_are_readable_as_what_they_are():
    for path in sorted(set(DATA.glob("*/*.yaml")) - set(DATA.glob("rivals/*"))):
        load_any(path)
