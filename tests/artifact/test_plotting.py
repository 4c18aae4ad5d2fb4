"""What figures share: a colour for every name, markers without end, names as they are written."""

from itertools import islice

import matplotlib.pyplot as plt

from sharp.artifact.plotting import MARKERS, OTHER_COLORS, SCHEDULE_COLORS, colors_of, make_panels, markers, plain


def test_names_keep_their_colours_and_others_get_one_each():
    colors = colors_of(["mine", "unfolded", "yours", "mine"], SCHEDULE_COLORS)
    assert colors == {"mine": OTHER_COLORS[0], "unfolded": SCHEDULE_COLORS["unfolded"], "yours": OTHER_COLORS[1]}
    many = colors_of(map(str, range(20)), SCHEDULE_COLORS)
    assert len(many) == 20
    assert set(many.values()) == set(OTHER_COLORS)


def test_markers_begin_again():
    assert "".join(islice(markers(), 10)) == MARKERS + MARKERS[:2]


def test_a_name_is_no_mathematics():
    panels = make_panels([r"$\nothing$", "{0}"], "{} MACs")
    panels[r"$\nothing$"].figure.canvas.draw()  # where mathematics would be set
    assert [ax.get_title() for ax in panels.values()] == [plain(r"$\nothing$") + " MACs", "{0} MACs"]
    plt.close("all")
