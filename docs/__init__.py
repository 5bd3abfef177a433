"""The docs and what generates them."""
