"""Choice: from a network and a deadline to the designs that meet it.

Knows no notebook and no command line.
"""

from sharp.design.choice import Choice, choose
from sharp.design.goal import Goal

__all__ = ["Choice", "Goal", "choose"]
