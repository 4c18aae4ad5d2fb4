"""Choice and search: from a network and a deadline to the designs that meet it, from a space to those on its front.

Knows no notebook and no command line.
"""

from sharp.design.choice import Choice, choose
from sharp.design.goal import Goal
from sharp.design.search import SearchResult, search

__all__ = ["Choice", "Goal", "SearchResult", "choose", "search"]
