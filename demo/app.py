"""The page: Gradio blocks around a Session for each visitor."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import Agent
from agent.options import common, make_agent, parser
from skills import InputError

from .bubbles import bubble
from .layout import layout
from .loader import Loader
from .session import Session, Shown
from .style import CSS, ON_LOAD

if TYPE_CHECKING:
    import gradio as gr

MAX_UPLOAD = "64mb"
"""Size of one uploaded file."""


class Page:
    """The handlers of one page; the state of a visitor is the Session that is handed in and out."""

    def __init__(self, agent: Agent, root: Path) -> None:
        """Serve an agent with the visitors' files in `root`; the planner starts to load at once."""
        self.loader = Loader(agent)
        self.loader.start()
        self.root = root

    def send(self, box: dict[str, Any], session: Session | None) -> Iterator[tuple[Any, ...]]:
        """Answer what is in the box; yields (session, chat, box, stop button, panel, picture to mark, hint)."""
        import gradio as gr

        session = session or Session(self.loader, self.root)
        taken = False
        for shown in session.ask(box.get("text") or "", [Path(file) for file in box.get("files") or ()]):
            empty = {"text": "", "files": []}
            filled = _refill(shown) or (gr.skip() if taken else empty)
            stop = gr.update(visible=shown.running)
            if not shown.running:
                session.look([Path(file) for file in shown.refill[1]] if shown.refill else [])
            panel = (gr.skip(),) * 3 if shown.running and taken else _panel(session)
            taken = True
            yield session, [bubble(item, session.file) for item in shown.messages], filled, stop, *panel

    def stop(self, session: Session | None) -> None:
        """Ask the visitor's turn to stop."""
        if session is not None:
            session.stop()

    def new(self, session: Session | None) -> tuple[Any, ...]:
        """Start again: the old chat's files are deleted."""
        import gradio as gr

        if session is not None:
            session.close()
        return None, [], gr.update(visible=False), *_panel(None)

    def look(self, box: dict[str, Any], session: Session | None) -> tuple[Any, ...]:
        """Offer the newest picture for marking when pictures are attached or removed."""
        import gradio as gr

        session = session or Session(self.loader, self.root)
        before = session.marking.key
        session.look([Path(file) for file in box.get("files") or ()])
        return (session, *(_panel(session) if session.marking.key != before else (gr.skip(),) * 3))

    def click(self, session: Session, x: float, y: float) -> tuple[Any, ...]:
        """Mark the place that was clicked, in pixels of the panel's picture."""
        session.marking.click(x, y)
        return _panel(session)

    def unmark(self, session: Session) -> tuple[Any, ...]:
        """Take the mark away."""
        session.marking.clear()
        return _panel(session)


def _refill(shown: Shown) -> dict[str, Any] | None:
    return {"text": shown.refill[0], "files": [str(path) for path in shown.refill[1]]} if shown.refill else None


def _panel(session: Session | None) -> tuple[Any, ...]:
    """Return what the panel, its picture and its hint become."""
    import gradio as gr

    drawn = session.drawing if session else None
    hint = session.marking.hint if session else ""
    return gr.update(visible=drawn is not None), str(drawn) if drawn else None, hint


def main(argv: Sequence[str]) -> int:
    """Run `handeye demo`; returns its exit status. Raises InputError for options that cannot be used."""
    options = parser("demo", "[options]", "Open the chat in a browser.")
    options.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    options.add_argument("--port", type=int, default=7860, metavar="N", help="port (default 7860)")
    common(options)
    args = options.parse_args(list(argv))
    agent = make_agent(args)
    root = Path(tempfile.mkdtemp(prefix="handeye-demo-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        launch(agent, root, args.host, args.port).block_thread()
    except OSError as error:
        raise InputError(f"cannot listen on {args.host}:{args.port} ({error}); choose another --port") from error
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 0


def launch(agent: Agent, root: Path, host: str, port: int) -> "gr.Blocks":
    """Open the page and return it running; nothing is sent to anybody."""
    os.environ.update(
        GRADIO_TEMP_DIR=str(root), GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1"
    )
    page = layout(Page(agent, root))
    page.queue(default_concurrency_limit=8)
    page.launch(
        server_name=host, server_port=port, share=False, prevent_thread_lock=True, quiet=True, allowed_paths=[],
        max_file_size=MAX_UPLOAD, run_history=False, footer_links=[], ssr_mode=False, mcp_server=False,
        enable_monitoring=False, show_error=True, css=CSS, js=ON_LOAD, theme=_theme(),
    )  # fmt: skip
    print(f"handeye listens on {page.local_url}", flush=True)
    return page


def _theme() -> "gr.themes.Base":
    import gradio as gr

    fonts = [gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")]
    mono = [gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")]
    return gr.themes.Soft(font=fonts, font_mono=mono, primary_hue="indigo", spacing_size="sm", radius_size="md")
