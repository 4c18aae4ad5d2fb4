"""Notebooks whose parameters name networks, schedules, machines or technologies take a user's own, by path.

What the paper prints no number for is left out; no notebook fails for a name that it does not know.
"""

import ast

import jupytext
import pytest
from in_process import NOTEBOOKS, run_here
from test_figures import REDUCED

from sharp.shipped import DATA

NETWORK = """name: kws $5 {x} 100%
seq_len: 5
layers:
- {cell: gru, input_size: 40, hidden_size: 64}
- {input_size: 64, hidden_size: 64}
"""
SCHEDULE = "from sharp.schedule import Unfolded\n\n\nclass Half(Unfolded):\n    name = 'half $1$'\n"
OWN = {"network": "kws.yaml", "schedule": "own.py:Half", "accelerator": "mine.yaml", "technology": "tech.yaml"}
"""What a user's file is called, by the parameter that takes it; a list of them has an s."""
SMALL = {
    **REDUCED,
    "fig_bound": {"hidden_sizes": [64], "heights": [32, 64], "shown_sizes": [128]},
    "fig_claim_uncertainty": {"samples": 16, "base_samples": 4, "claims": ["speedup_asic_v3"]},
    "fig_padding_reconfiguration": {"hidden_sizes": [340]},
    "fig_schedule_speedup": {"hidden_sizes": [64]},
    "fig_claims": {"samples": 2},
    "tab_claims": {"samples": 2},
    # And a budget that the paper prints no number for.
    **{
        stem: {"macs": ["96K"]}
        for stem in ("fig_energy", "fig_epur_speedup", "fig_power_area", "fig_power_sensitivity")
    },
    **{stem: {"macs": ["96K", "1K"]} for stem in ("fig_weight_streaming", "tab_budgets")},
}


def own_parameters(path):
    """The parameters of a notebook that take a name of a user's own, each with one."""
    source = next(cell for cell in jupytext.read(path).cells if cell.cell_type == "code").source
    names = {target.id: node.value for node in ast.parse(source).body for target in node.targets}
    given = {}
    for name, value in names.items():
        own = OWN.get(name) or OWN.get(name.removesuffix("s"))
        if own:
            given[name] = [own] if isinstance(value, ast.List) else own
    return given


TAKING = {path.stem: given for path in NOTEBOOKS if (given := own_parameters(path))}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "kws.yaml").write_text(NETWORK)
    (tmp_path / "own.py").write_text(SCHEDULE)
    (tmp_path / "mine.yaml").write_text("like: sharp\nname: mine\nactivation_lanes: 32\n")
    technology = (DATA / "technology" / "32nm.yaml").read_text()
    (tmp_path / "tech.yaml").write_text(technology.replace("name: 32nm", "name: mine"))
    return tmp_path


def test_notebooks_that_take_names_are_found():
    assert len(TAKING) >= 18
    assert {"fig_deepbench", "fig_energy", "fig_epur_speedup", "tab_claims", "fig_baseline_adaptiveness"} <= set(TAKING)
    assert {name.removesuffix("s") for given in TAKING.values() for name in given} == set(OWN)


@pytest.mark.parametrize("stem", TAKING)
def test_a_notebook_takes_a_users_own(files, monkeypatch, stem):
    given = {
        name: [str(files / entry) for entry in value] if isinstance(value, list) else str(files / value)
        for name, value in TAKING[stem].items()
    }
    headline = run_here(files, monkeypatch, stem, SMALL.get(stem, {}) | given)
    assert any(value is not None for value in headline.values())
