"""The chat's messages as Gradio's, with pictures as files of the visitor's own folder."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .markup import plain
from .view import Message

if TYPE_CHECKING:
    import gradio as gr


def bubble(message: Message, file: Callable[[str], Path | None]) -> "gr.ChatMessage":
    """Return a message as Gradio's; `file` gives the PNG that shows an artifact, or None."""
    import gradio as gr

    shown = [(name, path) for name in message.pictures if (path := file(name)) is not None]
    content: list[Any] = [message.text] if message.text or not shown else []
    for name, path in shown:
        content += [_picture(name, path), caption(name, path)]
    metadata: dict[str, Any] = {}
    if message.title:
        found = {"title": message.title, "id": message.key, "parent_id": message.parent, "status": message.status}
        metadata = {field: value for field, value in found.items() if value}
        metadata |= {} if message.seconds is None else {"duration": message.seconds}
    return gr.ChatMessage(role=message.role, content=content, metadata=metadata)  # type: ignore[arg-type]


def _picture(name: str, path: Path) -> "gr.Image":
    import gradio as gr

    buttons: list[Any] = ["fullscreen"]
    return gr.Image(str(path), format="png", show_label=False, buttons=buttons, alt_text=name)


def caption(name: str, path: Path) -> str:
    """Return markup that names a picture as answers do and downloads it."""
    return (
        f'<div class="he-note">{plain(name)} '
        f'<a href="gradio_api/file={quote(str(path))}" download="{plain(name)}.png">download</a></div>'
    )
