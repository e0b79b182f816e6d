"""Uptime: exact where arithmetic settles it, sampled where it does not.

``table`` and ``survival`` are exact; ``histories`` samples when the elements of a plant
are out; ``estimate`` says how sure a sampled mean is.
"""
