"""handeye's agent: plans, calls, answers."""

from skills.store import Artifact

from .agent import Agent, Answer, Chat
from .events import CallStarted, Progress, StepEnded, TurnEnded
from .planner import CallReady, ContextFull, Delta, Planner
from .planners.scripted import ScriptedPlanner
from .rollouts import rollout
from .trace import Citation, Observation, PlannerOutput, Step, ToolCall, Trace, Turn

__all__ = [
    "Agent",
    "Answer",
    "Artifact",
    "CallReady",
    "CallStarted",
    "Chat",
    "Citation",
    "ContextFull",
    "Delta",
    "Observation",
    "Planner",
    "PlannerOutput",
    "Progress",
    "ScriptedPlanner",
    "Step",
    "StepEnded",
    "ToolCall",
    "Trace",
    "Turn",
    "TurnEnded",
    "rollout",
]
