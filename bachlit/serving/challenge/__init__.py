"""The BachBot Challenge: which of two clips is Bach's?"""
