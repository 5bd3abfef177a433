"""Hand the skills to LangChain: the same definitions as StructuredTools over one chat's pictures."""

from PIL import Image

from agent import Agent, ScriptedPlanner
from agent.langchain import as_tools


def main() -> str:
    """Turn a picture by a LangChain tool call and return what the tool said."""
    chat = Agent(ScriptedPlanner(["Ready."])).chat()
    chat.ask("here is a picture", images=[Image.new("RGB", (60, 40), "navy")])
    tools = {tool.name: tool for tool in as_tools(chat)}
    message = tools["rotate"].invoke({"name": "rotate", "args": {"degrees": 90}, "id": "1", "type": "tool_call"})
    print(message.content)
    return str(message.content)


if __name__ == "__main__":
    main()
