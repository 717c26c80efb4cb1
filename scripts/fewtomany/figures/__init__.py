"""Figures: each module draws one family from numbers that are already there.

A module has ``TITLE``, ``draw(comparison, ...)``, which returns a matplotlib figure,
and ``caption(comparison)``: sample sizes, what is shown, how failure would look.
"""
