"""What stands where on the page, and which handler each event calls."""

from typing import TYPE_CHECKING, Any, cast

from agent import Agent

from .session import Session

if TYPE_CHECKING:
    import gradio as gr

    from .app import Page


CLEAN_UP = (3600, 86400)
"""Every hour Gradio deletes uploads older than a day (seconds)."""

IDLE = 86400
"""Seconds after which a chat nobody uses is deleted."""

EXAMPLES = (
    "What does it say?",
    "How many people are there?",
    "Blur the faces",
    "Make it black and white",
    "What can you do?",
)
"""Requests shown as chips in an empty chat."""


def layout(page: "Page") -> "gr.Blocks":
    """Build the page and connect its events to the handlers of `page`."""
    import gradio as gr

    with gr.Blocks(title="handeye", analytics_enabled=False, fill_width=True, delete_cache=CLEAN_UP) as blocks:
        state = gr.State(None, time_to_live=IDLE, delete_callback=lambda session: session and session.close())
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                chat = _chat()
                box = gr.MultimodalTextbox(
                    placeholder="Ask about your pictures, or say what to do with them",
                    file_count="multiple",
                    sources=["upload"],
                    show_label=False,
                    autofocus=True,
                    max_lines=6,
                    elem_id="box",
                )
                with gr.Row():
                    stop = gr.Button("■ Stop", variant="stop", size="sm", visible=False, min_width=110, elem_id="stop")
                    new = gr.Button("New chat", size="sm", scale=0, min_width=110, elem_id="new")
                gr.Markdown(privacy(page.loader.agent), elem_id="privacy")
            with gr.Column(scale=1, min_width=260, visible=False, elem_id="mark") as panel:
                picture = gr.Image(
                    label="Mark a place",
                    show_label=False,
                    interactive=False,
                    type="pil",
                    format="png",
                    buttons=[],
                    elem_id="picture",
                )
                hint = gr.Markdown()
                unmark = gr.Button("Remove the mark", size="sm")
        marking = [panel, picture, hint]
        sent = box.submit(
            page.send, [box, state], [state, chat, box, stop, *marking], show_progress="hidden", api_name="send"
        )
        stop.click(page.stop, state, None, queue=False, api_name="stop")
        fresh = [state, chat, stop, *marking]
        new.click(page.new, state, fresh, cancels=[sent], queue=False, api_name="new")
        chat.clear(page.new, state, fresh, cancels=[sent], queue=False, api_visibility="private")
        quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        box.change(page.look, [box, state], [state, *marking], **quiet)
        unmark.click(page.unmark, state, marking, **quiet)

        def click(session: Session, event: gr.SelectData) -> tuple[Any, ...]:
            return page.click(session, *event.index)

        def example(value: dict[str, Any], event: gr.SelectData) -> dict[str, Any]:
            return {"text": event.value["text"], "files": (value or {}).get("files") or []}

        picture.select(click, state, marking, **quiet)
        chat.example_select(example, box, box, **quiet)
    return cast("gr.Blocks", blocks)


def _chat() -> "gr.Chatbot":
    import gradio as gr

    return gr.Chatbot(
        show_label=False, elem_id="chat", buttons=[], allow_tags=False, latex_delimiters=[], layout="bubble",
        examples=[{"text": text} for text in EXAMPLES],
        placeholder="### Add a picture and ask\nEach tool that runs is shown here, with what it found.",
    )  # fmt: skip


def privacy(agent: Agent) -> str:
    """Return the line that says where pictures go: nowhere, or to the skills on offer that use the network."""
    network = [skill.name for skill in agent.offer if skill.effects == "network"]
    line = "Everything stays on the machine that runs handeye; pictures are deleted when the chat ends."
    return f"{line} Except: {', '.join(network)} may use the network." if network else line
