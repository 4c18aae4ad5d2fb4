"""What the README shows is what the code prints."""

import re
from pathlib import Path

import pytest

from sharp import Plan, find_accelerator, simulate, square_lstm
from sharp.io import published_numbers

FIXED = {name: Plan(schedule=name, tile_rows=32, reconfiguration=False) for name in ("sequential", "intergate")}
README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_run_shown_is_the_run(command):
    shown = re.search(r"\$ \.venv/bin/sharp (run --network eesen --macs 64K)\n(.*?)\n```", README, flags=re.DOTALL)
    printed = command(*shown[1].split()).out
    assert shown[2].splitlines() == [line.rstrip() for line in printed.splitlines()]


def row(label):
    return re.search(rf"^\| {label} \| (.*) \| (.*) \|$", README, flags=re.MULTILINE).groups()


@pytest.mark.parametrize(
    ("label", "machine", "plan"),
    [
        ("SHARP", "sharp", Plan()),
        ("E-PUR on the same multipliers, read as `sequential` on 32 rows", "epur", FIXED["sequential"]),
        ("the same, read as `intergate` on 32 rows", "epur", FIXED["intergate"]),
    ],
)
def test_the_utilizations_shown_are_computed(label, machine, plan):
    paper, here = row(label)
    means, printed = [], []
    numbers = published_numbers()
    for macs in ("1K", "4K", "16K", "64K"):
        accelerator = find_accelerator("sharp").with_macs(macs)
        reports = [simulate(square_lstm(size), accelerator, plan) for size in (256, 340, 512, 1024)]
        means.append(f"{sum(report.counts.utilization for report in reports) / 4:.2f}")
        number = numbers.get(f"utilization_{machine}_{macs.lower()}")
        printed.append("-" if number is None else f"{number.value:.2f}")
    assert here == " / ".join(means)
    assert paper == " / ".join(printed)


def test_the_two_commands_stand_in_the_first_screen():
    first_screen = "\n".join(README.splitlines()[:25])
    assert "$ make figures" in first_screen
    assert "$ make test" in first_screen
