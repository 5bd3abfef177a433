"""Supervised fine-tuning of a planner on tool-use data: `handeye train`."""
