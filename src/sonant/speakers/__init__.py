"""Enrolled speakers: who they are, where they are kept, and what an answer about them says. No torch."""
