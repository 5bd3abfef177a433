"""Checks of one row of tool-use data; `tool_data.validate.faults` runs them all."""
