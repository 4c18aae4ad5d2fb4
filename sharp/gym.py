"""What agents need: `DesignEnv`, the choice of a design as an environment of Gymnasium."""

from sharp.design.agents import compare_agents
from sharp.design.environment import DesignEnv

__all__ = ["DesignEnv", "compare_agents"]
