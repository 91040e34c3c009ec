"""Chorales, keys and prompts: values that need NumPy alone."""
