"""Skills as LangChain tools: the same definition, the same checks, the same artifacts."""

from typing import TYPE_CHECKING, Any

from skills import Cancel, Skill

from .agent import Chat
from .trace import Observation, ToolCall

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool


def as_tool(skill: Skill[..., Any], chat: Chat) -> "StructuredTool":
    """Return a skill as a StructuredTool that works on the pictures and artifacts of `chat`.

    The tool's content is what a planner reads; its artifact is the Observation. Raises langchain_core's ToolException
    with the typed message where the call fails, so that an agent can mend it.
    """
    from langchain_core.tools import StructuredTool, ToolException

    def run(**args: Any) -> tuple[str, Observation]:
        seen = call(chat, skill.name, {name: value for name, value in args.items() if value is not None})
        if seen.status != "success":
            raise ToolException(seen.content)
        return seen.content, seen

    return StructuredTool.from_function(
        func=run,
        name=skill.name,
        description=skill.description,
        args_schema=skill.arguments,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=_refusal,
    )


def _refusal(error: Any) -> str:
    """Return what was wrong with the arguments, as the executor would say it."""
    first = error.errors(include_url=False)[0]
    return f"bad_arguments: {'.'.join(map(str, first['loc']))}: {first['msg']}, got {first['input']!r}"


def as_tools(chat: Chat) -> list["StructuredTool"]:
    """Return every skill on offer in `chat` that can run here as a LangChain tool."""
    return [as_tool(skill, chat) for skill in chat.skills if not skill.unavailable()]


def call(chat: Chat, name: str, args: dict[str, Any]) -> Observation:
    """Run one skill on a chat's artifacts, without a planner, and return what came of it."""
    call_id = f"call_{chat.trace.call_count + 1}"
    for event in chat.executor.run([ToolCall(id=call_id, name=name, args=args)], chat.trace, chat.artifacts, Cancel()):
        if isinstance(event, Observation):
            return event
    raise AssertionError("the executor yields one observation for each call")
