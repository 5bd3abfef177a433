"""How the chat looks: system fonts alone, so that the page needs no network; light and dark by Gradio's own colours."""

CSS = """
.main.fillable { padding: 0 !important; }
.gradio-container { width: 100%; max-width: 1240px !important; margin: 0 auto !important; padding: 12px !important; }
footer { display: none !important; }
#privacy { opacity: .7; font-size: .8rem; }
#chat { height: calc(100dvh - 245px) !important; min-height: 320px; }
#chat button[aria-label="Share"] { display: none; }
#chat .example { border: 1px solid var(--border-color-primary); }
#chat .placeholder-content { padding: 0 16px; }
#chat .image-frame { cursor: zoom-in; }
#chat .image-frame img { max-height: 300px; max-width: 100%; width: auto; object-fit: contain; }
#chat :fullscreen .image-frame img { max-height: none; width: 100vw !important; height: 100vh !important; }
#chat .he-text, #chat .he-code, #chat .he-error, #chat .he-note { white-space: pre-wrap; overflow-wrap: anywhere; }
#chat .he-text { max-height: 26rem; overflow: auto; }
#chat .he-code { font-family: ui-monospace, Consolas, monospace; font-size: .8rem; line-height: 1.4; max-height: 14rem;
  overflow: auto; padding: 6px 8px; margin: 4px 0; border-radius: 6px; background: var(--background-fill-secondary); }
.dark #chat .he-error { color: #f87171; }
#chat .he-error { color: #b91c1c; border-left: 3px solid currentColor; padding-left: 8px; }
#chat .he-note { opacity: .75; font-size: .85rem; }
#chat .he-cite { border-radius: 3px; cursor: help;
  background: color-mix(in srgb, var(--primary-500) 15%, transparent); }
#stop { color: #b91c1c; }
.dark #stop { color: #fca5a5; }
#picture .icon-button-wrapper { display: none; }
#mark { align-self: flex-start; }
#mark img { cursor: crosshair; }
@media (max-width: 640px) {
  .gradio-container { padding: 6px !important; }
  #chat { height: calc(100dvh - 270px) !important; }
  #privacy { font-size: .75rem; }
}
"""
"""The page's style sheet."""

ON_LOAD = """
() => document.addEventListener("click", (event) => {
  const frame = event.target.closest("#chat .image-frame");
  frame?.closest(".image-container")?.querySelector(".icon-button-wrapper button")?.click();
})
"""
"""A click on a picture in the chat shows it at full size. (Gradio's own button does the same.)"""
