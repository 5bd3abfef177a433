"""Other people's tool-use data, into Traces and out of them: one file a format."""
