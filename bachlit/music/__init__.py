"""Chorales, notes, keys and prompts: values that need NumPy alone."""
