"""Turns tool-use data into a planner."""
