"""`python -m bachlit.distill`: what teachers know, as lessons for a student."""
