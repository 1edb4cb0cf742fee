"""How far a model that one holds can be pushed by sounds that differ by a bounded whisper.

A `Victim` gives scores whose highest is its answer. An `Objective` is a number a clip that grows as the
attacker gets what he wants. An attack is a pure function of an objective, clean clips and a `Bound`; what it
returns never leaves the bound. This is robustness evaluation of local models.
"""
