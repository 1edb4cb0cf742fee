"""Answers from a bundle without torch: its graph, clips for it, and the recogniser over both."""
