"""Makes, converts, checks and mixes tool-use data, all in Trace form."""
