"""handeye's chat: a Gradio page over agent and skills."""
