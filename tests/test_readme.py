"""What the README shows is what the code prints."""

import re
from collections import Counter
from pathlib import Path

import pytest

from sharp import (
    Plan,
    evaluate_energy,
    find_accelerator,
    find_network,
    find_technology,
    implement,
    simulate,
    square_lstm,
)
from sharp.claims.claims import VERDICTS, evaluate_claims, load_claims, recorded_verdicts
from sharp.published import published_numbers

FIXED = {name: Plan(schedule=name, tile_rows=32, reconfiguration=False) for name in ("sequential", "intergate")}
README = (Path(__file__).parents[1] / "README.md").read_text()


def row(label):
    return re.search(rf"^\| {label} \| (.*) \| (.*) \|$", README, flags=re.MULTILINE).groups()


@pytest.mark.parametrize(
    ("label", "machine", "plan"),
    [
        ("SHARP, mean utilization", "sharp", Plan()),
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


def test_the_power_and_area_shown_are_computed():
    numbers, technology = published_numbers(), find_technology("32nm-paper")
    networks = [find_network(name) for name in ("eesen", "gmat", "bysdne", "rldradspr")]
    power, area, labels = [], [], ("1K", "4K", "16K", "64K")
    for macs in labels:
        made = implement(find_accelerator("sharp").with_macs(macs), technology)
        watts = [evaluate_energy(simulate(network, made.accelerator), made).power_w for network in networks]
        power.append(f"{sum(watts) / 4:.2f}")
        area.append(f"{sum(made.area_mm2.values()):.1f}")
    printed = [
        " / ".join(f"{numbers[f'{key}_{macs.lower()}'].value:{spec}}" for macs in labels)
        for key, spec in (("power_w", ".2f"), ("area_mm2", ".1f"))
    ]
    assert row(r"power \(W\), mean over the paper's four networks") == (printed[0], " / ".join(power))
    assert row(r"area \(mm²\), only its SRAM a prediction") == (printed[1], " / ".join(area))


def test_the_claims_shown_are_computed():
    asked = [claim for claim in load_claims() if claim.id in ("speedup_asic_v3", "speedup_fpga_v3")]
    shown = evaluate_claims(asked, samples=1)
    paper, here = row("speedup over E-PUR at 64K, mean of four networks; over BrainWave's published latencies at 96K")
    assert paper == "{:.1f} / {:.1f}".format(*(outcome.claim.published.value for outcome in shown))
    assert here == "{:.1f} / {:.1f}".format(*(outcome.ours for outcome in shown))
    counts = Counter(recorded_verdicts().values())
    agree, within, differ, put_in, empty, unanswered = (counts[verdict] for verdict in VERDICTS)
    sentence = (
        rf"Of {counts.total()} published numbers {agree} agree .* {within} more .* {differ} differ, .* {empty} are met "
        rf"by a model of nothing as well, {put_in} went .* {unanswered} cannot be answered"
    )
    assert re.search(sentence, README)


def test_the_two_commands_stand_in_the_first_screen():
    first_screen = "\n".join(README.splitlines()[:25])
    assert "$ make figures" in first_screen
    assert "$ make test" in first_screen
